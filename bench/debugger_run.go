package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// program is one that is run for the debugger's figures: what answers the application's requests.
type program struct {
	*development
	client *http.Client
	mark   string // is in the environment of all its processes
}

// launch starts a program in dir, which is to answer at address.
func launch(dir, address string, env []string, name string, args ...string) (_ *program, err error) {
	d := &development{dir: dir, address: address, output: &tail{}, ended: make(chan struct{})}
	if d.leash, err = newLeash(); err != nil {
		return nil, err
	}
	p := &program{development: d, mark: leashVariable + "=" + d.leash.address()}
	p.client = &http.Client{Transport: &http.Transport{DialContext: dialHere, MaxIdleConnsPerHost: keptConnections}, Timeout: answerTimeout}
	d.cmd = exec.Command(name, args...)
	d.cmd.Dir = dir
	d.cmd.Env = append(append(plainEnvironment(), p.mark), env...)
	d.cmd.Stdout, d.cmd.Stderr = d.output, d.output
	d.cmd.WaitDelay = orphanTime // for a process that it leaves behind, which has its output open
	ownGroup(d.cmd)
	if err := d.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w", filepath.Base(name), err), d.leash.letGo())
	}
	go func() {
		d.err = d.cmd.Wait()
		close(d.ended)
	}()
	return p, nil
}

// ready waits for the first answer. Without one the program is stopped.
func (p *program) ready(ctx context.Context) error {
	if _, err := p.await(ctx, cheapPath, cheapText, time.Now(), firstAnswerTime, 10*time.Millisecond); err != nil {
		return errors.Join(fmt.Errorf("the application did not answer: %w; it said: %s", err, p.output), p.stop())
	}
	return nil
}

// stop ends the program. Processes that it leaves behind are an error, and ended.
func (p *program) stop() error {
	p.client.CloseIdleConnections()
	_, err := p.development.stop()
	for end := time.Now().Add(orphanTime); ; time.Sleep(10 * time.Millisecond) {
		left := marked(p.mark)
		if len(left) == 0 {
			return err
		}
		if time.Now().After(end) {
			return errors.Join(err, fmt.Errorf("it has left %d processes behind, which were ended", len(left)), endAll(left))
		}
	}
}

// residentSetting tells the application how much memory to take.
func residentSetting(bytes int64) string { return "BENCH_RESIDENT=" + strconv.FormatInt(bytes, 10) }

// releaseOrders starts the application as it is deployed.
func releaseOrders(ctx context.Context, dir, binary string, resident int64) (*program, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	p, err := launch(dir, address, []string{"LISTEN=" + address, residentSetting(resident)}, binary)
	if err != nil {
		return nil, err
	}
	return p, p.ready(ctx)
}

// debugged is "fault run" with its debugger.
type debugged struct {
	*program
	debugger string // address
	pin      string
	token    string
}

var toldPIN = regexp.MustCompile(`debugger\b.*\bPIN:? (\d{3}-\d{3}-\d{3})`)

// debugOrders starts "fault run" in the application's directory and asks for the debugger's token.
func debugOrders(ctx context.Context, dir, fault string, resident int64) (*debugged, error) {
	public, err := freeAddress()
	if err != nil {
		return nil, err
	}
	debugger, err := freeAddress()
	if err != nil {
		return nil, err
	}
	p, err := launch(dir, public, []string{residentSetting(resident)}, fault,
		"run", "--listen", public, "--debug-listen", debugger, "--no-mailbox", "--no-vet", "--start-timeout", firstAnswerTime.String(), ".")
	if err != nil {
		return nil, err
	}
	d := &debugged{program: p, debugger: debugger}
	if err := d.open(ctx); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return d, p.ready(ctx)
}

// open waits for the PIN and takes it to the debugger.
func (d *debugged) open(ctx context.Context) error {
	for end := time.Now().Add(startTimeout); d.pin == ""; {
		if m := toldPIN.FindStringSubmatch(d.output.String()); m != nil {
			d.pin = m[1]
		} else if time.Now().After(end) {
			return fmt.Errorf("it did not tell the debugger's PIN; it said: %s", d.output)
		} else if err := d.pause(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	var session struct{ Token string }
	if err := d.speak(ctx, http.MethodPost, "/session", map[string]any{"pin": d.pin}, &session); err != nil {
		return fmt.Errorf("opening a session of the debugger: %w", err)
	}
	d.token = session.Token
	return nil
}

// appFacts are what the application tells of itself.
type appFacts struct {
	PID     int
	Address string // where it listens itself
	Tags    string // of its build
	Name    string // of what it is made with, where that is not the kit
}

// facts asks the application about itself.
func (p *program) facts(ctx context.Context) (f appFacts, err error) {
	text, _, _, err := p.page(ctx, "/about", http.StatusOK)
	if err == nil {
		err = json.Unmarshal([]byte(text), &f)
	}
	if err != nil {
		return f, fmt.Errorf("asking the application about itself: %w", err)
	}
	return f, nil
}

// page asks for a page as a browser does and returns its text, its headers and how long that took.
func (p *program) page(ctx context.Context, path string, status int) (string, http.Header, time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.address+path, nil)
	if err != nil {
		return "", nil, 0, err
	}
	for name, value := range map[string]string{
		"Accept":         "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
		"Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none",
	} {
		req.Header.Set(name, value)
	}
	start := time.Now()
	res, err := p.client.Do(req)
	if err != nil {
		return "", nil, 0, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	took := time.Since(start)
	if err != nil {
		return "", nil, 0, fmt.Errorf("%s: reading the answer: %w", path, err)
	}
	if res.StatusCode != status {
		return "", nil, 0, fmt.Errorf("%s: answered %s instead of %d: %.200q; it said: %s", path, res.Status, status, text, p.output)
	}
	return string(text), res.Header, took, nil
}

var linked = regexp.MustCompile(`<http://([^/>]+)(/failures/[^>]+)>; rel="describedby"`)

// fail has a request fail and returns where the debugger has that failure, and how long the page took.
func (d *debugged) fail(ctx context.Context) (path string, took time.Duration, err error) {
	text, header, took, err := d.page(ctx, billPath, http.StatusInternalServerError)
	if err != nil {
		return "", 0, err
	}
	m := linked.FindStringSubmatch(header.Get("Link"))
	if m == nil || m[1] != d.debugger || !strings.Contains(text, "nil pointer") {
		return "", 0, fmt.Errorf("the answer is not the page of the failure: its Link is %q", header.Get("Link"))
	}
	return m[2], took, nil
}
