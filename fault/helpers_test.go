package fault_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"

	"example.org/microblog/fault"
)

// browser is the Accept header of a navigation.
const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

// logbook is a slog.Handler that keeps what it is given.
type logbook struct {
	mu      sync.Mutex
	level   slog.Level
	records []slog.Record
}

func (l *logbook) Enabled(_ context.Context, level slog.Level) bool { return level >= l.level }
func (l *logbook) WithAttrs([]slog.Attr) slog.Handler               { return l }
func (l *logbook) WithGroup(string) slog.Handler                    { return l }

func (l *logbook) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records = append(l.records, r.Clone())
	return nil
}

// at returns the records of a level.
func (l *logbook) at(level slog.Level) []slog.Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []slog.Record
	for _, r := range l.records {
		if r.Level == level {
			out = append(out, r)
		}
	}
	return out
}

// text returns everything as a log file would show it.
func (l *logbook) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var b bytes.Buffer
	for _, h := range []slog.Handler{
		slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug}),
		slog.NewJSONHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug}),
	} {
		for _, r := range l.records {
			if err := h.Handle(context.Background(), r); err != nil {
				b.WriteString(err.Error())
			}
		}
	}
	return b.String()
}

func attr(r slog.Record, key string) string {
	var value string
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == key {
			value = a.Value.String()
		}
		return a.Key != key
	})
	return value
}

// place returns the file and function that a record's program counter names.
func place(r slog.Record) runtime.Frame {
	frame, _ := runtime.CallersFrames([]uintptr{r.PC}).Next()
	return frame
}

// keeper is a Recorder that keeps what it is given.
type keeper struct {
	mu       sync.Mutex
	failures []*fault.Failure
	receipt  fault.Receipt
}

func (k *keeper) Record(_ context.Context, f *fault.Failure) fault.Receipt {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.failures = append(k.failures, f)
	return k.receipt
}

func (k *keeper) all() []*fault.Failure {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]*fault.Failure(nil), k.failures...)
}

// only returns the one failure that was recorded.
func (k *keeper) only(t *testing.T) *fault.Failure {
	t.Helper()
	all := k.all()
	if len(all) != 1 {
		t.Fatalf("%d failures were recorded, want 1", len(all))
	}
	return all[0]
}

// rig is a Catcher whose log and records can be looked at.
type rig struct {
	*fault.Catcher
	log  *logbook
	kept *keeper
}

func newRig(o fault.Options) *rig {
	g := &rig{log: &logbook{level: slog.LevelDebug}, kept: &keeper{receipt: fault.Receipt{Durable: true}}}
	if o.Logger == nil {
		o.Logger = slog.New(g.log)
	}
	if o.Recorder == nil {
		o.Recorder = g.kept
	}
	g.Catcher = fault.New(o)
	return g
}

// serve starts a server with the handlers behind the rig's middleware.
func (g *rig) serve(t *testing.T, routes map[string]fault.HandlerFunc) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	for pattern, h := range routes {
		mux.Handle(pattern, g.Handle(h))
	}
	return start(t, g.Middleware(mux))
}

func start(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(testWriter{t}, nil), slog.LevelError)
	srv.Start()
	t.Cleanup(srv.Close)
	return srv
}

// testWriter fails the test with whatever net/http itself has to say: it must have no reason to.
type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Errorf("net/http logged: %s", p)
	return len(p), nil
}

// reply is a whole answer.
type reply struct {
	*http.Response
	body string
}

func get(t *testing.T, url string, header ...string) reply {
	t.Helper()
	return do(t, "GET", url, nil, header...)
}

func do(t *testing.T, method, url string, body io.Reader, header ...string) reply {
	t.Helper()
	res, err := try(t, method, url, body, header...)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func try(t *testing.T, method, url string, body io.Reader, header ...string) (reply, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return reply{res, string(b)}, err
}

// problem reads a problem document.
func (r reply) problem(t *testing.T) map[string]any {
	t.Helper()
	if ct := r.Header.Get("Content-Type"); ct != "application/problem+json" {
		t.Fatalf("Content-Type is %q, want a problem document; the body is %q", ct, r.body)
	}
	var doc map[string]any
	if err := json.Unmarshal([]byte(r.body), &doc); err != nil {
		t.Fatalf("%v in %q", err, r.body)
	}
	return doc
}

func (r reply) wants(t *testing.T, status int, contains ...string) {
	t.Helper()
	if r.StatusCode != status {
		t.Errorf("status is %d, want %d; the body is %q", r.StatusCode, status, r.body)
	}
	for _, c := range contains {
		if !strings.Contains(r.body, c) {
			t.Errorf("the body lacks %q: %q", c, r.body)
		}
	}
}
