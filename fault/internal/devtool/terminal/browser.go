package terminal

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// ErrNoDesktop is that there is nothing on this machine where a browser could appear.
var ErrNoDesktop = errors.New("there is no desktop here: neither DISPLAY nor WAYLAND_DISPLAY nor BROWSER is set")

// openerLimit is how long OpenBrowser waits for an error. What opens browsers fails quickly, and may run as long as the
// browser does.
const openerLimit = 500 * time.Millisecond

// OpenBrowser opens an http or https address in the user's browser: by the command in the variable BROWSER, or as the
// system does it. It takes at most about half a second; an opener that fails later is not told of. The browser does not
// depend on this process.
func OpenBrowser(address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("opening the browser: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("opening the browser: %q is no address of a web page", address)
	}
	command, err := opener()
	if err != nil {
		return err
	}
	cmd := exec.Command(command[0], append(command[1:], u.String())...) // no input or output: a browser writes much
	cmd.SysProcAttr = detached()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("opening the browser: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	ctx, cancel := context.WithTimeout(context.Background(), openerLimit)
	defer cancel()
	select {
	case err := <-ended:
		if err != nil {
			return fmt.Errorf("opening the browser: %s: %w", command[0], err)
		}
	case <-ctx.Done():
	}
	return nil
}

// opener is the command that opens an address.
func opener() ([]string, error) {
	if command := strings.Fields(os.Getenv("BROWSER")); len(command) > 0 {
		return command, nil
	}
	switch runtime.GOOS {
	case "windows":
		return []string{"rundll32", "url.dll,FileProtocolHandler"}, nil
	case "darwin":
		return []string{"open"}, nil
	}
	if os.Getenv("WSL_DISTRO_NAME") != "" {
		for _, command := range [][]string{{"wslview"}, {"rundll32.exe", "url.dll,FileProtocolHandler"}} {
			if _, err := exec.LookPath(command[0]); err == nil {
				return command, nil
			}
		}
	}
	if os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
		return nil, ErrNoDesktop // xdg-open would try browsers for terminals
	}
	return []string{"xdg-open"}, nil
}
