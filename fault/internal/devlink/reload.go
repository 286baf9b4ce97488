package devlink

import (
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// maxError bounds what is told about files that do not load, in bytes.
const maxError = 64 << 10

// changed loads what the files are for, and answers.
func (l *Link) changed(m Message) {
	l.reloading.Lock()
	defer l.reloading.Unlock()
	answer := Message{Type: Loaded, Seq: m.Seq, Error: "what loads the files has ended its goroutine (runtime.Goexit)"}
	defer func() { l.send(answer, time.Now().Add(Patience)) }()
	var errs []error
	for _, load := range l.loadsOf(m.Files) {
		errs = append(errs, guarded(load))
	}
	answer.Error = explain(errors.Join(errs...))
}

// explain returns the bounded text of an error, which is "" only for nil.
func explain(err error) string {
	if err == nil {
		return ""
	}
	text := err.Error()
	switch {
	case text == "":
		return fmt.Sprintf("an error without a text, of the type %T", err)
	case len(text) > maxError:
		return strings.ToValidUTF8(text[:maxError], "") + "…"
	}
	return text
}

// loadsOf returns the functions for those of the trees that hold one of the files, in the order in which
// they were given.
func (l *Link) loadsOf(files []string) []func() error {
	l.mu.Lock()
	all := slices.Clone(l.loads)
	l.mu.Unlock()
	var some []func() error
	for _, one := range all {
		concerned := slices.ContainsFunc(one.trees, func(t Tree) bool { return slices.ContainsFunc(files, t.Holds) })
		if concerned {
			some = append(some, one.load)
		}
	}
	return some
}

// guarded calls load, whose panic must not end the process: the developer is about to mend it. The stack
// is told in the form in which a program that ends tells it.
func guarded(load func() error) (err error) {
	finished := false
	defer func() {
		if finished {
			return
		}
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n\n%s", v, debug.Stack())
		}
	}()
	err = load()
	finished = true
	return err
}
