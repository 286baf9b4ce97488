package faulttest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"example.org/microblog/fault"
	"example.org/microblog/fault/trace"
)

// differences says what of a failure is not as wanted.
func (w Want) differences(f *fault.Failure) (all []string) {
	add := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if w.Status != 0 && f.Status != w.Status {
		add("its status is %d, want %d", f.Status, w.Status)
	}
	for _, text := range []struct{ name, got, want string }{
		{"kind", string(f.Kind), string(w.Kind)}, {"public text", f.Public, w.Public}, {"route", route(f), w.Route}, {"user", f.User, w.User}, {"task", f.Task, w.Task},
	} {
		if text.want != "" && text.got != text.want {
			add("its %s is %q, want %q", text.name, text.got, text.want)
		}
	}
	if !strings.Contains(f.Message, w.Message) {
		add("%q is not in its message", w.Message)
	}
	if types := causes(nil, f.Causes); w.Cause != "" && !slices.Contains(types, w.Cause) {
		add("no %s is among its causes, which are %s", w.Cause, strings.Join(types, ", "))
	}
	if w.In != "" && !slices.ContainsFunc(f.Stack, func(frame trace.Frame) bool { return frame.Name() == w.In }) {
		var names []string
		for _, frame := range f.Stack {
			names = append(names, frame.Name())
		}
		add("%s is not in its stack: %s", w.In, strings.Join(names, ", "))
	}
	if w.Step != "" && !slices.ContainsFunc(f.Steps, func(s trace.Step) bool { return strings.Contains(s.Text, w.Step) }) {
		var texts []string
		for _, s := range f.Steps {
			texts = append(texts, fmt.Sprintf("%q", s.Text))
		}
		add("%q is not among its steps: %s", w.Step, strings.Join(texts, ", "))
	}
	return append(all, w.leaks(f)...)
}

// leaks tells which secrets are in the failure, without repeating them.
func (w Want) leaks(f *fault.Failure) (all []string) {
	if len(w.Without) == 0 {
		return nil
	}
	text, err := json.Marshal(f)
	if err != nil {
		return []string{fmt.Sprintf("it cannot be written as JSON: %v", err)}
	}
	for i, secret := range w.Without {
		quoted, err := json.Marshal(secret)
		if err != nil || secret == "" {
			continue
		}
		if bytes.Contains(text, quoted[1:len(quoted)-1]) {
			all = append(all, fmt.Sprintf("the secret Without[%d] is in it", i))
		}
	}
	return all
}

func route(f *fault.Failure) string {
	if f.Request == nil {
		return ""
	}
	return f.Request.Route
}

func causes(types []string, c fault.Cause) []string {
	types = append(types, c.Type)
	for _, inner := range c.Causes {
		types = causes(types, inner)
	}
	return types
}
