package fault

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime"
	"time"

	"example.org/microblog/fault/trace"
)

var errNilReport = errors.New("Report was called with a nil error")

// Report records an error outside the answer to a request: in a background task, or where a request
// can go on without what failed. It returns the failure's ID. An error that is expected, because it
// is an *[Error] that says so or because ctx was cancelled, is not recorded and has the zero ID.
//
// In the context of a request the record tells its method, path, route, identity and user. If the
// handler goes on to return that error, wrapped or not, it is the same failure: the answer shows the
// ID that Report returned. Report calls Options.User and Options.Secrets with the request, on the
// calling goroutine; a goroutine beside the handler's should be one of [Catcher.Go], within which
// Report does not call them.
func (c *Catcher) Report(ctx context.Context, err error) ID {
	if err == nil {
		err = errNilReport
	}
	var pcs [maxFrames]uintptr
	n := runtime.Callers(2, pcs[:])
	return c.report(ctx, event{kind: KindError, err: err, pcs: pcs[:n]})
}

// Go runs fn on a goroutine of its own. A panic there does not end the process: like a returned
// error it is recorded, under that name. It should end when ctx does, and an error because of that is not recorded. What fn notes with package trace is a part of
// the record. To outlive a request, pass context.WithoutCancel of its context: what the record tells
// of the request, and its secrets, are taken before Go returns. [Catcher.Wait] waits for all tasks.
func (c *Catcher) Go(ctx context.Context, name string, fn func(context.Context) error) {
	var pcs [maxFrames]uintptr
	n := runtime.Callers(2, pcs[:])
	started := pcs[:n:n]
	ctx = c.originOf(ctx).forTask(ctx)
	c.pending.begin()
	go func() {
		defer c.pending.end()
		ctx := trace.Begin(ctx)
		task := c.dev.task(c)
		defer c.dev.end(task)
		finished := false
		defer func() {
			if finished {
				return
			}
			value := recover()
			c.dev.panicked(task, value)
			ev := event{kind: KindPanic, err: asError(value), task: name, stack: panicStack(), stackOf: StackPanic}
			if value == nil {
				ev.kind, ev.stackOf, ev.err = KindGoexit, StackExit, errTaskGoexit
			}
			c.report(ctx, ev)
		}()
		err := fn(ctx)
		finished = true
		if err != nil {
			c.report(ctx, event{kind: KindError, err: err, task: name, pcs: started})
		}
	}()
}

var errTaskGoexit = errors.New("the task ended its goroutine (runtime.Goexit)")

// report records and logs an event that nobody waits to be answered about.
func (c *Catcher) report(ctx context.Context, ev event) ID {
	if c.isExpected(ctx, ev) {
		c.logExpected(ctx, ev)
		return ID{}
	}
	dev := c.dev.here()
	c.dev.freeze(dev, ev)
	o := c.originOf(ctx)
	red := c.redactorOf(o)
	f := c.newFailure(ctx, red, ev)
	f.Reported = true
	if o != nil {
		c.fill(f, red, o)
	}
	rec := c.record(ctx, f, red)
	c.dev.reported(dev, ev, f)
	if o != nil && !o.task {
		o.st.remember(ev.err, rec)
	}
	handler := c.log().Handler()
	if handler.Enabled(ctx, slog.LevelError) {
		record := c.failureRecord(slog.LevelError, c.clean(red, ev.subject()+oneLine(text(ev.err)), maxMessage), rec)
		c.addStack(&record, f)
		c.emit(ctx, handler, record)
	}
	return f.ID
}

// subject begins the message about an event outside a request.
func (ev event) subject() string {
	if ev.task != "" {
		return ev.task + " failed: "
	}
	return "Failure reported: "
}

func (c *Catcher) isExpected(ctx context.Context, ev event) bool {
	if ev.kind != KindError {
		return false
	}
	if e, ok := find[*Error](ev.err); ok && e != nil && e.Expected {
		return true
	}
	return ctx.Err() != nil && is(ev.err, context.Canceled) || is(ev.err, http.ErrAbortHandler)
}

func (c *Catcher) logExpected(ctx context.Context, ev event) {
	handler := c.log().Handler()
	if !handler.Enabled(ctx, slog.LevelDebug) {
		return
	}
	message := c.clean(c.redactorOf(c.originOf(ctx)), ev.subject()+oneLine(text(ev.err)), maxMessage)
	c.emit(ctx, handler, slog.NewRecord(time.Now(), slog.LevelDebug, message, 0))
}
