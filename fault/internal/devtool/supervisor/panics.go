package supervisor

import (
	"bytes"
	"context"
	"crypto/rand"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/crash"
	"example.org/microblog/fault/internal/devtool/debugapi"
	"example.org/microblog/fault/internal/devtool/overlay"
	"example.org/microblog/fault/internal/devtool/problem"
	"example.org/microblog/fault/internal/devtool/process"
	"example.org/microblog/fault/internal/devtool/proxy"
	"example.org/microblog/fault/redact"
	"example.org/microblog/fault/trace"
)

const (
	maxPanicText = 8 << 10 // bytes, as package fault keeps
	// A copy of a panic that nobody has taken for so long belongs to no request of ours.
	unclaimedLimit = 10 * time.Second
	sweepEvery     = 2 * time.Second
)

// sweepPanics ends the copies of panics that nobody takes.
func (s *supervisor) sweepPanics() {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.panics.Sweep(unclaimedLimit)
		case <-s.ctx.Done():
			return
		}
	}
}

// panicked takes what net/http says of a handler that panicked, as one without a Catcher does. It is called by the goroutine that reads the
// process's output.
func (s *supervisor) panicked(g *generation, told process.ServedPanic) {
	if !g.installed.Load() {
		return
	}
	if p := g.backend.Panicked(told.Client); p != nil {
		g.answering.Go(func() { s.servedPanic(g, told, p) })
	}
}

// servedPanic makes a failure of a panic, and the answer to its request.
func (s *supervisor) servedPanic(g *generation, told process.ServedPanic, p *proxy.Panic) {
	ctx, cancel := context.WithTimeout(s.ctx, unclaimedLimit)
	defer cancel()
	begun, ok := p.Await(ctx)
	if !ok {
		p.Forget()
		return
	}
	red := g.link.Redactor()
	f := panicFailure(red, told, s.source().Module)
	f.PID, f.Begun = g.process.PID(), begun
	f.Build, _ = g.builtAs()
	f.Host, _ = os.Hostname() // "" if it has none
	f.Request = snapshot(red, p.Request())
	body, whole := p.Body()
	contentType := p.Request().Header.Get("Content-Type")
	f.Request.Form, f.Request.Files = formOf(red, contentType, body, whole, &f.Request.Cut)
	f.Request.Body = bodyText(red, contentType, body, whole)
	g.functions.place(g.binary, f)
	s.locate(f.Stack)
	shown := &overlay.Failure{Failure: f, Generation: g.number, Excerpts: make([][]problem.Line, len(f.Stack)), Why: make([]string, len(f.Stack))}
	for i, frame := range f.Stack {
		shown.Excerpts[i], shown.Why[i] = s.excerpt(g, frame)
	}
	debugapi.MarkLine(shown)
	shown.Debugger = s.debugPanic(g, shown, p.Began())
	s.proxy.Panicked(p, shown)
	s.term.Event("failed: " + s.failureLine(f) + "  " + s.url + overlay.Prefix + "failures/" + f.ID.String())
}

// debugPanic keeps it for the debugger, with the copy that the runtime has made when the panic began.
func (s *supervisor) debugPanic(g *generation, shown *overlay.Failure, began time.Time) string {
	if s.debugger == nil {
		return ""
	}
	failure := debugapi.Failure{Failure: shown, Environment: &g.started, Source: func(file string, line int) ([]problem.Line, string) {
		return s.excerpt(g, trace.Frame{File: file, Line: line})
	}}
	copied := s.panics.Take(g.link.Path(), shown.Goroutine)
	if copied == 0 {
		_, hooked := g.builtAs()
		failure.Why = s.withoutPanicCopy(hooked)
		return s.debugger.Add(failure)
	}
	s.binaries.hold(g.binary)
	failure.Copy = debugapi.Copy{
		PID: copied, StackOf: fault.StackPanic, Binary: g.binary, Module: s.source().Module, Located: s.builder.Located,
		Goroutine: shown.Goroutine, Began: began, Crashed: true, NoCalls: "The Go runtime has made this copy, for want of the kit's catcher, and nothing can be called in it; where the middleware of a fault.Catcher is around a handler, it can.",
		Release: sync.OnceFunc(func() {
			s.panics.End(copied)
			s.binaries.release(g.binary)
		}),
	}
	return s.debugger.Add(failure)
}

// withoutPanicCopy says why there is no copy of a panic.
func (s *supervisor) withoutPanicCopy(hooked bool) *debugapi.UnavailableError {
	const gone = "No copy of the process was made as this panicked, so its variables are not known: "
	if !hooked {
		s.wantHook()
	}
	switch {
	case !hooked && !s.builder.Hooked():
		return &debugapi.UnavailableError{
			Text: gone + "this version was built with Go's own runtime, which makes none.",
			Fix:  "The runtime that does is compiled beside the application, once for each version of Go, which takes a minute or two. The terminal says when that is done, and the application is then built anew by itself; or why it cannot be done. Make the request again after that.",
		}
	case !hooked:
		return &debugapi.UnavailableError{
			Text: gone + "this version was built before the runtime that makes one was compiled.",
			Fix:  "The application is built anew for that by itself, once, or with the key r. Make the request again after that.",
		}
	}
	return &debugapi.UnavailableError{
		Text: gone + "there were too many panics in the last seconds, or the system did not allow a copy.",
		Fix:  "Make the request again. If there is none then either, see vm.overcommit_memory, where 2 is too strict, ulimit -u, or the seccomp rules of a container.",
	}
}

// panicFailure is a panic as a failure, without its request.
func panicFailure(red *redact.Redactor, told process.ServedPanic, module string) *fault.Failure {
	r := crash.Parse("panic: "+"\n\n"+told.Stack, module)
	value := strings.ToValidUTF8(told.Value, "\uFFFD")
	f := &fault.Failure{
		Time: time.Now().UTC().Round(0), Kind: fault.KindPanic, Status: http.StatusInternalServerError,
		Message: masked(red, "panic: "+value, maxPanicText), Stack: beforePanic(r.Stack, told.Stack), StackOf: fault.StackPanic, Goroutine: r.Goroutine,
	}
	f.Causes = fault.Cause{Type: "panic", Message: f.Message}
	if strings.HasPrefix(value, "runtime error: ") {
		f.Causes.Type = "panic of runtime.Error"
	}
	_, _ = rand.Read(f.ID[:]) // It never fails.
	return f
}

// beforePanic takes from a stack, as a server has logged it in text, who recovered, and who had recovered before and panicked again with
// the same value.
func beforePanic(s trace.Stack, text string) trace.Stack {
	values := panicValues.FindAllStringSubmatch(text, -1)
	from, n := 0, 0
	for i, f := range s {
		if f.Function != "panic" || n == len(values) {
			continue
		}
		if n == 0 || values[n][1] == values[0][1] && values[n][2] == values[0][2] {
			from = i + 1
		}
		n++
	}
	s = s[from:]
	for len(s) > 1 && strings.HasPrefix(s[0].Function, "runtime.") {
		s = s[1:]
	}
	return s
}

// panicValues are what panic was called with, as the type and the value of an interface.
var panicValues = regexp.MustCompile(`(?m)^panic\(\{(0x[0-9a-f]+)\??, (0x[0-9a-f]+)\??\}\??\)$`)

// formOf reads the form of a request, as far as it was sent, masked and cut as package fault does it.
func formOf(red *redact.Redactor, contentType string, body []byte, whole bool, cut *bool) (form url.Values, files []fault.File) {
	if len(body) == 0 {
		return nil, nil
	}
	*cut = *cut || !whole
	kind, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, nil
	}
	values := url.Values{}
	switch kind {
	case "application/x-www-form-urlencoded":
		if !whole { // the last field may be half of one
			body = body[:max(bytes.LastIndexByte(body, '&'), 0)]
		}
		values, _ = url.ParseQuery(string(body)) // what cannot be read is left out
	case "multipart/form-data":
		if !whole {
			return nil, nil
		}
		read, err := multipart.NewReader(bytes.NewReader(body), parameters["boundary"]).ReadForm(int64(len(body)))
		if err != nil {
			return nil, nil
		}
		defer read.RemoveAll() // it is in memory
		values = read.Value
		for field, headers := range read.File {
			for _, h := range headers {
				if len(files) == maxFields {
					*cut = true
					break
				}
				files = append(files, fault.File{Field: masked(red, field, maxField), Name: masked(red, h.Filename, maxField), Size: h.Size})
			}
		}
		slices.SortFunc(files, func(a, b fault.File) int { return strings.Compare(a.Field, b.Field) })
	}
	return formFields(red, values, cut), files
}

// formFields are the first fields by name.
func formFields(red *redact.Redactor, values url.Values, cut *bool) url.Values {
	values = red.Form(values)
	if len(values) == 0 {
		return nil
	}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	*cut = *cut || len(names) > maxFields
	form := url.Values{}
	for _, name := range names[:min(len(names), maxFields)] {
		all := values[name]
		*cut = *cut || len(all) > maxValues || len(name) > maxField
		for _, v := range all[:min(len(all), maxValues)] {
			*cut = *cut || len(v) > maxField
			name := masked(red, name, maxField)
			form[name] = append(form[name], strings.ToValidUTF8(v[:min(len(v), maxField)], "\uFFFD"))
		}
	}
	return form
}
