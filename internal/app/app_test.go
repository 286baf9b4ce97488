package app_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"example.org/microblog/internal/app"
	"example.org/microblog/internal/config"
)

// settings are those of a server of its own in dir.
func settings(t *testing.T, dir string, more map[string]string) config.Config {
	t.Helper()
	env := map[string]string{
		"LISTEN":   "127.0.0.1:0",
		"DATA_DIR": filepath.Join(dir, "data"),
		"LOG_DIR":  filepath.Join(dir, "logs"),
	}
	for name, value := range more {
		env[name] = value
	}
	cfg, err := config.Load(config.Flags{}, func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	}, "")
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func open(t *testing.T, cfg config.Config) *app.App {
	t.Helper()
	a, err := app.Open(t.Context(), app.Options{Config: cfg, Stdout: io.Discard, Stderr: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}

func logOf(t *testing.T, cfg config.Config) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(cfg.LogDir, "microblog.log"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestLife(t *testing.T) {
	t.Parallel()
	cfg := settings(t, t.TempDir(), nil)
	a := open(t, cfg)
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- a.Run(ctx) }()

	resp, err := http.Get(a.URL() + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("GET /readyz answered %d, want 200", resp.StatusCode)
	}
	stop()
	if err := <-ran; err != nil {
		t.Errorf("Run returned %v after it was asked to stop, want nil", err)
	}
	if _, err := http.Get(a.URL() + "/readyz"); err == nil {
		t.Error("the server still answers after Run has returned")
	}
	for range 2 {
		if err := a.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	log := logOf(t, cfg)
	first, _, _ := strings.Cut(log, "\n")
	if !strings.Contains(first, " INFO: Microblog startup [in internal/app/app.go:") {
		t.Errorf("the first line of the log is %q, want the startup line", first)
	}
	if !strings.Contains(log, "Microblog stopped") {
		t.Errorf("the log does not end with the stop:\n%s", log)
	}
}

func TestLogsAreReopened(t *testing.T) {
	t.Parallel()
	cfg := settings(t, t.TempDir(), nil)
	a := open(t, cfg)
	moved := filepath.Join(cfg.LogDir, "moved")
	if err := os.Rename(filepath.Join(cfg.LogDir, "microblog.log"), moved); err != nil {
		t.Fatal(err)
	}
	a.ReopenLogs()
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if text := logOf(t, cfg); !strings.Contains(text, "Microblog stopped") {
		t.Errorf("the new log file holds %q, want the line of the stop", text)
	}
}

func TestListenRefused(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, test := range []struct {
		name, listen string
		want         []string
	}{
		{"address in use", taken.Addr().String(), []string{taken.Addr().String(), "in use", "LISTEN"}},
		{"not this machine's address", "192.0.2.1:5000", []string{"192.0.2.1:5000", "LISTEN"}},
		{"a file that is no socket", "unix:" + plainFile(t), []string{"is no socket", "LISTEN"}},
		{"socket in a directory that is not there", "unix:" + filepath.Join(t.TempDir(), "no", "socket"), []string{"LISTEN"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := settings(t, t.TempDir(), map[string]string{"LISTEN": test.listen})
			_, err := app.Open(t.Context(), app.Options{Config: cfg, Stdout: io.Discard, Stderr: os.Stderr})
			if err == nil {
				t.Fatal("Open succeeded")
			}
			if _, err := os.Stat(cfg.DataDir); err == nil {
				t.Error("the database was touched although the address could not be taken")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error %q does not say %q", err, want)
				}
			}
			if !strings.Contains(logOf(t, cfg), "Microblog could not start") {
				t.Error("the log does not tell why the server did not start")
			}
		})
	}
}

// A second start by mistake is told apart from another program in the way.
func TestListenWhereAMicroblogIs(t *testing.T) {
	t.Parallel()
	a := open(t, settings(t, t.TempDir(), nil))
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- a.Run(ctx) }()
	defer func() { stop(); <-ran }()
	cfg := settings(t, t.TempDir(), map[string]string{"LISTEN": strings.TrimPrefix(a.URL(), "http://")})
	_, err := app.Open(t.Context(), app.Options{Config: cfg, Stdout: io.Discard, Stderr: os.Stderr})
	if err == nil || !strings.Contains(err.Error(), "a Microblog is running there already") || !strings.Contains(err.Error(), "LISTEN") {
		t.Errorf("the error is %v", err)
	}
}

func plainFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestUnixSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "socket")
	// What a process leaves that was killed.
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()

	open(t, settings(t, t.TempDir(), map[string]string{"LISTEN": "unix:" + path}))
	second := settings(t, t.TempDir(), map[string]string{"LISTEN": "unix:" + path})
	if _, err := app.Open(t.Context(), app.Options{Config: second, Stdout: io.Discard, Stderr: os.Stderr}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("over a socket that somebody listens on: %v, want an error that says so", err)
	}
}

func TestStartErrorKeepsSecrets(t *testing.T) {
	t.Parallel()
	cfg := settings(t, t.TempDir(), map[string]string{
		"DATABASE_URL": "postgres://susan:canary-password@127.0.0.1:1/microblog?connect_timeout=1",
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var stderr bytes.Buffer
	_, err := app.Open(ctx, app.Options{Config: cfg, Stdout: io.Discard, Stderr: &stderr})
	if err == nil {
		t.Fatal("Open succeeded without a database")
	}
	for where, text := range map[string]string{"the error": err.Error(), "the log": logOf(t, cfg), "standard error": stderr.String()} {
		if strings.Contains(text, "canary-password") {
			t.Errorf("%s holds the password: %s", where, text)
		}
	}
	if !strings.Contains(logOf(t, cfg), "Microblog could not start") {
		t.Error("the log does not tell why the server did not start")
	}
}

// TestStopDuringSlowRequest stops a server whose request takes longer than the grace: it is answered, not cut off.
func TestStopDuringSlowRequest(t *testing.T) {
	t.Parallel()
	cfg := settings(t, t.TempDir(), nil)
	a, err := app.Open(t.Context(), app.Options{Config: cfg, Drill: true, Stdout: io.Discard, Stderr: os.Stderr, Grace: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- a.Run(ctx) }()

	sent, answered := make(chan struct{}), make(chan int, 1)
	trace := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { close(sent) },
	})
	slow, err := http.NewRequestWithContext(trace, http.MethodGet, a.URL()+"/drill/slow?ms=30000", nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		resp, err := http.DefaultClient.Do(slow)
		if err != nil {
			t.Errorf("the slow request was cut off: %v", err)
			answered <- 0
			return
		}
		resp.Body.Close()
		answered <- resp.StatusCode
	}()
	<-sent
	// A request whose handler has not begun is dropped by net/http.
	for stacks := make([]byte, 4<<20); !bytes.Contains(stacks[:runtime.Stack(stacks, true)], []byte("internal/web.drillSlow(")); {
		select {
		case status := <-answered:
			t.Fatalf("the slow request was answered with %d at once", status)
		case <-time.After(5 * time.Millisecond):
		}
	}
	stop()
	if status := <-answered; status != http.StatusServiceUnavailable {
		t.Errorf("the slow request was answered with %d, want 503", status)
	}
	if err := <-ran; err != nil {
		t.Errorf("Run returned %v, want nil", err)
	}
}

func TestAccessLogKeepsSecrets(t *testing.T) {
	t.Parallel()
	const canary = "canary-secret-key-0123456789"
	cfg := settings(t, t.TempDir(), map[string]string{"SECRET_KEY": canary})
	a := open(t, cfg)
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- a.Run(ctx) }()
	for _, path := range []string{"/" + canary, "/?q=" + canary} {
		resp, err := http.Get(a.URL() + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	stop()
	if err := <-ran; err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(cfg.AccessLog.Path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "method=GET"); n < 2 {
		t.Fatalf("the access log has %d requests, want at least 2:\n%s", n, text)
	}
	if strings.Contains(string(text), canary) {
		t.Errorf("the access log holds the secret key:\n%s", text)
	}
}
