//go:build linux && (amd64 || arm64)

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestDevDebug is the debugger of one `fault run` on a small application, in the browser and by its interface.
func TestDevDebug(t *testing.T) {
	t.Parallel()
	d := startDebug(t, debugApp(t), settings{"SHOP_API_KEY": "shop-api-canary", "SHOP_BACKEND": "http://127.0.0.1/?for=shop-api-canary"})
	d.mayDebug(t, "/buy?n=1")
	for _, part := range []struct {
		name string
		test func(*testing.T, *debugRun)
	}{
		{"page", debugPage},
		{"keyboard", debugKeyboard},
		{"copies", debugCopies},
		{"environment", debugEnvironment},
		{"rebuild", debugRebuild},
		{"pin and evict", debugEvict},
		{"truth", debugTruth},
		{"wrapped", debugWrapped},
		{"recovered", debugRecovered},
		{"application killed", debugKilled},
	} {
		if !t.Run(part.name, func(t *testing.T) { part.test(t, d) }) {
			t.Logf("standard error:\n%s\nstandard output:\n%s", tail(d.stderr.String()), tail(d.stdout.String()))
		}
	}
}

// debugRun is a running `fault run` on that application.
type debugRun struct {
	devRun
	mark string // in the environment of all its processes
	pin  string // of the debugger; "" has none
	api  *debugClient
}

// startDebug starts `fault run` on files and waits until they serve.
func startDebug(t *testing.T, files map[string]string, env settings, args ...string) *debugRun {
	t.Helper()
	d := &debugRun{devRun: *newDevRun(t, t.TempDir())}
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(d.source, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(d.source, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d.mark = fmt.Sprintf("FAULT_TEST_MARK=%s-%d", strings.ReplaceAll(t.Name(), "/", "-"), time.Now().UnixNano())
	t.Cleanup(func() { d.nothingIsLeft(t) }) // after it was ended
	d.start(t, append(environment(goSettings(), d.temporary(), settings{"GOWORK": "off"}, env), d.mark), append([]string{"--no-mailbox"}, args...)...)
	d.tells(t, 0, `built in .*ready in`)
	if found := regexp.MustCompile(`debugger PIN: ([0-9-]+)`).FindStringSubmatch(d.stderr.String()); found != nil {
		d.pin = found[1]
	}
	return d
}

// mayDebug skips the test where no debugger may be attached to a process, and builds Delve otherwise. path fails.
func (d *debugRun) mayDebug(t *testing.T, path string) {
	t.Helper()
	f := d.fail(t, path).until(t, "ready", "unavailable")
	if f.State == "unavailable" {
		t.Skipf("NOT TESTED WITH A DEBUGGER: %s %s", f.Error, f.Fix)
	}
}

// processesLeft are what runs with the mark of d, by their command lines.
func (d *debugRun) processesLeft() map[int]string {
	left := map[int]string{}
	all, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		return nil
	}
	for _, file := range all {
		env, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(env, []byte(d.mark)) {
			continue
		}
		dir := filepath.Dir(file)
		line, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		name, _ := os.ReadFile(filepath.Join(dir, "comm"))
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil {
			left[pid] = strings.TrimSpace(string(name)) + ": " + strings.TrimSpace(strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return left
}

// named is how many of the processes of d are called so: fault-copy, dlv.
func (d *debugRun) named(name string) (n int) {
	for _, line := range d.processesLeft() {
		if strings.HasPrefix(line, name+":") {
			n++
		}
	}
	return n
}

func (d *debugRun) nothingIsLeft(t *testing.T) {
	t.Helper()
	soon(t, "the end of all processes", func() error {
		if left := d.processesLeft(); len(left) > 0 {
			return fmt.Errorf("there are still %v", left)
		}
		return nil
	})
}

// ---- the interface

// debugClient uses the debugger's interface with a token.
type debugClient struct {
	base, token string
}

// debugProblem is an error that the debugger has told.
type debugProblem struct {
	Status int
	Text   string `json:"error"`
	Fix    string `json:"fix"`
	Code   string `json:"code"`
}

func (p *debugProblem) Error() string {
	return fmt.Sprintf("%d %s: %s %s", p.Status, p.Code, p.Text, p.Fix)
}

// ask sends a request; with a body that is not nil it is a POST. The answer is put into what to points to, or is its text.
func (c *debugClient) ask(path string, body, to any) error {
	method, content := http.MethodGet, io.Reader(nil)
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		method, content = http.MethodPost, bytes.NewReader(text)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, content)
	if err != nil {
		return err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		p := &debugProblem{Status: resp.StatusCode}
		if err := json.Unmarshal(text, p); err != nil {
			return fmt.Errorf("%s %s: %s %s", method, path, resp.Status, text)
		}
		return p
	}
	if s, ok := to.(*string); ok {
		*s = string(text)
		return nil
	}
	if to == nil {
		return nil
	}
	return json.Unmarshal(text, to)
}

// debugVariable, debugFrame and debugState are of docs/debugger-api.md.
type debugVariable struct {
	Name, Type, Dynamic, Value, Kind, Ref, Unreadable, Expression string
	Cut, Argument, Shadowed                                       bool
	Len                                                           int
}

type debugFrame struct {
	Frame           int
	Function, Short string
	Line            int
	App             bool
	Variables       struct {
		State, Error      string
		Arguments, Locals []debugVariable
	}
}

type debugState struct {
	ID, State, Error, Fix, Title string
	Revision, Generation, Calls  int
	StackOf                      string `json:"stack_of"`
	Frames                       []debugFrame
	Explanations                 []struct{ Title, Text string }
}

// frame returns the innermost call of that function, nil if there is none.
func (s *debugState) frame(function string) *debugFrame {
	for i, f := range s.Frames {
		if f.Function == function {
			return &s.Frames[i]
		}
	}
	return nil
}

func (f *debugFrame) variable(name string) *debugVariable {
	if f == nil {
		return nil
	}
	for _, list := range [][]debugVariable{f.Variables.Arguments, f.Variables.Locals} {
		for i, v := range list {
			if v.Name == name && !v.Shadowed {
				return &list[i]
			}
		}
	}
	return nil
}

// debugFailure is a failure that the debugger keeps.
type debugFailure struct {
	*debugClient
	id, address string
}

func (f *debugFailure) path(more string) string { return "/failures/" + f.id + more }

var debugLink = regexp.MustCompile(`<(http://[^>/]+)/failures/(\w+)>; rel="describedby"`)

// failing asks for a path that fails, and finds where the debugger has the failure.
func (d *debugRun) failing(path string) (base, id string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url+path, nil)
	if err != nil {
		return "", "", err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return "", "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", "", err
	}
	found := debugLink.FindStringSubmatch(resp.Header.Get("Link"))
	if resp.StatusCode != http.StatusInternalServerError || found == nil {
		return "", "", fmt.Errorf("%s: %s, Link %q: %s", path, resp.Status, resp.Header.Get("Link"), tail(string(text)))
	}
	return found[1], found[2], nil
}

func (d *debugRun) fail(t *testing.T, path string) *debugFailure {
	t.Helper()
	base, id, err := d.failing(path)
	if err != nil {
		t.Fatal(err)
	}
	if d.api == nil {
		d.api = &debugClient{base: base}
		var session struct{ Token string }
		if err := d.api.ask("/session", map[string]string{"pin": d.pin}, &session); err != nil {
			t.Fatalf("the PIN %s: %v", d.pin, err)
		}
		d.api.token = session.Token
	}
	return &debugFailure{d.api, id, base + "/failures/" + id}
}

// settled waits until the failure is in one of these states and no variables are on their way.
func (f *debugFailure) settled(states ...string) (*debugState, error) {
	query := ""
	for end := time.Now().Add(2 * patience); ; {
		s := &debugState{}
		if err := f.ask(f.path(query), nil, s); err != nil {
			return nil, err
		}
		loading := false
		for _, frame := range s.Frames {
			v := frame.Variables
			loading = loading || v.State == "loading" || s.State == "ready" && frame.App && v.State == "none" && v.Error == ""
		}
		for _, want := range states {
			if s.State == want && !loading {
				return s, nil
			}
		}
		if s.State == "unavailable" {
			return s, fmt.Errorf("there are no variables: %s %s", s.Error, s.Fix)
		}
		if time.Now().After(end) {
			return s, fmt.Errorf("it is still %s, want %q", s.State, states)
		}
		query = fmt.Sprintf("?after=%d", s.Revision)
		if s.State == "idle" {
			query = ""
		}
	}
}

func (f *debugFailure) until(t *testing.T, states ...string) *debugState {
	t.Helper()
	s, err := f.settled(states...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (f *debugFailure) evaluate(frame int, expression string, call bool) (debugVariable, error) {
	var got struct{ Result debugVariable }
	err := f.ask(f.path("/evaluate"), map[string]any{"frame": frame, "expression": expression, "call": call}, &got)
	return got.Result, err
}

func (f *debugFailure) inside(ref string) ([]debugVariable, error) {
	var got struct{ Variables []debugVariable }
	err := f.ask(f.path("/variables/"+ref), nil, &got)
	return got.Variables, err
}

// refused returns the code of what the debugger has refused; "" if it did not.
func refused(err error) string {
	if p := (*debugProblem)(nil); errors.As(err, &p) {
		return p.Code
	}
	return ""
}

func (f *debugFailure) text(t *testing.T, kind string) string {
	t.Helper()
	var text string
	if err := f.ask(f.path("/"+kind), nil, &text); err != nil {
		t.Fatal(err)
	}
	return text
}
