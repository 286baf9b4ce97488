package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// checkDebugging looks at what TestRun has measured of the debugger, with two failures at 20 MB.
func checkDebugging(t *testing.T, r *debugging, tables string) {
	t.Helper()
	if r == nil || len(r.Sizes) != 1 || len(r.Costs) != 2 {
		t.Fatalf("the debugger was not measured: %+v", r)
	}
	s := r.Sizes[0]
	if len(s.Page.Times) != 2 || len(s.Release.Times) != 2 || s.Page.Times[0] <= 0 || s.Release.Times[0] <= 0 || len(s.Frozen.During) != 2 || len(s.Frozen.Calm) != 2 {
		t.Errorf("failing requests were not measured: %+v", s)
	}
	switch {
	case s.Trouble != "":
		t.Logf("this machine has no variables: %s", s.Trouble)
	case s.First <= 0 || len(s.Variables.Times) != 1 || s.Frames < 6 || s.Values < 10 || len(s.Expression.Times) != 2*asksPerFailure || len(s.Call.Times) != 2 || len(s.Attaching.During) != 2:
		t.Errorf("the debugger was not measured: %+v", s)
	}
	for _, c := range r.Costs {
		if len(c.Servers) != 3 || c.Bytes == 0 {
			t.Fatalf("%+v", c)
		}
		for _, one := range c.Servers {
			if one.Ratio.Median <= 0 || one.Served.P50 <= 0 || !strings.Contains(tables, "| "+c.Path+": "+one.Name+" |") {
				t.Errorf("%s, %s was not measured: %+v", c.Path, one.Name, one)
			}
		}
	}
	if r.Werkzeug == "" {
		if len(r.Missing) != 1 || !strings.Contains(tables, "\nNot measured: Werkzeug's debugger: ") {
			t.Errorf("it is not told why Werkzeug was not measured: %+v", r.Missing)
		}
	} else if len(r.Missing) != 0 || len(s.Page.Werkzeug) != 2 || s.Trouble == "" && len(s.Expression.Werkzeug) != 2*asksPerFailure || !strings.Contains(tables, "| "+r.Werkzeug+": failure to page | **") {
		t.Errorf("Werkzeug was not measured: %+v, %+v", r.Missing, s)
	}
}

// Whoever interrupts the benchmark gets the machine back as it was.
func TestDebuggerIsInterrupted(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and starts an application")
	}
	t.Setenv("TMPDIR", t.TempDir())
	t.Chdir("..")
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := options{debugger: debuggerOptions{sizes: []int{smallestApp}, failures: 1000}}
	measured := make(chan error, 1)
	go func() {
		_, err := measureDebugger(ctx, o, dir, writerFunc(func(text string) {
			if strings.HasPrefix(text, "starting the application") {
				time.AfterFunc(5*time.Second, cancel) // anywhere in what follows
			}
		}))
		measured <- err
	}()
	if err := <-measured; !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
	if left := workingIn(t, dir); len(left) > 0 {
		t.Errorf("processes are left: %q", left)
	}
}

type writerFunc func(text string)

func (f writerFunc) Write(p []byte) (int, error) {
	f(string(p))
	return len(p), nil
}

func TestWithoutPython(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := startWerkzeug(t.Context(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "it needs python3") {
		t.Errorf("the reason is: %v", err)
	}
}

// What happens while the others wait is told from what happens before it.
func TestWatchStalls(t *testing.T) {
	const stall = 150 * time.Millisecond
	var stalled atomic.Int64 // until then, in nanoseconds
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(time.Until(time.Unix(0, stalled.Load())))
		_, _ = w.Write([]byte(cheapText))
	}))
	defer s.Close()
	p := &program{development: &development{address: s.Listener.Addr().String(), output: &tail{}, ended: make(chan struct{})}, client: s.Client()}
	got, err := watchStalls(t.Context(), p, 2, func() error {
		stalled.Store(time.Now().Add(stall).UnixNano())
		time.Sleep(stall)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.During) != 2 || len(got.Calm) != 2 || got.During[0] < stall/2 || got.During[1] < stall/2 || got.Calm[0] <= 0 {
		t.Errorf("%+v", got)
	}
	broken := errors.New("broken")
	if _, err := watchStalls(t.Context(), p, 1, func() error { return broken }); !errors.Is(err, broken) {
		t.Errorf("what goes wrong is told as %v", err)
	}
	if _, err := watchStalls(t.Context(), p, 1, func() error { s.CloseClientConnections(); s.Listener.Close(); return nil }); err == nil {
		t.Error("requests without an answer are no error")
	}
}

func TestWindow(t *testing.T) {
	at := func(ms int) time.Time { return time.Unix(0, int64(ms)*int64(time.Millisecond)) }
	all := []waited{{at(0), 5 * time.Millisecond}, {at(10), 95 * time.Millisecond}, {at(50), time.Millisecond}, {at(120), 200 * time.Millisecond}}
	for name, test := range map[string]struct {
		from, to int
		want     time.Duration
	}{
		"due before, answered within": {100, 110, 95 * time.Millisecond},
		"within":                      {0, 8, 5 * time.Millisecond},
		"answered after":              {115, 121, 200 * time.Millisecond},
		"none":                        {106, 119, 0},
	} {
		if got := (window{at(test.from), at(test.to)}).longest(all); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestLoaded(t *testing.T) {
	for name, test := range map[string]struct {
		document string
		want     bool
	}{
		"attaching":  {`{"state":"attaching","frames":[{"variables":{"state":"none"}}]}`, false},
		"to come":    {`{"state":"ready","frames":[{"variables":{"state":"ready"}},{"variables":{"state":"none"}}]}`, false},
		"loading":    {`{"state":"ready","frames":[{"variables":{"state":"loading"}}]}`, false},
		"not to be":  {`{"state":"ready","frames":[{"variables":{"state":"none","error":"There are none."}}]}`, true},
		"failed":     {`{"state":"ready","frames":[{"variables":{"state":"failed","error":"It cannot be read."}}]}`, true},
		"everything": {`{"state":"ready","frames":[{"variables":{"state":"ready"}}]}`, true},
	} {
		var v failureView
		if err := json.Unmarshal([]byte(test.document), &v); err != nil {
			t.Fatal(err)
		}
		if got := v.loaded(); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestToldPIN(t *testing.T) {
	for _, line := range []string{
		"fault  http://127.0.0.1:5000  mails: http://127.0.0.1:8025  debugger PIN: 756-490-903  keys: r rebuild",
		"debugger: http://127.0.0.1:34127  PIN 756-490-903",
	} {
		if m := toldPIN.FindStringSubmatch(line); m == nil || m[1] != "756-490-903" {
			t.Errorf("%q: %q", line, m)
		}
	}
}

func TestDebuggerTables(t *testing.T) {
	r := debugging{Failures: 2, Hooked: true, Werkzeug: "Werkzeug 3", Missing: []missingTool{{"something", "a reason"}}, Sizes: []debuggedSize{{
		Megabytes: 100,
		Page:      answering{Times: []time.Duration{10 * time.Millisecond, 30 * time.Millisecond}, Werkzeug: []time.Duration{5 * time.Millisecond, 10 * time.Millisecond}},
		Release:   answering{Times: []time.Duration{time.Millisecond, time.Millisecond}},
		First:     time.Second,
		Frozen:    stalls{During: []time.Duration{30 * time.Millisecond, 10 * time.Millisecond}, Calm: []time.Duration{10 * time.Millisecond, 10 * time.Millisecond}},
		Trouble:   "no ptrace",
	}}}
	var b strings.Builder
	r.write(&b)
	for _, text := range []string{
		"| failure to page | **20.00 ms** (10.00 ms–30.00 ms) | ≤ 50 ms |",
		"| ratio | **20.00** (10.00–30.00) |",
		"| page to all variables, first failure | **1.00 s** |",
		"| page to all variables, later ones | – |",
		"| fault run through that | **2.50** (2.00–3.00) |",
		"| 100 MB: a request fails and its copy is frozen | **20.00 ms** (10.00 ms–30.00 ms); 1 of 2 | **10.00 ms** (10.00 ms–10.00 ms); 0 of 2 | **2.00** (1.00–3.00) |",
		"\nTrouble with 100 MB: no ptrace\n",
		"\nNot measured: something: a reason\n",
	} {
		if !strings.Contains(b.String(), text) {
			t.Errorf("%q is not in the tables:\n%s", text, b.String())
		}
	}
}

func TestWriteOrders(t *testing.T) {
	if err := writeOrders(filepath.Join(t.TempDir(), "orders"), t.TempDir()); err == nil || !strings.Contains(err.Error(), "run this from inside the repository") {
		t.Errorf("without the kit: %v", err)
	}
}
