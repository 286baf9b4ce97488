package debugapi

import (
	"context"
	"errors"
	"strings"
	"sync"

	"example.org/microblog/fault/internal/devtool/debugger"
)

// Delve is the Engine that runs Delve, which is built when it is first needed.
type Delve struct {
	Installer debugger.Installer
}

// Attach implements [Engine].
func (d *Delve) Attach(ctx context.Context, c Copy, progress func(string)) (Session, error) {
	path, err := d.Installer.Ensure(ctx, progress)
	if err != nil {
		return nil, ours(err)
	}
	progress("Attaching the debugger")
	session, err := debugger.Attach(ctx, debugger.Options{Delve: path, PID: c.PID, Marker: c.Function, Began: c.Began, Crashed: c.Crashed, NoCalls: c.NoCalls, Goroutine: c.Goroutine, Located: c.Located})
	if err != nil {
		return nil, ours(err)
	}
	s := &delveSession{session: session, done: make(chan struct{})}
	go func() {
		<-session.Done() // by Close, at the latest
		s.end()
	}()
	return s, nil
}

// ours makes an error of package debugger one of this package.
func ours(err error) error {
	var (
		u *debugger.UnavailableError
		x *debugger.EvaluateError
		n *debugger.UnknownError
	)
	switch {
	case errors.As(err, &x):
		return &ExpressionError{Text: x.Text, Call: x.Call, Unfinished: x.Unfinished}
	case errors.As(err, &n):
		return &ExpressionError{Text: n.Text}
	case errors.As(err, &u):
		return &UnavailableError{Text: u.Text, Fix: u.Fix}
	}
	return err
}

// delveSession is a Session of package debugger.
type delveSession struct {
	session *debugger.Session
	once    sync.Once
	done    chan struct{}
}

// over makes an error one of this package, and takes one that is about the debugger itself for its end.
func (s *delveSession) over(err error) error {
	err = ours(err)
	var u *UnavailableError
	if errors.As(err, &u) {
		s.end()
	}
	return err
}

func (s *delveSession) end() { s.once.Do(func() { close(s.done) }) }

func (s *delveSession) Frames(ctx context.Context) ([]Frame, error) {
	found, err := s.session.Frames(ctx)
	if err != nil {
		return nil, s.over(err)
	}
	all := make([]Frame, len(found))
	for i, f := range found {
		all[i] = Frame{Index: f.Index, Function: f.Function, File: f.File, Line: f.Line, App: f.App, Optimized: f.Optimized}
	}
	return all, nil
}

func (s *delveSession) Variables(ctx context.Context, frame int) ([]Variable, error) {
	found, err := s.session.Variables(ctx, frame)
	if err != nil {
		return nil, s.over(err)
	}
	return variablesFrom(found), nil
}

func (s *delveSession) Children(ctx context.Context, ref, start, count int) ([]Variable, int, error) {
	found, total, err := s.session.Children(ctx, ref, start, count)
	if err != nil {
		return nil, 0, s.over(err)
	}
	return variablesFrom(found), total, nil
}

func (s *delveSession) Evaluate(ctx context.Context, frame int, expression string, call bool) (Variable, error) {
	v, err := s.session.Evaluate(ctx, frame, expression, call)
	if err != nil {
		return Variable{}, s.over(err)
	}
	return variableFrom(v), nil
}

func (s *delveSession) Complete(ctx context.Context, frame int, text string, offset int) (int, []Completion, error) {
	found, err := s.session.Complete(ctx, frame, text, offset)
	if err != nil {
		return 0, nil, s.over(err)
	}
	from := offset
	all := make([]Completion, len(found))
	for i, c := range found {
		from = c.Start // the same for all
		all[i] = Completion{Text: c.Text, Kind: c.Kind, Type: c.Type}
	}
	return from, all, nil
}

func (s *delveSession) Goroutines(ctx context.Context) ([]Goroutine, error) {
	found, err := s.session.Goroutines(ctx)
	if err != nil {
		return nil, s.over(err)
	}
	all := make([]Goroutine, len(found))
	for i, g := range found {
		all[i] = Goroutine{
			ID: g.ID, State: g.State, Wait: g.Wait, Started: g.Function, Failing: g.Failing, Request: g.Request, System: g.System, Labels: g.Labels, Unreadable: g.Unreadable,
		}
		if g.Where != nil {
			all[i].Function, all[i].File, all[i].Line = g.Where.Function, g.Where.File, g.Where.Line
		}
		if g.Inside != nil {
			all[i].Wait = waitIn(g.Wait, g.Inside.Function)
		}
		if g.Created != nil {
			all[i].Creator = g.Created.Function
		}
	}
	return all, nil
}

// waitIn adds to what a goroutine waits for the call of a library that it waits in, unless that says it already, as "sync.Mutex.Lock".
func waitIn(wait, inside string) string {
	if bare := strings.NewReplacer("(*", "", ")", "").Replace(inside); bare == wait {
		return wait
	}
	return strings.TrimPrefix(wait+", in "+inside, ", ")
}

func (s *delveSession) Done() <-chan struct{} { return s.done }

func (s *delveSession) Close() error { return s.session.Close() }

func variableFrom(v debugger.Variable) Variable {
	return Variable{
		Name: v.Name, Type: v.Type, Dynamic: v.Dynamic, Value: v.Value, Kind: v.Kind, Nil: v.Nil, Cut: v.Cut, Ref: v.Ref, KeyRef: v.KeyRef,
		Len: v.Len, Cap: v.Cap, Argument: v.Argument, Result: v.Result, Shadowed: v.Shadowed, Line: v.Line, Unreadable: v.Unreadable, Expression: v.Expression,
	}
}

func variablesFrom(found []debugger.Variable) []Variable {
	all := make([]Variable, len(found))
	for i, v := range found {
		all[i] = variableFrom(v)
	}
	return all
}
