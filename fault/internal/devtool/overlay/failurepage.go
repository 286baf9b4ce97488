package overlay

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devtool/problem"
	"example.org/microblog/fault/trace"
)

const (
	maxCommand = 16 << 10 // bytes of the request as a command
	stepsOpen  = 12       // the last ones, which are shown without a click
	maxShown   = 8 << 10  // bytes of a text
)

// failurePage is the page about a failure.
type failurePage struct {
	shell
	FaultID  string
	Status   string
	Asked    string // "GET /user/susan"
	How      string // it failed
	Message  string
	Public   string // what people were shown
	Where    *callView
	NoApp    bool // no call is the application's own
	StackOf  string
	Groups   []callGroup
	Calls    int
	Causes   []causeView
	Request  *requestView
	Response *responseView
	Steps    []stepView
	Earlier  []stepView
	Dropped  int
	Facts    []fact
	Answer   string
	Output   string
	Begun    bool
	Own      bool // it is shown at its own address
	Text     string
	Version  int
	Reported bool
	End      bool   // of the whole process
	UnderWay string // which requests were
	Debugger string // where the debugger shows it; "" is none
	Over     string // the same, for a frame over this page
}

type fact struct{ Name, Value string }

// causeView is one error of the tree. Rest is the end of its text that is the text of what it wraps.
type causeView struct {
	Type   string
	Own    string
	Rest   string
	Causes []causeView
	Cut    int
}

type requestView struct {
	Method, URL string
	Facts       []fact
	Query       []fact
	Form        []fact
	Files       []fact
	Body        string
	Header      []fact
	Cookies     []fact
	Cut         bool
	Command     string // for a shell; "" if there is none
	Notes       []string
}

// responseView is what had been done to answer.
type responseView struct {
	Facts  []fact
	Header []fact
	Cut    bool
}

type stepView struct {
	Before string // how long before the failure it began
	Kind   string
	Text   string
	Args   []string
	Took   string
	Err    string
}

func howText(k fault.Kind) string {
	switch k {
	case fault.KindError:
		return "Error"
	case fault.KindPanic:
		return "Panic"
	case fault.KindNoAnswer:
		return "The handler did not answer"
	case fault.KindGoexit:
		return "The handler ended its goroutine"
	case fault.KindPage:
		return "The page could not be made"
	case fault.KindCrash:
		return "The process crashed"
	case fault.KindEnded:
		return "The process ended without a word"
	}
	return line(string(k))
}

// howFailed is howText of a failure: of the end of a process it tells as much as is known.
func howFailed(f *fault.Failure) string {
	switch {
	case f.Kind == fault.KindEnded && len(f.Stack) > 0:
		return "The application ended itself"
	case f.Kind == fault.KindEnded && f.Output != "":
		return "The process ended"
	}
	return howText(f.Kind)
}

// isEnd tells whether a failure is the end of the whole process.
func isEnd(f *fault.Failure) bool { return f.Kind == fault.KindCrash || f.Kind == fault.KindEnded }

func stackText(of string) string {
	switch of {
	case fault.StackPanic:
		return "Where it panicked"
	case fault.StackWrapped:
		return "Where the error was first wrapped"
	case fault.StackHandled:
		return "Where the error arrived"
	case fault.StackExit:
		return "Where the goroutine was ended"
	case fault.StackCrash:
		return "Where the process ended"
	}
	return "Where it failed"
}

func statusText(status int) string {
	if status == 0 {
		return "" // There was no request.
	}
	return strings.TrimSpace(strconv.Itoa(status) + " " + http.StatusText(status))
}

func failurePageOf(r *http.Request, f *Failure, status int, own bool) failurePage {
	message := strings.TrimSpace(lines(clip(f.Message, maxShown)))
	v := failurePage{
		shell:   shellOf(r, clip(strings.ReplaceAll(message, "\n", " "), 120), "", f.Script),
		FaultID: f.ID.String(), Status: statusText(status), How: howFailed(f.Failure), Message: message, Version: f.Generation,
		Begun: f.Begun, Own: own, Dropped: f.StepsDropped, StackOf: stackText(f.StackOf), Calls: len(f.Stack),
		Output: lines(strings.TrimRight(f.Output, "\n")), Reported: f.Reported, End: isEnd(f.Failure), UnderWay: underWay(f.UnderWay), Text: failureText(r, f, status),
	}
	if strings.HasPrefix(f.Answer, Prefix) {
		v.Answer = f.Answer
	}
	if debugger := debuggerOf(r, f.Debugger); debugger != "" {
		v.Debugger, v.Over = debugger, framedAt(debugger)
	}
	if own {
		v.Script = "" // What failed then stays as it was.
		v.Framed = r.URL.Query().Get("framed") != ""
	}
	if f.Public != "" && f.Public != f.Message {
		v.Public = lines(f.Public)
	}
	if q := f.Request; q != nil {
		v.Asked = line(clip(q.Method+" "+q.URL, 300))
		v.Request = requestOf(r, f.Failure)
	} else if f.Task != "" {
		v.Asked = "goroutine " + line(f.Task)
	}
	if s := f.Response; s != nil {
		v.Response = responseOf(s)
	}
	v.fillCalls(f)
	if len(f.Causes.Causes) > 0 || f.Causes.Cut > 0 || f.Causes.Message != f.Message {
		v.Causes = []causeView{causeOf(f.Causes)}
	}
	for _, s := range f.Steps {
		step := stepView{Kind: line(s.Kind), Text: lines(s.Text), Err: lines(s.Err)}
		if !s.Time.IsZero() {
			step.Before = took(f.Time.Sub(s.Time))
		}
		if s.Duration > 0 {
			step.Took = took(s.Duration)
		}
		for _, a := range s.Args {
			step.Args = append(step.Args, line(a))
		}
		v.Steps = append(v.Steps, step)
	}
	if n := len(v.Steps) - stepsOpen; n > 2 {
		v.Earlier, v.Steps = v.Steps[:n], v.Steps[n:]
	}
	v.Facts = factsOf(f, status)
	return v
}

// fillCalls fills the stack, and the call at the top: the innermost of the application's own, else of all.
func (v *failurePage) fillCalls(f *Failure) {
	top := -1
	for i, call := range f.Stack {
		if call.App {
			top = i
			break
		}
	}
	v.NoApp = top < 0
	if v.NoApp && len(f.Stack) > 0 {
		top = 0
	}
	var calls []callView
	open := 0
	for i, call := range f.Stack {
		c := callView{
			Number: i, Function: line(call.Name()), App: call.App, Top: i == top,
			Place: placeOf(shortFile(call, f.Build.Module), call.File, call.Line, 0),
		}
		if !call.App {
			c.Function = line(call.Function)
		}
		c.Creator = v.End && i == len(f.Stack)-1 && isCreator(f.Output, f.Goroutine, call.Function)
		var source = f.excerpt(i)
		if len(source) == 0 {
			c.Why = whyText(f.why(i))
		}
		if i == top {
			full := c
			full.Lines = excerptOf(call.File, around(source, firstAround), 0)
			v.Where = &full
		} else {
			c.Lines = excerptOf(call.File, around(source, 3), 0)
			if call.App && len(c.Lines) > 0 && open < 2 {
				c.Open = true
				open++
			}
		}
		calls = append(calls, c)
	}
	v.Groups = groupsOf(calls)
}

// shortFile names the file of a call for people.
func shortFile(call trace.Frame, module string) string {
	return strings.TrimSuffix(call.Short(module), ":"+strconv.Itoa(call.Line))
}

func causeOf(c fault.Cause) causeView {
	message := lines(clip(c.Message, maxShown))
	v := causeView{Type: line(c.Type), Own: message, Cut: c.Cut}
	for _, inner := range c.Causes {
		v.Causes = append(v.Causes, causeOf(inner))
	}
	if len(c.Causes) == 1 {
		inner := lines(clip(c.Causes[0].Message, maxShown))
		if own, is := strings.CutSuffix(message, inner); is && inner != "" {
			v.Own, v.Rest = own, inner
		}
	}
	return v
}

// baseURL is where the application is reached: as the reader has reached this page.
func baseURL(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

func requestOf(r *http.Request, f *fault.Failure) *requestView {
	q := f.Request
	v := &requestView{Method: line(q.Method), URL: line(q.URL), Cut: q.Cut}
	v.Facts = facts("Route", q.Route, "Host", q.Host, "From", q.RemoteAddr, "Protocol", q.Proto, "User", f.User, "Request ID", f.RequestID)
	switch {
	case q.ContentLength > 0:
		v.Facts = append(v.Facts, fact{"Body", bytesText(q.ContentLength)})
	case q.ContentLength < 0:
		v.Facts = append(v.Facts, fact{"Body", "of unknown length"})
	}
	if u, err := url.ParseRequestURI(q.URL); err == nil {
		v.Query = fields(u.Query())
	}
	header := maps.Clone(q.Header)
	v.Cookies = cookiesOf(header["Cookie"])
	delete(header, "Cookie")
	v.Header, v.Form = fields(header), fields(q.Form)
	for _, file := range q.Files {
		v.Files = append(v.Files, fact{line(file.Field), line(file.Name) + ", " + bytesText(file.Size)})
	}
	v.Body = lines(q.Body)
	command, notes := q.Curl(baseURL(r), maxCommand)
	v.Command = lines(command)
	for _, n := range notes {
		v.Notes = append(v.Notes, line(n))
	}
	return v
}

func responseOf(s *fault.Response) *responseView {
	status, body, connection := statusText(s.Status), bytesText(s.Bytes)+" written", ""
	if s.Hijacked {
		connection = "taken over by the handler"
	} else if status == "" {
		status = "not set yet"
	}
	if s.Bytes == 0 {
		body = "nothing written yet"
	}
	return &responseView{Facts: facts("Connection", connection, "Status", status, "Body", body), Header: fields(s.Header), Cut: s.Cut}
}

// cookiesOf takes cookies apart as they are: masked values are none that net/http would take.
func cookiesOf(headers []string) []fact {
	var all []fact
	for _, header := range headers {
		for part := range strings.SplitSeq(header, ";") {
			if name, value, _ := strings.Cut(strings.TrimSpace(part), "="); name != "" || value != "" {
				all = append(all, fact{line(name), line(value)})
			}
		}
	}
	return all
}

// fields are headers or form fields by name, each value by itself.
func fields(m map[string][]string) []fact {
	var all []fact
	for _, name := range slices.Sorted(maps.Keys(m)) {
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

func factsOf(f *Failure, status int) []fact {
	number := func(n int64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	at := ""
	if !f.Time.IsZero() {
		at = f.Time.Local().Format("2006-01-02 15:04:05.000 -0700")
	}
	answered := ""
	if !f.Reported {
		answered = statusText(status)
	}
	all := facts("Failure", f.ID.Full(), "Time", at, "How", howFailed(f.Failure), "Answered with", answered, "Task", f.Task,
		"Version", number(int64(f.Generation)), "Build", buildText(f.Build), "Process", number(int64(f.PID)), "Goroutine", number(f.Goroutine), "Machine", f.Host)
	if f.Request == nil {
		all = append(all, facts("User", f.User, "Request ID", f.RequestID)...)
	}
	return all
}

func buildText(b fault.Build) string {
	var parts []string
	add := func(before, s, after string) {
		if s != "" {
			parts = append(parts, before+s+after)
		}
	}
	add("", b.Module, "")
	add("", b.Version, "")
	changed := ""
	if b.Modified {
		changed = " with changes"
	}
	add("revision ", b.Revision[:min(len(b.Revision), 12)], changed)
	add("build ", b.ID, "")
	add("", b.Go, "")
	return line(strings.Join(parts, ", "))
}

// excerpt returns the lines around a call; nil is none.
func (f *Failure) excerpt(i int) (source []problem.Line) {
	if i < len(f.Excerpts) {
		return f.Excerpts[i]
	}
	return nil
}

// whyText makes a sentence of why there is no source, which may be one already.
func whyText(why string) string {
	why = strings.TrimSuffix(line(why), ".")
	if r, _ := utf8.DecodeRuneInString(why); why == "" || unicode.IsUpper(r) {
		return why
	}
	return "No source: " + why
}

func (f *Failure) why(i int) string {
	if i < len(f.Why) {
		return f.Why[i]
	}
	return ""
}
