package overlay_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/microblog/fault/internal/devtool/browsertest"
)

// patience is how long a test waits for something that is to happen at once.
const patience = 30 * time.Second

// browser is a Chromium that is led by its debugging protocol, over a pair of pipes.
type browser struct {
	t  *testing.T
	to *os.File

	mu      sync.Mutex
	next    int
	waiting map[int]chan reply
	heard   map[string]func(method string, params json.RawMessage) // by session
}

type reply struct {
	ID     int             `json:"id,omitempty"`
	Method string          `json:"method,omitempty"`
	Params json.RawMessage `json:"params,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
	Session string `json:"sessionId,omitempty"`
}

// chromium starts the browser, or skips the test.
func chromium(t *testing.T) *browser {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("NOT TESTED IN A BROWSER: it is led over inherited pipes, which need a Unix.")
	}
	path := browsertest.Chromium(t)
	profile, err := os.MkdirTemp("", "overlay-browser-")
	if err != nil {
		t.Fatal(err)
	}
	theirIn, ourOut := pipe(t)
	ourIn, theirOut := pipe(t)
	cmd := exec.Command(path, append(browsertest.Flags(profile), "--hide-scrollbars", "--disable-dev-shm-usage", "--remote-debugging-pipe", "about:blank")...)
	cmd.ExtraFiles = []*os.File{theirIn, theirOut}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirIn.Close()
	theirOut.Close()
	b := &browser{t: t, to: ourOut, waiting: map[int]chan reply{}, heard: map[string]func(string, json.RawMessage){}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.listen(ourIn)
	}()
	t.Cleanup(func() {
		ended := make(chan struct{})
		go func() {
			_ = cmd.Wait() // It ends by our closing of its pipe, or by the kill below.
			close(ended)
		}()
		ourOut.Close()
		select {
		case <-ended:
		case <-time.After(patience):
			_ = cmd.Process.Kill() // it may have ended meanwhile
			<-ended
		}
		<-done
		ourIn.Close()
		for range 50 { // The browser's own processes may write a little longer.
			if err = os.RemoveAll(profile); err == nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		t.Error(err)
	})
	return b
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	return r, w
}

func (b *browser) listen(from *os.File) {
	r := bufio.NewReader(from)
	for {
		text, err := r.ReadBytes(0)
		if err != nil {
			b.mu.Lock()
			defer b.mu.Unlock()
			for id, c := range b.waiting {
				close(c)
				delete(b.waiting, id)
			}
			return
		}
		var m reply
		if json.Unmarshal(text[:len(text)-1], &m) != nil {
			continue
		}
		b.mu.Lock()
		c, hear := b.waiting[m.ID], b.heard[m.Session]
		delete(b.waiting, m.ID)
		b.mu.Unlock()
		switch {
		case m.ID != 0 && c != nil:
			c <- m
		case hear != nil && m.Method != "":
			hear(m.Method, m.Params)
		}
	}
}

// call sends a command and decodes its result, which may be nil.
func (b *browser) call(session, method string, params, result any) error {
	b.mu.Lock()
	b.next++
	id, c := b.next, make(chan reply, 1)
	b.waiting[id] = c
	text, err := json.Marshal(map[string]any{"id": id, "method": method, "params": params, "sessionId": session})
	if session == "" {
		text, err = json.Marshal(map[string]any{"id": id, "method": method, "params": params})
	}
	if err == nil {
		_, err = b.to.Write(append(text, 0))
	}
	b.mu.Unlock()
	if err != nil {
		return err
	}
	select {
	case m, ok := <-c:
		switch {
		case !ok:
			return fmt.Errorf("%s: the browser has ended", method)
		case m.Error != nil:
			return fmt.Errorf("%s: %s", method, m.Error.Message)
		case result != nil:
			return json.Unmarshal(m.Result, result)
		}
		return nil
	case <-time.After(patience):
		return fmt.Errorf("%s: no answer", method)
	}
}

// tab is a page of the browser.
type tab struct {
	b       *browser
	t       *testing.T
	session string

	mu      sync.Mutex
	dialogs []string // the types of the dialogs that were opened
	stay    bool     // the answer to a dialog of beforeunload
	errors  []string // what scripts of the page have thrown, and what the console has of them
}

func (b *browser) tab(t *testing.T) *tab {
	t.Helper()
	var target struct{ TargetID string }
	must(t, b.call("", "Target.createTarget", map[string]any{"url": "about:blank"}, &target))
	var session struct{ SessionID string }
	must(t, b.call("", "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &session))
	p := &tab{b: b, t: t, session: session.SessionID}
	b.mu.Lock()
	b.heard[p.session] = p.hear
	b.mu.Unlock()
	for _, domain := range []string{"Page", "Runtime", "Log"} {
		p.do(domain+".enable", nil)
	}
	return p
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (p *tab) hear(method string, params json.RawMessage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch method {
	case "Page.javascriptDialogOpening":
		var d struct{ Type string }
		if json.Unmarshal(params, &d) == nil {
			p.dialogs = append(p.dialogs, d.Type)
		}
		stay := p.stay
		go func() { // The answer comes on this goroutine.
			_ = p.b.call(p.session, "Page.handleJavaScriptDialog", map[string]any{"accept": !stay}, nil) // the tab may be gone
		}()
	case "Runtime.exceptionThrown":
		p.errors = append(p.errors, string(params))
	case "Log.entryAdded":
		p.errors = append(p.errors, string(params))
	}
}

func (p *tab) do(method string, params any) {
	p.t.Helper()
	if params == nil {
		params = map[string]any{}
	}
	must(p.t, p.b.call(p.session, method, params, nil))
}

func (p *tab) open(url string) {
	p.t.Helper()
	p.do("Page.navigate", map[string]any{"url": url})
	p.until(`document.readyState === "complete" && location.href !== "about:blank"`)
}

// try evaluates an expression, whose promise is awaited.
func (p *tab) try(expression string) (any, error) {
	var r struct {
		Result           struct{ Value any }
		ExceptionDetails *struct {
			Text      string
			Exception struct{ Description string }
		}
	}
	err := p.b.call(p.session, "Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true}, &r)
	if err == nil && r.ExceptionDetails != nil {
		err = fmt.Errorf("%s: %s %s", expression, r.ExceptionDetails.Text, r.ExceptionDetails.Exception.Description)
	}
	return r.Result.Value, err
}

func (p *tab) eval(expression string) any {
	p.t.Helper()
	v, err := p.try(expression)
	must(p.t, err)
	return v
}

// until waits until an expression is true. While the page changes it may fail.
func (p *tab) until(expression string) {
	p.t.Helper()
	var v any
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if v, err = p.try(expression); err == nil && v == true {
			return
		}
	}
	state, _ := p.try(`document.documentElement?.outerHTML.slice(0, 3000)`)
	p.t.Fatalf("never true: %s (last %v, %v) in\n%v", expression, v, err, state)
}

// write puts text into what has the focus, as an input method does.
func (p *tab) write(text string) {
	p.t.Helper()
	p.do("Input.insertText", map[string]any{"text": text})
}

func (p *tab) press(key string) {
	p.t.Helper()
	code := map[string]int{"Escape": 27, "Enter": 13}[key]
	for _, kind := range []string{"rawKeyDown", "keyUp"} {
		p.do("Input.dispatchKeyEvent", map[string]any{"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code})
	}
}

func (p *tab) asked() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.dialogs, " ")
}
