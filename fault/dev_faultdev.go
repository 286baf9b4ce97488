//go:build faultdev

package fault

import (
	"log/slog"
	"maps"
	"runtime"
	"time"

	"example.org/microblog/fault/internal/devlink"
	"example.org/microblog/fault/internal/freeze"
	"example.org/microblog/fault/trace"
)

// development tells `fault run` of failures, before they are answered. Without `fault run` it does nothing.
type development struct {
	link *devlink.Link // nil: there is none
}

// asked is what the proxy of `fault run` says of a request.
type asked struct {
	token string        // its name for it, "" if it has none
	scope *freeze.Scope // what copies are made in; nil if nobody wants any
	outer bool          // the scope is that of a Catcher around this one
	watch *watch        // of panics that do not come to an end; nil if nobody watches
}

func (d *development) open(c *Catcher) {
	link := devlink.Process()
	link.Warn(func(why error) {
		handler := c.log().Handler()
		if !handler.Enabled(noContext, slog.LevelWarn) {
			return
		}
		record := slog.NewRecord(time.Now(), slog.LevelWarn,
			"This is a development build (build tag faultdev), which behaves like a release now: build without the tag what is to be deployed", 0)
		record.AddAttrs(slog.String("why", why.Error()))
		c.emit(noContext, handler, record)
	})
	if link.Connected() {
		d.link = link
		link.Secrets(c.redactor.Keys())
		if owner := devlink.Owner(); owner != 0 {
			freeze.AtEnd(owner, func() {
				if s := exitStack(); len(s) > 0 {
					link.Ending(c.marked(s))
				}
			})
		}
	}
}

// exitStack is the stack of the calling goroutine from its call of os.Exit on; nil if it has called nothing like that.
func exitStack() (s trace.Stack) {
	var pcs [2 * maxFrames]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs[:])])
	for more := true; more && len(s) < maxFrames; {
		var f runtime.Frame
		if f, more = frames.Next(); len(s) > 0 || f.Function == "os.Exit" {
			s = append(s, trace.Frame{Function: f.Function, File: f.File, Line: f.Line})
		}
	}
	for len(s) > 0 && (s[len(s)-1].Function == "runtime.goexit" || s[len(s)-1].Function == "runtime.main") {
		s = s[:len(s)-1]
	}
	return s
}

// begin takes the proxy's name for the request off it, so that neither the application nor the record
// sees it. The header is copied: the request is the server's.
func (d development) begin(st *state) asked {
	if d.link == nil {
		return asked{}
	}
	if outer := stateOf(st.Context); outer != nil && outer.catcher.dev.link != nil {
		r := outer.dev
		r.outer = true
		return r
	}
	r := asked{watch: &watch{st: st}}
	r.scope = d.scope(r.watch)
	if values := st.req.Header[devlink.RequestHeader]; len(values) > 0 {
		r.token = values[0]
		header := maps.Clone(st.req.Header)
		delete(header, devlink.RequestHeader)
		st.req.Header = header
	}
	return r
}

// task begins a task, in which copies are made as they are in a request.
func (d development) task(c *Catcher) asked {
	if d.link == nil {
		return asked{}
	}
	return asked{scope: d.scope(nil)}
}

// here is the request, or the task, that the calling goroutine is in.
func (d development) here() asked { return asked{scope: freeze.Current()} }

// end ends a request or a task on its goroutine.
func (d development) end(r asked) {
	if !r.outer {
		r.watch.end()
		r.scope.End()
	}
}

// failed tells of the failure of a request, and waits until it is noted, but not long.
func (d development) failed(r asked, ev event, f *Failure) {
	if d.link != nil {
		d.link.Failed(r.token, f, r.frozen(ev))
	}
}

// reported tells of a failure outside the answer to a request: the request it happened in, if any, may
// well succeed.
func (d development) reported(r asked, ev event, f *Failure) {
	if d.link != nil {
		d.link.Failed("", f, r.frozen(ev))
	}
}

// answered tells that a failure which was reported is what its request is answered with: now.
func (d development) answered(r asked, now func() *Failure) {
	if d.link != nil {
		d.link.Failed(r.token, now(), nil)
	}
}
