package fault

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"
)

// noContext is for what belongs to no request.
var noContext = context.Background()

func (c *Catcher) log() *slog.Logger {
	if c.logger != nil {
		return c.logger
	}
	return slog.Default()
}

// logEvent writes the one record of an event: a failure at ERROR with its stack, what is none at
// DEBUG. beside is what went wrong in answering it, or what a broken page was to answer; aborted
// tells that the response had begun.
func (c *Catcher) logEvent(r *http.Request, ev event, v verdict, rec recording, beside error, aborted bool) {
	level := slog.LevelDebug
	switch {
	case rec.failure != nil && !rec.again:
		level = slog.LevelError
	case aborted && !v.gone && !v.closing:
		level = slog.LevelWarn // The handler's mistake: it answered, then changed its mind.
	}
	ctx := r.Context()
	handler := c.log().Handler()
	if !handler.Enabled(ctx, level) {
		return
	}
	red := rec.red
	if rec.failure == nil {
		red, _ = c.redactorFor(r)
	}
	request := r.Method + " " + r.URL.EscapedPath()
	var message string
	switch {
	case ev.kind == KindPage:
		message = fmt.Sprintf("%s: the page to answer it could not be made: %s", request, text(ev.err))
	case rec.failure != nil && !rec.again:
		message = request + " failed: " + text(ev.err)
	case v.gone:
		message = request + " was not answered, the client went away: " + text(ev.err)
	case aborted:
		message = fmt.Sprintf("%s should have been answered %d, but the response had begun: %s", request, v.status, text(ev.err))
	default:
		message = fmt.Sprintf("%s answered %d: %s", request, v.status, text(ev.err))
	}
	message = c.clean(red, oneLine(message), maxMessage)
	if rec.failure == nil || rec.again {
		record := slog.NewRecord(time.Now(), level, message, 0)
		st := stateOf(ctx)
		if st != nil {
			record.AddAttrs(slog.String("request", st.requestID()))
		}
		if rec.again {
			record.AddAttrs(slog.String("fault", rec.failure.ID.String()))
		}
		c.emit(ctx, handler, record)
		return
	}
	record := c.failureRecord(level, message, rec)
	if aborted {
		record.AddAttrs(slog.String("response", "aborted"))
	}
	switch {
	case beside == nil:
	case ev.kind == KindPage:
		record.AddAttrs(slog.String("answered", c.clean(red, text(beside), maxText)))
	default:
		record.AddAttrs(slog.String("page", c.clean(red, text(beside), maxText)))
	}
	c.addStack(&record, rec.failure)
	c.emit(ctx, handler, record)
}

// failureRecord begins the record of a failure, with all but its stack.
func (c *Catcher) failureRecord(level slog.Level, message string, rec recording) slog.Record {
	f := rec.failure
	record := slog.NewRecord(f.Time, level, message, place(f.Stack))
	record.AddAttrs(slog.String("fault", f.ID.String()))
	if f.Request != nil && !f.Reported {
		record.AddAttrs(slog.Int("status", f.Status))
	}
	record.AddAttrs(slog.String("kind", string(f.Kind)))
	for _, a := range []struct{ key, value string }{
		{"task", f.Task}, {"request", f.RequestID}, {"user", f.User}, {"route", f.route()},
	} {
		if a.value != "" {
			record.AddAttrs(slog.String(a.key, a.value))
		}
	}
	if causes := f.Causes.joined(); causes != nil {
		record.AddAttrs(slog.Any("causes", list(causes)))
	}
	if hang := f.Causes.hang(); hang != "" {
		record.AddAttrs(slog.String("hang", hang))
	}
	if rec.trouble != "" {
		record.AddAttrs(slog.String("recorder", rec.trouble))
	}
	return record
}

func (f *Failure) route() string {
	if f.Request == nil {
		return ""
	}
	return f.Request.Route
}

func (c *Catcher) addStack(record *slog.Record, f *Failure) {
	if len(f.Stack) > 0 {
		record.AddAttrs(slog.Any("stack", stackLines{c, f}))
	}
}

// logAbort tells that a handler aborted its connection, which is its right.
func (c *Catcher) logAbort(r *http.Request, err error) {
	ctx, handler := r.Context(), c.log().Handler()
	if same(err, http.ErrAbortHandler) || !handler.Enabled(ctx, slog.LevelDebug) {
		return // Nothing was said beside that.
	}
	red, _ := c.redactorFor(r)
	message := c.clean(red, r.Method+" "+r.URL.EscapedPath()+" aborted: "+oneLine(text(err)), maxMessage)
	c.emit(ctx, handler, slog.NewRecord(time.Now(), slog.LevelDebug, message, 0))
}

// emit hands a record to the log. A log that fails or panics must not keep a request from its
// answer; nobody else is left to tell but standard error.
func (c *Catcher) emit(ctx context.Context, handler slog.Handler, record slog.Record) {
	defer func() {
		if v := recover(); v != nil {
			fmt.Fprintf(os.Stderr, "fault: the log handler panicked (%T) with the record: %s\n", v, printable(record.Message))
		}
	}()
	_ = handler.Handle(ctx, record) // The handler tells about its own troubles.
}

// oneLine puts the texts of joined errors, which errors.Join writes on lines of their own, on one.
func oneLine(s string) string { return printable(strings.ReplaceAll(s, "\n", "; ")) }

// list is several texts as one value of a log record.
type list []string

func (l list) String() string { return strings.Join(l, "; ") }
