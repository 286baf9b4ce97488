package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	// attachTimeout is how long a debugger may take that has been there before, and firstAttachTimeout one that may have to be built.
	attachTimeout      = 2 * time.Minute
	firstAttachTimeout = 15 * time.Minute
)

// failureView is a failure as the debugger tells of it (docs/debugger-api.md), in the parts that matter here.
type failureView struct {
	Revision int64
	State    string
	Progress string
	Error    string
	Fix      string
	Frames   []frameView
}

type frameView struct {
	Frame     int
	Name      string
	Variables struct {
		State             string
		Error             string
		Arguments, Locals []variableView
	}
}

type variableView struct {
	Name       string
	Value      string
	Unreadable string
}

// variables returns all that the frame has.
func (f *frameView) variables() []variableView {
	return append(f.Variables.Arguments[:len(f.Variables.Arguments):len(f.Variables.Arguments)], f.Variables.Locals...)
}

// loaded reports whether nothing more is to come.
func (v *failureView) loaded() bool {
	if v.State != "ready" {
		return false
	}
	for _, f := range v.Frames {
		if s := f.Variables.State; s == "loading" || s == "none" && f.Variables.Error == "" {
			return false
		}
	}
	return true
}

// find returns the frame of a function, nil without one.
func (v *failureView) find(name string) *frameView {
	for i := range v.Frames {
		if v.Frames[i].Name == name {
			return &v.Frames[i]
		}
	}
	return nil
}

// unavailableError is that a failure's variables cannot be had here.
type unavailableError struct{ text string }

func (e *unavailableError) Error() string { return e.text }

// speak sends a request to the debugger and reads its answer. body may be nil.
func (d *debugged) speak(ctx context.Context, method, path string, body, answer any) error {
	var content []byte
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+d.debugger+path, bytes.NewReader(content))
	if err != nil {
		return err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if d.token != "" {
		req.Header.Set("Authorization", "Bearer "+d.token)
	}
	client := *d.client
	client.Timeout = time.Minute // it may hold an answer until there is something to tell
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("the debugger: %w", err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 16*maxAnswer))
	if err != nil {
		return fmt.Errorf("the debugger: %s %s: reading the answer: %w", method, path, err)
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the debugger: %s %s: answered %s: %.300s", method, path, res.Status, text)
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("the debugger: %s %s: %w", method, path, err)
	}
	return nil
}

// variables has the debugger attach to a failure and waits until all variables of all frames are there, as the page does.
func (d *debugged) variables(ctx context.Context, failure string, within time.Duration) (failureView, error) {
	for end, query := time.Now().Add(within), ""; ; {
		var v failureView
		if err := d.speak(ctx, http.MethodGet, failure+query, nil, &v); err != nil {
			return v, err
		}
		switch {
		case v.State == "unavailable":
			return v, &unavailableError{strings.TrimSpace(v.Error + " " + v.Fix)}
		case v.loaded():
			return v, v.check()
		case time.Now().After(end):
			return v, fmt.Errorf("the debugger has not got all variables within %v: state %s, %s", within, v.State, v.Progress)
		}
		query = fmt.Sprintf("?after=%d", v.Revision)
	}
}

// check looks whether the variables are those of the order that failed.
func (v *failureView) check() error {
	f := v.find(looked)
	if f == nil {
		return fmt.Errorf("the debugger does not show %s", looked)
	}
	for _, one := range f.variables() {
		if one.Name == "count" && one.Value == "3" {
			return nil
		}
	}
	return fmt.Errorf("the debugger does not show that count is 3 in %s: %+v", looked, f.variables())
}

// ask evaluates an expression in the frame that is looked at and returns how long that took.
func (d *debugged) ask(ctx context.Context, failure string, v failureView, q question) (time.Duration, error) {
	var answer struct{ Result variableView }
	start := time.Now()
	err := d.speak(ctx, http.MethodPost, failure+"/evaluate", map[string]any{"frame": v.find(looked).Frame, "expression": q.expression, "call": q.call}, &answer)
	took := time.Since(start)
	if err == nil && answer.Result.Value != q.value {
		err = fmt.Errorf("the debugger says that %s is %+v, but it is %s", q.expression, answer.Result, q.value)
	}
	return took, err
}

// drop has the debugger forget a failure.
func (d *debugged) drop(ctx context.Context, failure string) error {
	var answer struct{}
	return d.speak(ctx, http.MethodPost, failure+"/drop", struct{}{}, &answer)
}
