package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// werkzeug is the same application with Flask, under Werkzeug's debugger.
type werkzeug struct {
	*program
	name string
}

// startWerkzeug starts it with the python3 of this machine; nothing is installed for that. An error says why it cannot be had.
func startWerkzeug(ctx context.Context, dir string) (*werkzeug, error) {
	python, err := exec.LookPath("python3")
	if err != nil {
		return nil, fmt.Errorf("it needs python3: %w", err)
	}
	check, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if out, err := exec.CommandContext(check, python, "-c", "import flask, werkzeug.debug").CombinedOutput(); err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return nil, fmt.Errorf("it needs Flask for python3 (python3-flask on Debian): %s", lines[len(lines)-1])
	}
	content, err := ordersFiles.ReadFile("testdata/orders.py")
	if err != nil {
		return nil, fmt.Errorf("writing the application: %w", err)
	}
	file := filepath.Join(dir, "orders.py")
	if err := os.WriteFile(file, content, 0o666); err != nil {
		return nil, fmt.Errorf("writing the application: %w", err)
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	p, err := launch(dir, address, []string{"LISTEN=" + address, "PYTHONDONTWRITEBYTECODE=1"}, python, file)
	if err != nil {
		return nil, err
	}
	if err := p.ready(ctx); err != nil {
		return nil, err
	}
	facts, err := p.facts(ctx)
	if err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return &werkzeug{p, facts.Name}, nil
}

var (
	werkzeugSecret = regexp.MustCompile(`SECRET = "([^"]+)"`)
	werkzeugFrame  = regexp.MustCompile(`id="frame-(\d+)"`)
)

// werkzeugFailure is where a failure's innermost frame is asked.
type werkzeugFailure struct{ secret, frame string }

// fail has a request fail and returns how long the page took.
func (w *werkzeug) fail(ctx context.Context) (f werkzeugFailure, took time.Duration, err error) {
	text, _, took, err := w.page(ctx, billPath, http.StatusInternalServerError)
	if err != nil {
		return f, 0, err
	}
	secret, frames := werkzeugSecret.FindStringSubmatch(text), werkzeugFrame.FindAllStringSubmatch(text, -1)
	if secret == nil || len(frames) == 0 {
		return f, 0, fmt.Errorf("the answer is not the page of Werkzeug's debugger: %.200q", text)
	}
	return werkzeugFailure{secret[1], frames[len(frames)-1][1]}, took, nil
}

// ask evaluates an expression and returns how long that took.
func (w *werkzeug) ask(ctx context.Context, f werkzeugFailure, q question) (time.Duration, error) {
	query := url.Values{"__debugger__": {"yes"}, "cmd": {q.python}, "frm": {f.frame}, "s": {f.secret}}
	text, _, took, err := w.page(ctx, billPath+"?"+query.Encode(), http.StatusOK)
	if err == nil && !strings.Contains(text, ">"+q.pythonValue+"<") {
		err = fmt.Errorf("with Werkzeug %s is %.200q, but it is %s", q.python, text, q.pythonValue)
	}
	return took, err
}
