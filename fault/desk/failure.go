package desk

import (
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/visible"
	"example.org/microblog/fault/trace"
)

// failureView is one failure in full.
type failureView struct {
	ID       string
	FullID   string
	Newest   bool
	Time     stamp
	Message  clipped
	Public   clipped
	Task     string
	User     string
	Causes   causeView
	Lone     bool // there is one error, and the message is its text
	StackOf  string
	App      []frameView // the application's own calls, innermost first, with source
	NoApp    bool        // there are none: App holds the innermost calls of all
	Stack    []frameView // all calls
	Request  *requestView
	Response *responseView
	Steps    []stepView
	Dropped  int
	Output   clipped
	Facts    []fact
	Begun    bool
	Reported bool
}

// fact is a name and a value.
type fact struct{ Name, Value string }

// causeView is an error and what it wraps.
type causeView struct {
	Type    string
	Message clipped
	Causes  []causeView
	Cut     int
}

// frameView is one call.
type frameView struct {
	Function string
	Place    string
	App      bool
	Lines    []lineView
	From     string // where the lines were found
	Why      string // why there are none
}

type lineView struct {
	Number int
	Text   string
	Hit    bool
}

const (
	sourceFrames = 8  // calls that are shown with source
	innermost    = 3  // of all calls, where none is the application's
	linesAround  = 5  // before and after the line
	headLines    = 12 // of a text that may be long
	headChars    = 800
)

func (d *desk) failureView(f *fault.Failure) *failureView {
	v := &failureView{
		ID: f.ID.String(), FullID: f.ID.Full(), Time: d.stamp(f.Time), Message: clip(f.Message, headChars, headLines),
		Task: line(f.Task), User: clip(line(f.User), 200, 1).Head, StackOf: stackText(f.StackOf),
		Causes: causesOf(f.Causes), Lone: len(f.Causes.Causes) == 0 && f.Causes.Cut == 0 && f.Causes.Message == f.Message,
		Dropped: f.StepsDropped, Output: clip(f.Output, 4*headChars, 3*headLines), Begun: f.Begun,
		Reported: f.Reported && f.Kind != fault.KindCrash && f.Kind != fault.KindEnded,
		Request:  d.requestOf(f), Facts: factsOf(f),
	}
	if s := f.Response; s != nil {
		v.Response = responseOf(s)
	}
	if f.Causes.Message == f.Message {
		v.Causes.Message = clipped{} // It stands above already.
	}
	if f.Public != "" && f.Public != f.Message {
		v.Public = clip(f.Public, headChars, headLines)
	}
	d.fillStack(v, f)
	for _, s := range f.Steps {
		v.Steps = append(v.Steps, d.stepView(f, s))
	}
	return v
}

func stackText(of string) string {
	switch of {
	case fault.StackPanic:
		return "where it panicked"
	case fault.StackWrapped:
		return "where the error was first wrapped"
	case fault.StackHandled:
		return "where the error arrived"
	case fault.StackExit:
		return "where the goroutine was ended"
	case fault.StackCrash:
		return "of the goroutine that ended the process"
	}
	return line(of)
}

func causesOf(c fault.Cause) causeView {
	v := causeView{Type: clip(line(c.Type), 200, 1).Head, Message: clip(c.Message, headChars/2, headLines/2), Cut: c.Cut}
	for _, inner := range c.Causes {
		v.Causes = append(v.Causes, causesOf(inner))
	}
	return v
}

func (d *desk) fillStack(v *failureView, f *fault.Failure) {
	v.NoApp = !slices.ContainsFunc(f.Stack, func(c trace.Frame) bool { return c.App })
	for _, call := range f.Stack {
		plain := frameView{Function: line(call.Name()), Place: line(call.Short(f.Build.Module)), App: call.App}
		v.Stack = append(v.Stack, plain)
		if wanted := call.App || v.NoApp && len(v.App) < innermost; wanted && len(v.App) < sourceFrames {
			v.App = append(v.App, d.withSource(plain, call, f.Build))
		}
	}
}

// withSource adds the lines around a call, or why there are none.
func (d *desk) withSource(v frameView, call trace.Frame, build fault.Build) frameView {
	if d.source == nil {
		return v
	}
	excerpt, err := d.source.Lines(call, build, linesAround)
	if err != nil {
		v.Why = line(err.Error())
		return v
	}
	v.From = excerpt.From
	for _, l := range excerpt.Lines {
		v.Lines = append(v.Lines, lineView{l.Number, visible.Text(d.mask(l.Text)), l.Hit})
	}
	return v
}

// requestView is what was asked for.
type requestView struct {
	Method, URL string
	Facts       []fact
	Header      []fact
	Form        []fact
	Files       []fact
	Cut         bool
	Command     string // for a shell; "" if there is none
	Notes       []string
}

// maxCommand bounds the request as a command, in bytes.
const maxCommand = 16 << 10

func (d *desk) requestOf(f *fault.Failure) *requestView {
	q := f.Request
	if q == nil {
		return nil
	}
	v := &requestView{Method: line(q.Method), URL: line(q.URL), Cut: q.Cut}
	v.Facts = facts("Route", q.Route, "Host", q.Host, "From", q.RemoteAddr, "Protocol", q.Proto, "User", f.User, "Request ID", f.RequestID)
	switch {
	case q.ContentLength > 0:
		v.Facts = append(v.Facts, fact{"Body", count(q.ContentLength, "byte", "bytes")})
	case q.ContentLength < 0:
		v.Facts = append(v.Facts, fact{"Body", "of unknown length"})
	}
	v.Command, v.Notes = q.Curl(d.baseURL, maxCommand)
	v.Header, v.Form = fields(q.Header), fields(q.Form)
	for _, file := range q.Files {
		v.Files = append(v.Files, fact{line(file.Field), line(file.Name) + ", " + size(file.Size)})
	}
	return v
}

// responseView is what had been done to answer.
type responseView struct {
	Facts  []fact
	Header []fact
	Cut    bool
}

func responseOf(s *fault.Response) *responseView {
	status, body, connection := "not set yet", "nothing written yet", ""
	if s.Status != 0 {
		status = strings.TrimSpace(strconv.Itoa(s.Status) + " " + http.StatusText(s.Status))
	} else if s.Hijacked {
		status, connection = "", "taken over by the handler"
	}
	if s.Bytes != 0 {
		body = count(s.Bytes, "byte", "bytes") + " written"
	}
	return &responseView{Facts: facts("Connection", connection, "Status", status, "Body", body), Header: fields(s.Header), Cut: s.Cut}
}

// fields are headers or form fields by name, each value by itself.
func fields(m map[string][]string) []fact {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	var all []fact
	for _, name := range names {
		for _, value := range m[name] {
			all = append(all, fact{line(name), line(value)})
		}
	}
	return all
}

// facts are pairs of a name and a value, without those that have no value.
func facts(pairs ...string) []fact {
	var all []fact
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			all = append(all, fact{pairs[i], line(pairs[i+1])})
		}
	}
	return all
}

func factsOf(f *fault.Failure) []fact {
	status, pid, goroutine := "", "", ""
	if f.Status != 0 && !f.Reported {
		status = strings.TrimSpace(strconv.Itoa(f.Status) + " " + http.StatusText(f.Status))
	}
	if f.PID != 0 {
		pid = strconv.Itoa(f.PID)
	}
	if f.Goroutine != 0 {
		goroutine = strconv.FormatInt(f.Goroutine, 10)
	}
	all := facts("Answered with", status, "Kind", kindText(f.Kind), "Task", f.Task, "Build", buildText(f.Build), "Host", f.Host, "Process", pid, "Goroutine", goroutine)
	if f.Request == nil {
		all = append(all, facts("User", f.User, "Request ID", f.RequestID)...)
	}
	return all
}

// stepView is one thing that the request did.
type stepView struct {
	Before string // how long before the failure it began
	Kind   string
	Text   clipped
	Args   string
	Took   string
	Err    string
}

func (d *desk) stepView(f *fault.Failure, s trace.Step) stepView {
	v := stepView{Kind: line(s.Kind), Text: clip(s.Text, headChars/2, headLines/2), Err: clip(line(s.Err), 400, 1).Head}
	if !s.Time.IsZero() {
		v.Before = milliseconds(f.Time.Sub(s.Time))
	}
	if s.Duration > 0 {
		v.Took = milliseconds(s.Duration)
	}
	args := make([]string, len(s.Args))
	for i, a := range s.Args {
		args[i] = line(a)
	}
	v.Args = clip(strings.Join(args, ", "), headChars/2, 1).Head
	return v
}

// milliseconds is a short time: "0.3 ms", "1,204 ms".
func milliseconds(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	if -10 < ms && ms < 10 {
		return strconv.FormatFloat(ms, 'f', 1, 64) + " ms"
	}
	return number(int64(math.Round(ms))) + " ms"
}
