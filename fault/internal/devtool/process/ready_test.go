package process_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"example.org/microblog/fault/internal/devtool/process"
)

// ready waits until the process is.
func ready(t *testing.T, p *started) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := p.AwaitReady(ctx, p.address, ""); err != nil {
		t.Fatalf("%v; it wrote %q", err, p.out.String())
	}
}

func TestReady(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{
		"serve", "late", "becomes ready", "redirects", "forbids", "fails once", "all fails", "all addresses", "child listens",
		"close stderr",
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			p := start(t, mode)
			ready(t, p)
			c, err := net.Dial("tcp", p.address)
			if err != nil {
				t.Fatal(err)
			}
			c.Close()
			if runtime.GOOS == "linux" {
				_, port, _ := net.SplitHostPort(p.address)
				if at := p.Listening(); len(at) != 1 || !strings.HasSuffix(at[0], ":"+port) {
					t.Errorf("it listens on %v, not %s", at, p.address)
				}
			}
		})
	}
}

func TestReadyHost(t *testing.T) {
	t.Parallel()
	p := start(t, "host")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := p.AwaitReady(ctx, p.address, "app.example:5000"); err != nil {
		t.Fatal(err)
	}
	p.says(t, "asked for app.example:5000/readyz")
}

var waited = regexp.MustCompile(`after [\d.]+m?s`)

func TestNotReady(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		mode   string
		status int
		body   string
		text   string
		hint   string
	}{
		{"never ready", 503, "the database is not there", "GET /readyz still answers 503 after …: the database is not there", "when GET /readyz answers 200"},
		{"readyz fails", 500, "the database is not there", "GET /readyz still answers 500 after …: the database is not there", "when GET /readyz answers 200"},
		{"never listens", 0, "", "it does not listen on ADDRESS after …", "LISTEN"},
		{"elsewhere", 0, "", "it does not listen on ADDRESS after …, but on ELSEWHERE", `LISTEN=ADDRESS and PORT=`},
		{"silent listener", 0, "", "it listens on ADDRESS, but GET /readyz has no answer there after …", "where it was"},
		{"no HTTP", 0, "", "it listens on ADDRESS, but does not answer there in HTTP/1.1: ", "without TLS"},
	} {
		t.Run(tt.mode, func(t *testing.T) {
			t.Parallel()
			p := start(t, tt.mode)
			elsewhere := ""
			if tt.mode == "elsewhere" {
				elsewhere = p.says(t, "elsewhere ")
			}
			if tt.status != 0 || strings.HasPrefix(tt.text, "it listens") {
				eventually(t, "it listens", func() bool {
					c, err := net.Dial("tcp", p.address)
					if err == nil {
						c.Close()
					}
					return err == nil
				})
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second) // No longer than it takes to be asked a few times.
			defer cancel()
			err := p.AwaitReady(ctx, p.address, "")
			var e *process.NotReadyError
			if !errors.As(err, &e) || !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("%v", err)
			}
			if e.Status != tt.status || e.Body != tt.body || e.Address != p.address {
				t.Errorf("%+v", e)
			}
			if runtime.GOOS != "linux" && e.Listening == nil {
				return // Its text says less.
			}
			text := waited.ReplaceAllString(strings.ReplaceAll(e.Error(), p.address, "ADDRESS"), "after …")
			if elsewhere != "" {
				text = strings.ReplaceAll(text, elsewhere, "ELSEWHERE")
			}
			if !strings.HasPrefix(text, tt.text) {
				t.Errorf("%s, want %s", text, tt.text)
			}
			if err := p.Quit(patience); err != nil {
				t.Fatal(err)
			}
			problem := e.Problem(p.Exit(), source)
			if m := problem.Messages[0]; m.Text != e.Error() || !strings.Contains(m.Hint, strings.ReplaceAll(tt.hint, "ADDRESS", p.address)) {
				t.Errorf("%+v", m)
			}
			if len(problem.Stack) == 0 || strings.Contains(problem.Output, "goroutine") {
				t.Errorf("where it waits is not shown: %+v", problem)
			}
		})
	}
}

// TestTLS: it would never be ready, and the caller need not wait for that.
func TestTLS(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	private, err := x509.MarshalPKCS8PrivateKey(s.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		cert: {Type: "CERTIFICATE", Bytes: s.Certificate().Raw},
		key:  {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := start(t, "TLS", cert, key)
	var e *process.NotReadyError
	if err := p.AwaitReady(t.Context(), p.address, ""); !errors.As(err, &e) || !strings.HasSuffix(err.Error(), "it speaks TLS") && runtime.GOOS == "linux" {
		t.Fatalf("%v", err)
	}
}

func TestEndsBeforeItIsReady(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"panic", "fatal", "exit 0", "template"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			p := start(t, mode)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			var e *process.ExitedError
			if err := p.AwaitReady(ctx, p.address, ""); !errors.As(err, &e) || !strings.Contains(err.Error(), "ended before it was ready: exit code ") {
				t.Fatalf("%v", err)
			}
			if e.Exit != p.Exit() {
				t.Errorf("%+v", e.Exit)
			}
		})
	}
}

func TestStoppedBeforeItIsReady(t *testing.T) {
	t.Parallel()
	p := start(t, "never listens")
	told := make(chan error)
	go func() { told <- p.AwaitReady(context.Background(), p.address, "") }()
	if err := p.Stop(patience); err != nil {
		t.Fatal(err)
	}
	var e *process.ExitedError
	if err := <-told; !errors.As(err, &e) || !e.Exit.Stopped {
		t.Errorf("%v", err)
	}
}

func TestWaitingIsGivenUp(t *testing.T) {
	t.Parallel()
	p := start(t, "never listens")
	reason := errors.New("there is a newer version")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason)
	if err := p.AwaitReady(ctx, p.address, ""); !errors.Is(err, reason) {
		t.Errorf("%v", err)
	}
}

// TestAnotherProgramHasThePort: what answers there is not the process.
func TestAnotherProgramHasThePort(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("it cannot be known here who listens")
	}
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	address := other.Listener.Addr().String()
	out := &output{}
	p := startWith(t, process.Spec{Args: []string{"bind", address}, Stdout: out, Stderr: out}, out)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var e *process.ExitedError
	if err := p.AwaitReady(ctx, address, ""); !errors.As(err, &e) {
		t.Fatalf("%v", err)
	}
	if !strings.Contains(e.Exit.Output, "address already in use") {
		t.Errorf("%+v", e.Exit)
	}
}

func TestListening(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("it cannot be known here")
	}
	p := start(t, "never listens")
	if at := p.Listening(); len(at) != 0 {
		t.Errorf("%v", at)
	}
	p = start(t, "elsewhere")
	if want := p.says(t, "elsewhere "); len(p.Listening()) != 1 || p.Listening()[0] != want {
		t.Errorf("%v, want %s", p.Listening(), want)
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	if at := p.Listening(); len(at) != 0 {
		t.Errorf("%v, after its end", at)
	}
}

// TestPrivateAddress runs beside no other test of the package; on a busy machine, somebody else may get a port in
// between now and then.
func TestPrivateAddress(t *testing.T) {
	const asked, lost = 50, 5
	seen := map[string]bool{}
	for range asked {
		address, err := process.PrivateAddress()
		if err != nil {
			t.Fatal(err)
		}
		if host, _, _ := net.SplitHostPort(address); host != "127.0.0.1" {
			t.Errorf("%s", address)
		}
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Log(err)
			continue
		}
		defer l.Close()
		if seen[address] {
			t.Errorf("%s was given although it was in use", address)
		}
		seen[address] = true
	}
	if len(seen) < asked-lost {
		t.Errorf("only %d of %d addresses were free", len(seen), asked)
	}
}

// BenchmarkReady is from the start of a process to its being ready.
func BenchmarkReady(b *testing.B) {
	for b.Loop() {
		address, err := process.PrivateAddress()
		if err != nil {
			b.Fatal(err)
		}
		p, err := process.Start(process.Spec{Path: app, Args: []string{"serve"}, Env: append(os.Environ(), "LISTEN="+address)})
		if err != nil {
			b.Fatal(err)
		}
		if err := p.AwaitReady(b.Context(), address, ""); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := p.Kill(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
