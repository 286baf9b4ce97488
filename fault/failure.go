package fault

import (
	"context"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"example.org/microblog/fault/redact"
	"example.org/microblog/fault/trace"
)

// Kind is how something failed.
type Kind string

// The kinds of failures.
const (
	KindError    Kind = "error"    // an error was returned or reported
	KindPanic    Kind = "panic"    // a panic
	KindNoAnswer Kind = "noanswer" // a handler returned without answering
	KindGoexit   Kind = "goexit"   // runtime.Goexit ended the handler's goroutine
	KindPage     Kind = "page"     // the page for an answer that is no failure itself could not be made
	KindCrash    Kind = "crash"    // the whole process ended by a panic or a fatal error; found by the next start
	KindEnded    Kind = "ended"    // the whole process ended without a word, such as by SIGKILL; found by the next start
)

// What a Failure's stack is the stack of.
const (
	StackPanic   = "panic"   // where it panicked
	StackWrapped = "wrapped" // where the error was first wrapped, or made, with package trace
	StackHandled = "handled" // where the error arrived: the handler that returned it, or who reported it
	StackExit    = "exit"    // where the goroutine was ended
	StackCrash   = "crash"   // of the goroutine that ended the process
)

// Failure is all that is known about one thing that failed. Every text in it is masked and bounded.
// It can be written as JSON and read back without loss, but for the program counters.
type Failure struct {
	ID      ID        `json:"id"`
	Time    time.Time `json:"time"` // UTC
	Kind    Kind      `json:"kind"`
	Status  int       `json:"status"`           // of the answer; 500 if it was reported
	Public  string    `json:"public,omitempty"` // what people were shown beside the status
	Message string    `json:"message"`          // the whole text of the error
	// Causes is the error with everything it wraps or joins.
	Causes Cause `json:"causes"`
	// Stack begins at the innermost call and ends where the Catcher took over. StackOf tells what it
	// is the stack of. App is set on the frames of the application's own code.
	Stack   trace.Stack `json:"stack,omitempty"`
	StackOf string      `json:"stack_of,omitempty"`
	// Task is the name of the goroutine that failed, as given to Catcher.Go.
	Task string `json:"task,omitempty"`
	// Request is what was asked for, nil outside a request.
	Request *Request `json:"request,omitempty"`
	// Response is what had been done to answer it. Nil: nothing, or it was reported, or there is no request.
	Response     *Response    `json:"response,omitempty"`
	User         string       `json:"user,omitempty"`
	RequestID    string       `json:"request_id,omitempty"`
	Host         string       `json:"host,omitempty"` // this machine's name
	PID          int          `json:"pid"`
	Build        Build        `json:"build"`
	Goroutine    int64        `json:"goroutine,omitempty"`
	Steps        []trace.Step `json:"steps,omitempty"`         // what the request did, oldest first
	StepsDropped int          `json:"steps_dropped,omitempty"` // how many came before those
	Begun        bool         `json:"begun,omitempty"`         // the response had begun: the connection was aborted
	// Reported says that it came by Catcher.Report or Catcher.Go, not as the answer to a request. Of
	// Request there are then the method, the route and the path only.
	Reported bool `json:"reported,omitempty"`
	// Output is the beginning of what the process wrote as it crashed, of a KindCrash and KindEnded only.
	Output string `json:"output,omitempty"`
}

// Build is which program this is, as the Go toolchain noted it.
type Build struct {
	Module   string    `json:"module,omitempty"`  // path of the main module
	Version  string    `json:"version,omitempty"` // its version, "(devel)" if it was built from a working tree
	Revision string    `json:"revision,omitempty"`
	Time     time.Time `json:"time,omitzero"` // of the revision, UTC
	Modified bool      `json:"modified,omitempty"`
	Go       string    `json:"go"`
	// ID tells builds apart that are the same revision: twelve hexadecimal digits of a hash of the
	// toolchain's build ID; "" where that cannot be read.
	ID string `json:"id,omitempty"`
}

// ReadBuild returns the build of the running program.
func ReadBuild() Build {
	b := Build{Go: runtime.Version(), ID: buildID()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.Module, b.Version = info.Main.Path, info.Main.Version
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.time":
			b.Time, _ = time.Parse(time.RFC3339, s.Value) // Absent is as good as unreadable.
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

// What a Failure holds of each text, in bytes, and of a stack, in calls.
const (
	maxMessage = 8 << 10
	maxText    = 2 << 10
	maxArg     = 256 // of a step
	maxFrames  = 64
)

// recordRequest records an event in a request.
func (c *Catcher) recordRequest(st *state, r *http.Request, ev event, v verdict, begun bool, so progress) recording {
	red, known := c.redactorFor(r)
	f := c.newFailure(r.Context(), red, ev)
	f.Status, f.Begun = v.status, begun
	f.Public = c.clean(red, v.public, maxText)
	f.RequestID = c.clean(red, st.requestID(), maxRequestID)
	if c.user != nil {
		f.User = c.clean(red, guarded(func() string { return c.user(r) }), maxValue)
	}
	f.Request = c.snapshot(r, st.pattern(r), red, known)
	f.Response = c.soFar(so, red, known)
	if v.beside != nil {
		f.Causes.Causes = append(f.Causes.Causes, c.causes(red, v.beside))
	}
	rec := c.record(r.Context(), f, red)
	c.dev.failed(st.dev, ev, f)
	return rec
}

// answeredBy is a failure that was reported as the one that its request is answered with: with all of the request, and the response so far.
func (c *Catcher) answeredBy(st *state, r *http.Request, f Failure, v verdict, begun bool, so progress) *Failure {
	red, known := c.redactorFor(r)
	f.Reported, f.Status, f.Begun, f.Public = false, v.status, begun, c.clean(red, v.public, maxText)
	f.Request, f.Response = c.snapshot(r, st.pattern(r), red, known), c.soFar(so, red, known)
	return &f
}

func (c *Catcher) newFailure(ctx context.Context, red *redact.Redactor, ev event) *Failure {
	stack, of := ev.trace()
	f := &Failure{
		ID:        newID(),
		Time:      time.Now().UTC().Round(0),
		Kind:      ev.kind,
		Status:    http.StatusInternalServerError,
		Message:   c.clean(red, text(ev.err), maxMessage),
		Causes:    c.causes(red, ev.err),
		Stack:     c.marked(cutBelow(stack)),
		StackOf:   of,
		Task:      c.clean(red, ev.task, maxValue),
		Host:      c.host,
		PID:       os.Getpid(),
		Build:     c.build,
		Goroutine: ev.on,
	}
	if f.Goroutine == 0 {
		f.Goroutine = goroutine()
	}
	if !ev.at.IsZero() {
		f.Time = ev.at.UTC().Round(0)
	}
	f.Steps, f.StepsDropped = trace.Steps(ctx)
	for i := range f.Steps {
		c.cleanStep(red, &f.Steps[i])
	}
	return f
}

// cleanStep masks a step. An argument that is noted as key=value is masked as a whole if the key is a
// secret's. Others have no names; where the statement names a secret, any of them may be it.
func (c *Catcher) cleanStep(red *redact.Redactor, s *trace.Step) {
	secret := namesSecret(red, s.Text)
	s.Time = s.Time.UTC().Round(0)
	if year := s.Time.Year(); year < 0 || year > 9999 {
		s.Time = time.Time{} // RFC 3339 has no such year, and JSON could not be made.
	}
	s.Kind = c.clean(red, s.Kind, maxValue)
	s.Text, s.Err = cleanKept(red, s.Text, maxText, trace.MaxText), cleanKept(red, s.Err, maxText, trace.MaxText)
	args := make([]string, len(s.Args))
	for i, a := range s.Args {
		key, value, _ := strings.Cut(a, "=")
		switch {
		case secret:
			args[i] = redact.Mask
		case value != "" && !strings.ContainsAny(key, "/?&\"") && red.IsSecretKey(key): // not of an address
			args[i] = c.clean(red, key, maxValue) + "=" + redact.Mask
		default:
			args[i] = cleanKept(red, a, maxArg, trace.MaxArg)
		}
	}
	if s.Args = args; len(args) == 0 {
		s.Args = nil
	}
}

// namesSecret tells whether a statement names a column that holds a secret.
func namesSecret(red *redact.Redactor, statement string) bool {
	names := strings.FieldsFunc(statement, func(r rune) bool {
		return r != '_' && r != '$' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
	for _, name := range names {
		if red.IsSecretKey(name) {
			return true
		}
	}
	return false
}

// redactorFor returns the Redactor with the request's own secrets, and whether those are known: they
// are not if the application's function for them panics.
func (c *Catcher) redactorFor(r *http.Request) (red *redact.Redactor, known bool) {
	secrets, known := c.secretsOf(r)
	return c.redactor.With(secrets...), known
}

func (c *Catcher) secretsOf(r *http.Request) (secrets []string, known bool) {
	if c.secrets == nil {
		return nil, true
	}
	defer func() {
		if !known {
			_ = recover()
		}
	}()
	secrets = c.secrets(r)
	return secrets, true
}

// cleanFor masks a text that the request's answer shows, without the cost of looking for the
// encodings of the request's secrets where none of them stands.
func (c *Catcher) cleanFor(r *http.Request, s string, max int) string {
	if s == "" {
		return ""
	}
	red := c.redactor
	secrets, _ := c.secretsOf(r)
	for _, secret := range secrets {
		if secret != "" && strings.Contains(s, secret) {
			red = red.With(secrets...)
			break
		}
	}
	return c.clean(red, s, max)
}

// cleanKept masks a text of a step, of which the record has kept no more than so many bytes, and cuts it to max.
func cleanKept(red *redact.Redactor, s string, max, kept int) string {
	const mark = "…"
	masked := red.Text(s)
	if len(s) >= kept && strings.HasSuffix(s, mark) {
		masked = sure(red.Text(strings.TrimSuffix(s, mark)), kept-max) + mark
	}
	if len(masked) <= max+len(mark) {
		return strings.ToValidUTF8(masked, "\uFFFD")
	}
	return strings.ToValidUTF8(cutText(masked, max), "\uFFFD") + mark
}

// clean masks a text and cuts it to so many bytes. Cutting comes last, because half a secret is not
// found; but a very long text is cut before as well.
func (c *Catcher) clean(red *redact.Redactor, s string, max int) string {
	const margin = 4 << 10
	long := len(s)
	if len(s) > max+margin {
		s = s[:max+margin]
	}
	masked := red.Text(s)
	if len(s) < long {
		masked = sure(masked, margin/4)
	}
	if len(masked) <= max && len(s) == long {
		return strings.ToValidUTF8(masked, "\uFFFD")
	}
	return strings.ToValidUTF8(cutText(masked, max), "\uFFFD") + "… [cut, " + strconv.Itoa(long) + " bytes]"
}

// sure returns a masked text that was cut before without its end, where the beginning of a secret may stand: without so many
// bytes, or without what follows the last mask if all is less.
func sure(masked string, doubtful int) string {
	if len(masked) > doubtful {
		return masked[:len(masked)-doubtful]
	}
	if at := strings.LastIndex(masked, redact.Mask); at >= 0 {
		return masked[:at+len(redact.Mask)]
	}
	return ""
}

// cutText cuts a text to so many bytes. A rune that was cut does not show.
func cutText(s string, most int) string {
	s = s[:min(len(s), most)]
	for range utf8.UTFMax - 1 {
		if r, size := utf8.DecodeLastRuneInString(s); r != utf8.RuneError || size != 1 {
			break
		}
		s = s[:len(s)-1]
	}
	return s
}
