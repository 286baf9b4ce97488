package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// In tests this program is a development tool too, of the simplest kind: naiveTool ends the
// application when a file has changed, and builds and starts it anew. deserterTool does not end it
// at its own end; quittingTool ends when a file has changed, and endingTool at once.
const (
	naiveTool    = "naive-tool"
	deserterTool = "deserter-tool"
	quittingTool = "quitting-tool"
	endingTool   = "ending-tool"
)

func developNaively(kind string) error {
	if kind == endingTool {
		return nil
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt)
	newest := func() (at time.Time) {
		_ = filepath.WalkDir(".", func(path string, _ fs.DirEntry, _ error) error {
			if ext := filepath.Ext(path); ext == ".go" || ext == ".html" {
				if info, err := os.Stat(path); err == nil && info.ModTime().After(at) {
					at = info.ModTime()
				}
			}
			return nil
		})
		return at
	}
	for {
		seen := newest()
		build := exec.Command("go", "build", "-o", "notes.exe", ".")
		build.Stderr = os.Stderr
		var app *exec.Cmd
		if build.Run() == nil {
			app = exec.Command("./notes.exe")
			if kind == deserterTool {
				ownGroup(app) // else the interrupt would end it too
			}
			if err := app.Start(); err != nil {
				return err
			}
		}
		end := func() {
			if app != nil {
				_ = app.Process.Kill()
				_ = app.Wait()
			}
		}
		for newest().Equal(seen) {
			select {
			case <-stop:
				if kind != deserterTool {
					end()
				}
				return nil
			case <-time.After(20 * time.Millisecond):
			}
		}
		end()
		if kind == quittingTool {
			return nil
		}
	}
}

func TestCompareTools(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and starts an application several times")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	started := func(name string) tool {
		return tool{name: name, version: "v0", program: self, args: func(string, string) []string { return []string{name} }}
	}
	dir := t.TempDir()
	var progress strings.Builder
	r, err := compareTools(t.Context(), reloadOptions{edits: 1, saves: 3, rate: 100}, []tool{
		started(naiveTool),
		{name: "no-such-tool", program: filepath.Join(dir, "no-such-tool"), args: func(string, string) []string { return nil }},
		started(deserterTool),
		started(quittingTool),
		started(endingTool),
	}, dir, &progress)
	if err != nil {
		t.Fatalf("%v\n%s", err, progress.String())
	}
	if len(r.Tools) != 3 || len(r.Missing) != 2 {
		t.Fatalf("measured: %+v; not measured: %+v", r.Tools, r.Missing)
	}
	for i, left := range []int{0, 1} {
		f := r.Tools[i]
		for j, e := range f.Edits {
			if e.Missed != 0 || len(e.Times) != 1 || e.Times[0] <= 0 || e.Name != edits()[j].name {
				t.Errorf("%s: %+v", f.Tool, e)
			}
		}
		if d := f.Load; d == nil || d.Saves != 3 || d.Missed != 0 || d.Requests == 0 || d.Slowest <= 0 {
			t.Errorf("%s under load: %+v", f.Tool, d)
		} else if d.Refused == 0 || d.Refused == d.Requests || d.Wrong != 0 || d.Example == "" {
			t.Errorf("%s, which ends the application before it builds the new one, under load: %+v", f.Tool, d)
		}
		if f.Left != left || f.Trouble != "" {
			t.Errorf("%s left %d processes behind, want %d; trouble: %q", f.Tool, f.Left, left, f.Trouble)
		}
	}
	if f := r.Tools[2]; !strings.Contains(f.Trouble, "it has ended") || f.Load != nil || f.Left != 0 {
		t.Errorf("a tool that ends is told about like this: %+v", f)
	}
	for i, name := range []string{"no-such-tool", endingTool + " v0"} {
		if m := r.Missing[i]; m.Tool != name || m.Reason == "" {
			t.Errorf("%+v instead of a reason why %s is not measured", m, name)
		}
	}
	var b strings.Builder
	r.write(&b)
	for _, text := range []string{"| naive-tool v0 | deserter-tool v0 | quitting-tool v0 |", "| stylesheet | **", "\nTrouble with quitting-tool v0: ", "\nNot measured: no-such-tool: ", "\n| naive-tool v0 | 3 | "} {
		if !strings.Contains(b.String(), text) {
			t.Errorf("%q is not in the tables:\n%s", text, b.String())
		}
	}
}

func TestSteadyLoad(t *testing.T) {
	refusing, err := freeAddress()
	if err != nil {
		t.Fatal(err)
	}
	serve := func(h http.HandlerFunc) string {
		s := httptest.NewServer(h)
		t.Cleanup(s.Close)
		return s.Listener.Addr().String()
	}
	right := func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		if r.Method == http.MethodPost {
			_, _ = io.Copy(w, r.Body)
			return
		}
		_, _ = fmt.Fprintf(w, `<h1>{"name":"%s"}`, name)
	}
	for name, test := range map[string]struct {
		address string
		field   func(d disturbance) int // is every request
	}{
		"right":   {serve(right), func(d disturbance) int { return d.Requests - d.Refused - d.Broken - d.Wrong }},
		"refused": {refusing, func(d disturbance) int { return d.Refused }},
		"broken":  {serve(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), func(d disturbance) int { return d.Broken }},
		"5xx":     {serve(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(503); right(w, r) }), func(d disturbance) int { return d.Wrong }},
		"slow": {serve(func(w http.ResponseWriter, r *http.Request) { time.Sleep(longWait); right(w, r) }),
			func(d disturbance) int { return d.Long }},
		"another machine": {"192.0.2.1:80", func(d disturbance) int { return d.Broken }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stop := make(chan struct{})
			time.AfterFunc(200*time.Millisecond, func() { close(stop) })
			d := steadyLoad{test.address, 100}.run(t.Context(), stop)
			if d.Requests == 0 || test.field(d) != d.Requests || d.Refused+d.Broken+d.Wrong > 0 != (d.Example != "") {
				t.Errorf("%+v", d)
			}
		})
	}
}

// A leash counts the processes that hold it, and ends them when it is let go.
func TestLeash(t *testing.T) {
	s, err := newLeash()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", s.address())
	if err != nil {
		t.Fatal(err)
	}
	wait := func(running, started int) {
		t.Helper()
		for end := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
			r, n, _ := s.state()
			if r == running && n == started {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%d running, %d started; want %d, %d", r, n, running, started)
			}
		}
	}
	wait(1, 1)
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	wait(0, 1)
	if conn, err = net.Dial("tcp", s.address()); err != nil {
		t.Fatal(err)
	}
	wait(1, 2)
	ended := make(chan error, 1)
	go func() {
		_, err := conn.Read(make([]byte, 1)) // what the application ends at
		ended <- errors.Join(err, conn.Close())
	}()
	if err := s.letGo(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err == nil {
		t.Error("the process was not told to end")
	}
	if left, _, _ := s.state(); left != 0 {
		t.Errorf("%d processes are left", left)
	}
}

func TestEditFigures(t *testing.T) {
	for _, test := range []struct {
		in   editFigures
		want string
	}{
		{editFigures{Times: []time.Duration{time.Second, 3 * time.Second, 20 * time.Millisecond}}, "**1.00 s** (20.00 ms–3.00 s)"},
		{editFigures{Times: []time.Duration{time.Second}, Missed: 1}, "**1.00 s** (1.00 s–1.00 s), 1 not within 30s"},
		{editFigures{Missed: 2}, "–, 2 not within 30s"},
	} {
		if got := test.in.String(); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}

func TestReloadRatio(t *testing.T) {
	figures := func(tool string, each time.Duration) (f reloadFigures) {
		f.Tool = tool
		for range edits() {
			f.Edits = append(f.Edits, editFigures{Times: []time.Duration{each}})
		}
		return f
	}
	r := reloading{Tools: []reloadFigures{figures("fault run", time.Second), figures("air v1.67.4", 4*time.Second)}}
	var b strings.Builder
	r.write(&b)
	if want := "| stylesheet | **1.00 s** (1.00 s–1.00 s) | **4.00 s** (4.00 s–4.00 s) | 0.25 | ≤ 0.1 s |"; !strings.Contains(b.String(), want) {
		t.Errorf("%q is not in\n%s", want, b.String())
	}
}

// Whoever interrupts the benchmark gets the machine back as it was.
func TestReloadIsInterrupted(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and starts an application")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	d, err := develop(ctx, tool{name: naiveTool, args: func(string, string) []string { return []string{naiveTool} }}, self, filepath.Join(t.TempDir(), "notes"))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	var texts counter
	if _, err := d.edit(ctx, edits()[0], &texts, pollEvery, calmTime); !errors.Is(err, context.Canceled) {
		t.Errorf("an edit ended with %v", err)
	}
	if left, err := d.stop(); err != nil || left != 0 {
		t.Errorf("%d processes are left; %v", left, err)
	}
	if conn, err := net.Dial("tcp", d.address); err == nil {
		_ = conn.Close()
		t.Error("somebody still listens")
	}
}
