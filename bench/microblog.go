package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"example.org/microblog/internal/config"
)

const (
	startTimeout = 60 * time.Second
	stopTimeout  = 20 * time.Second
)

// build compiles the program at path, a package of the module this command is run in, into dir.
func build(ctx context.Context, path, dir string) (string, error) {
	binary := filepath.Join(dir, "microblog.exe")
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=auto", "-o", binary, path)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s (run this from inside the repository): %w\n%s", path, err, out)
	}
	return binary, nil
}

// site is a Microblog that is not running: a binary, a directory for its files, and a database.
type site struct {
	binary   string
	dir      string
	database string // DATABASE_URL; "" for the embedded one in dir
}

// environment returns this process's environment without any of Microblog's settings, then the
// site's own.
func (s site) environment(more ...string) []string {
	known := make(map[string]bool)
	for _, setting := range config.Settings() {
		known[setting.Name] = true
	}
	var env []string
	for _, e := range os.Environ() {
		if name, _, _ := strings.Cut(e, "="); !known[name] {
			env = append(env, e)
		}
	}
	env = append(env, "LISTEN=127.0.0.1:0")
	if s.database != "" {
		env = append(env, "DATABASE_URL="+s.database)
	}
	return append(env, more...)
}

// migrate makes the database's schema.
func (s site) migrate(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, s.binary, "migrate")
	cmd.Dir = s.dir
	cmd.Env = s.environment()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("migrating the database: %w\n%s", err, out)
	}
	return nil
}

// server is a running Microblog.
type server struct {
	cmd     *exec.Cmd
	address string
	stderr  *tail
	ended   chan error
	ending  func() error // not nil once the whole benchmark is to end, which interrupts the server too
}

var announced = regexp.MustCompile(`http://(127\.0\.0\.1:\d+)`)

// start runs microblog serve with arguments and further settings, and waits until it answers.
func (s site) start(ctx context.Context, args []string, settings ...string) (*server, error) {
	cmd := exec.CommandContext(ctx, s.binary, append([]string{"serve"}, args...)...)
	cmd.Dir = s.dir
	cmd.Env = s.environment(settings...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = stopTimeout
	srv := &server{cmd: cmd, stderr: &tail{}, ended: make(chan error, 1), ending: ctx.Err}
	cmd.Stderr = srv.stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("starting Microblog: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting Microblog: %w", err)
	}
	address := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			if m := announced.FindStringSubmatch(lines.Text()); m != nil {
				select {
				case address <- m[1]:
				default:
				}
			}
		}
		_, _ = io.Copy(io.Discard, stdout)
		srv.ended <- cmd.Wait()
	}()
	select {
	case srv.address = <-address:
	case err := <-srv.ended:
		return nil, fmt.Errorf("starting Microblog: it ended at once (%v) and said: %s", err, srv.stderr)
	case <-time.After(startTimeout):
		return nil, errors.Join(fmt.Errorf("starting Microblog: it did not say within %v where to open it; it said: %s", startTimeout, srv.stderr), srv.kill())
	}
	if err := srv.ready(ctx); err != nil {
		return nil, errors.Join(err, srv.stop())
	}
	return srv, nil
}

func (s *server) pid() int { return s.cmd.Process.Pid }

func (s *server) url(path string) string { return "http://" + s.address + path }

// ready asks /readyz until it says yes.
func (s *server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url("/readyz"), nil)
		if err != nil {
			return fmt.Errorf("asking whether Microblog is ready: %w", err)
		}
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for Microblog: it was not ready within %v and said: %s", startTimeout, s.stderr)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// signIn logs somebody in and returns the Cookie header of the session.
func (s *server) signIn(ctx context.Context, username, password string) (string, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return "", fmt.Errorf("logging in as %s: %w", username, err)
	}
	client := &http.Client{Jar: jar, Timeout: answerTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	form := url.Values{"username": {username}, "password": {password}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url("/login"), strings.NewReader(form.Encode()))
	if err != nil {
		return "", fmt.Errorf("logging in as %s: %w", username, err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", s.url(""))
	res, err := client.Do(req)
	if err != nil {
		return "", fmt.Errorf("logging in as %s: %w", username, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusSeeOther && res.StatusCode != http.StatusFound {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 500))
		return "", fmt.Errorf("logging in as %s: answered %s: %s", username, res.Status, text)
	}
	var cookies []string
	for _, c := range jar.Cookies(req.URL) {
		cookies = append(cookies, c.Name+"="+c.Value)
	}
	if len(cookies) == 0 {
		return "", fmt.Errorf("logging in as %s: no cookie was set", username)
	}
	return strings.Join(cookies, "; "), nil
}

// stop asks the server to stop, waits for it, and ends it if it takes too long.
func (s *server) stop() error {
	if s.ending() == nil {
		if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
			return s.kill() // a system without this signal
		}
	}
	select {
	case err := <-s.ended:
		if err != nil && s.ending() == nil {
			return fmt.Errorf("stopping Microblog: %w; it said: %s", err, s.stderr)
		}
		return nil
	case <-time.After(stopTimeout):
		return errors.Join(fmt.Errorf("stopping Microblog: it was still running after %v and was ended", stopTimeout), s.kill())
	}
}

func (s *server) kill() error {
	if err := s.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("ending Microblog: %w", err)
	}
	<-s.ended
	return nil
}

// tail keeps the last 4 KiB written to it. Its methods may be called concurrently.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if over := len(t.text) - 4096; over > 0 {
		t.text = t.text[over:]
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.text))
}
