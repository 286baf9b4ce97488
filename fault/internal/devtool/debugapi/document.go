package debugapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devtool/problem"
	"example.org/microblog/fault/internal/visible"
)

const maxBody = 64 << 10

// refusal is an answer that says why there is no other.
type refusal struct {
	status int
	code   string
	text   string
	fix    string
}

func (e *refusal) Error() string { return e.text }

func noFailure() *refusal {
	return &refusal{http.StatusNotFound, "failure", "This failure is not kept: it was dropped, or had to make room for newer ones.", ""}
}

func noPath(r *http.Request) *refusal {
	return &refusal{http.StatusNotFound, "path", "The debugger has nothing at this address.", "docs/debugger-api.md lists what there is."}
}

func otherOrigin() *refusal {
	return &refusal{http.StatusForbidden, "origin", "This request was sent by a page of another origin, so nothing was done.", ""}
}

func wrongMethod(w http.ResponseWriter, r *http.Request, allowed string) *refusal {
	w.Header().Set("Allow", allowed)
	return &refusal{http.StatusMethodNotAllowed, "method", fmt.Sprintf("%s is not possible here.", visible.Line(shorten(r.Method, 20))), "Use " + allowed + "."}
}

func badRequest(format string, args ...any) *refusal {
	return &refusal{http.StatusBadRequest, "request", sentence(fmt.Sprintf(format, args...)), ""}
}

// refuse answers with an error.
func refuse(w http.ResponseWriter, err error) { writeRefusal(w, refusalOf(err), nil) }

// refusalOf is the answer that an error is.
func refusalOf(err error) *refusal {
	var (
		r *refusal
		x *ExpressionError
		u *UnavailableError
	)
	switch {
	case errors.As(err, &r):
	case errors.As(err, &x) && x.Unfinished:
		r = &refusal{http.StatusUnprocessableEntity, "unfinished", sentence(x.Text), x.Fix}
	case errors.As(err, &x) && x.Time:
		r = &refusal{http.StatusGatewayTimeout, "time", sentence(x.Text), x.Fix}
	case errors.As(err, &x) && x.Call:
		r = &refusal{http.StatusUnprocessableEntity, "call", sentence(x.Text), x.Fix}
	case errors.As(err, &x):
		r = &refusal{http.StatusUnprocessableEntity, "expression", sentence(x.Text), x.Fix}
	case errors.As(err, &u):
		r = &refusal{http.StatusConflict, "unavailable", sentence(u.Text), u.Fix}
	default:
		r = &refusal{http.StatusUnprocessableEntity, "expression", errorText(err, "The debugger could not do that"), ""}
	}
	return r
}

// writeRefusal answers with an error and further members.
func writeRefusal(w http.ResponseWriter, r *refusal, more map[string]any) {
	members := map[string]any{"error": r.text, "code": r.code}
	if r.fix != "" {
		members["fix"] = r.fix
	}
	for name, value := range more {
		members[name] = value
	}
	writeJSON(w, r.status, members)
}

// writeJSON answers with a document. A terminal may be reading it, so what is hidden in texts is escaped, which to a program is the same.
func writeJSON(w http.ResponseWriter, status int, document any) {
	b, err := json.Marshal(document)
	if err != nil { // Only times can fail, those outside of the years that RFC 3339 knows.
		status = http.StatusInternalServerError
		b = []byte(`{"error":"This cannot be written as JSON.","code":"json"}`)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, b, "", "  "); err == nil {
		b = indented.Bytes()
	}
	b = append(escaped(b), '\n')
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, _ = w.Write(b) // whoever does not get it is gone
}

// escaped escapes what is hidden in the texts of a JSON document.
func escaped(text []byte) []byte {
	acts := func(r rune) bool { return r != '\n' && visible.Hidden(r) }
	if bytes.IndexFunc(text, acts) < 0 {
		return text
	}
	b := make([]byte, 0, len(text)+64)
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if acts(r) {
			for _, unit := range utf16.Encode([]rune{r}) {
				b = fmt.Appendf(b, `\u%04x`, unit)
			}
		} else {
			b = append(b, text[:size]...)
		}
		text = text[size:]
	}
	return b
}

// readJSON reads the body of a request, strictly.
func readJSON(w http.ResponseWriter, r *http.Request, to any) error {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" || len(r.Header["Content-Type"]) != 1 {
		return &refusal{http.StatusUnsupportedMediaType, "request", "The body must be JSON and say so.", "Send the header Content-Type: application/json."}
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	decoder.DisallowUnknownFields()
	err = decoder.Decode(to)
	if err == nil {
		if _, more := decoder.Token(); !errors.Is(more, io.EOF) {
			if err = more; err == nil {
				err = errors.New("there is something behind the object")
			}
		}
	}
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return &refusal{http.StatusRequestEntityTooLarge, "request", fmt.Sprintf("The body has more than %d bytes.", maxBody), ""}
	case errors.Is(err, io.EOF):
		return badRequest("The body is empty; send at least {}")
	case err != nil:
		return badRequest("The body is not what is expected: %s", visible.Line(shorten(strings.TrimPrefix(err.Error(), "json: "), 300)))
	}
	return nil
}

// shorten cuts a text to so many bytes, at a character.
func shorten(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most] + "…"
}

// title says what failed, in a line.
func title(f *fault.Failure) string {
	text, _, _ := strings.Cut(strings.TrimSpace(f.Message), "\n")
	switch q := f.Request; {
	case q != nil && q.Method != "":
		path, _, _ := strings.Cut(q.URL, "?")
		text = q.Method + " " + path + ": " + text
	case f.Task != "":
		text = "goroutine " + f.Task + ": " + text
	}
	return shorten(text, 200)
}

// listed is a failure as the list has it.
type listed struct {
	ID         string    `json:"id"`
	Short      string    `json:"short"`
	URL        string    `json:"url"`
	Time       time.Time `json:"time,omitzero"`
	Kind       string    `json:"kind"`
	Status     int       `json:"status,omitempty"`
	Title      string    `json:"title"`
	Where      string    `json:"where,omitempty"`
	Generation int       `json:"generation,omitempty"`
	State      State     `json:"state"`
	Pinned     bool      `json:"pinned"`
	Memory     int64     `json:"memory,omitempty"`
	Debugger   int64     `json:"debugger_memory,omitempty"`
	Revision   int64     `json:"revision"`
}

func (s *Server) listedOf(e *entry) listed {
	l := listed{
		ID: e.id, Short: e.ID.String(), URL: s.FailureURL(e.ID), Time: e.Time, Kind: string(e.Kind), Status: e.Status,
		Title: title(e.Failure.Failure.Failure), Generation: e.Generation, State: e.state, Pinned: e.pinned, Memory: e.memory, Debugger: e.debugger, Revision: e.revision,
	}
	// The place is that of the page, which the debugger's frames do not change.
	recorded := slices.DeleteFunc(slices.Clone(e.frames), func(f *frame) bool { return f.number >= len(e.Failure.Stack) })
	if len(recorded) == 0 {
		recorded = e.frames
	}
	if top := topFrame(recorded); top != nil {
		l.Where = top.call.Short(e.Build.Module)
	}
	return l
}

type listDocument struct {
	Revision   int64    `json:"revision"`
	Keep       int      `json:"keep"`
	PinnedMost int      `json:"pinned_most"`
	Memory     int64    `json:"memory"`
	Debuggers  int64    `json:"debugger_memory,omitempty"`
	Attached   int      `json:"attached"`
	Failures   []listed `json:"failures"`
}

// listDocument is all that is kept. s.mu is held.
func (s *Server) listDocument() listDocument {
	d := listDocument{Revision: s.revision, Keep: s.options.Keep, PinnedMost: s.pinnedMost(), Attached: s.attachedNow(), Failures: []listed{}}
	for _, e := range s.entries {
		d.Memory += e.memory
		d.Debuggers += e.debugger
		d.Failures = append(d.Failures, s.listedOf(e))
	}
	return d
}

// attachedNow counts debuggers. s.mu is held.
func (s *Server) attachedNow() int {
	n := 0
	for _, e := range s.entries {
		if e.attached != nil {
			n++
		}
	}
	return n
}

type failureDocument struct {
	ID           string          `json:"id"`
	Short        string          `json:"short"`
	URL          string          `json:"url"`
	Revision     int64           `json:"revision"`
	State        State           `json:"state"`
	Progress     string          `json:"progress,omitempty"`
	Error        string          `json:"error,omitempty"`
	Fix          string          `json:"fix,omitempty"`
	Generation   int             `json:"generation,omitempty"`
	Pinned       bool            `json:"pinned"`
	Memory       int64           `json:"memory,omitempty"`
	Debugger     int64           `json:"debugger_memory,omitempty"`
	PID          int             `json:"pid,omitempty"`
	Calls        int             `json:"calls"`
	Title        string          `json:"title"`
	StackOf      string          `json:"stack_of,omitempty"`
	CopyOf       string          `json:"copy_of,omitempty"`
	UnderWay     []string        `json:"under_way,omitempty"`
	Failure      *fault.Failure  `json:"failure"`
	Explanations []Explanation   `json:"explanations,omitempty"`
	Explaining   bool            `json:"explaining,omitempty"`
	Variables    *progress       `json:"variables,omitempty"`
	Frames       []frameDocument `json:"frames"`
}

// progress is how far the variables have been loaded, in frames.
type progress struct {
	Ready  int `json:"ready"`
	Failed int `json:"failed,omitempty"`
	Of     int `json:"of"`
}

type frameDocument struct {
	Frame     int                `json:"frame"`
	Function  string             `json:"function"`
	Name      string             `json:"name"`
	File      string             `json:"file,omitempty"`
	Short     string             `json:"short,omitempty"`
	Line      int                `json:"line,omitempty"`
	Stands    int                `json:"stands,omitempty"`
	App       bool               `json:"app"`
	Optimized bool               `json:"optimized,omitempty"`
	Source    []problem.Line     `json:"source,omitempty"`
	Why       string             `json:"why,omitempty"`
	Variables *variablesDocument `json:"variables"`
}

type variablesDocument struct {
	State     string             `json:"state"`
	Error     string             `json:"error,omitempty"`
	Arguments []variableDocument `json:"arguments"`
	Locals    []variableDocument `json:"locals"`
}

type variableDocument struct {
	Name       string `json:"name"`
	Type       string `json:"type"`
	Dynamic    string `json:"dynamic,omitempty"`
	Value      string `json:"value"`
	Kind       string `json:"kind,omitempty"`
	Nil        bool   `json:"nil,omitempty"`
	Cut        bool   `json:"cut,omitempty"`
	Ref        string `json:"ref,omitempty"`
	KeyRef     string `json:"key_ref,omitempty"`
	Len        int64  `json:"len,omitempty"`
	Cap        int64  `json:"cap,omitempty"`
	Argument   bool   `json:"argument,omitempty"`
	Result     bool   `json:"result,omitempty"`
	Shadowed   bool   `json:"shadowed,omitempty"`
	Line       int    `json:"line,omitempty"`
	Unreadable string `json:"unreadable,omitempty"`
	Expression string `json:"expression,omitempty"`
}

// failureDocument is all about a failure. s.mu is held; what it refers to is not changed any more.
func (s *Server) failureDocument(e *entry) failureDocument {
	d := failureDocument{
		ID: e.id, Short: e.ID.String(), URL: s.FailureURL(e.ID), Revision: e.revision, State: e.state, Progress: e.progress,
		Generation: e.Generation, Pinned: e.pinned, Memory: e.memory, Debugger: e.debugger, PID: e.Copy.PID, Calls: e.calls,
		Title: title(e.Failure.Failure.Failure), StackOf: e.StackOf, UnderWay: e.UnderWay, Failure: e.Failure.Failure.Failure, Explanations: e.explanations,
		Frames: []frameDocument{},
	}
	if e.state == Unavailable && e.why != nil {
		d.Error, d.Fix = sentence(e.why.Text), e.why.Fix
	}
	if e.Copy.PID > 0 {
		if d.CopyOf = e.Copy.StackOf; d.CopyOf == "" {
			d.CopyOf = d.StackOf
		}
	}
	if e.state == Ready {
		d.Variables, d.Explaining = e.progressOf(), e.explaining
	}
	for _, f := range e.frames {
		d.Frames = append(d.Frames, frameDocument{
			Frame: f.number, Function: f.call.Function, Name: f.call.Name(), File: f.call.File, Short: short(f.call, e.Build.Module), Line: f.call.Line,
			Stands: f.stands, App: f.app, Optimized: f.poor, Source: f.excerpt, Why: f.why, Variables: e.variablesDocument(f),
		})
	}
	return d
}

// progressOf counts the frames that the debugger knows.
func (e *entry) progressOf() *progress {
	p := new(progress)
	for _, f := range e.frames {
		if f.engine < 0 {
			continue
		}
		p.Of++
		switch f.vars.state {
		case varsReady:
			p.Ready++
		case varsFailed:
			p.Failed++
		}
	}
	return p
}

func (e *entry) variablesDocument(f *frame) *variablesDocument {
	d := &variablesDocument{State: f.vars.state, Error: f.vars.why, Arguments: []variableDocument{}, Locals: []variableDocument{}}
	if d.State == "" {
		d.State = varsNone
	}
	if e.state == Ready && f.engine < 0 {
		d.Error = "The frozen copy does not have this call, so its variables are not known."
	}
	for _, v := range f.vars.list {
		if v.Argument {
			d.Arguments = append(d.Arguments, variableOf(v, f.vars.epoch))
		} else {
			d.Locals = append(d.Locals, variableOf(v, f.vars.epoch))
		}
	}
	return d
}

func variableOf(v Variable, epoch int64) variableDocument {
	return variableDocument{
		Name: v.Name, Type: v.Type, Dynamic: v.Dynamic, Value: v.Value, Kind: v.Kind, Nil: v.Nil, Cut: v.Cut,
		Ref: refText(v.Ref, epoch), KeyRef: refText(v.KeyRef, epoch), Len: v.Len, Cap: v.Cap, Argument: v.Argument, Result: v.Result,
		Shadowed: v.Shadowed, Line: v.Line, Unreadable: v.Unreadable, Expression: v.Expression,
	}
}

// refText is a reference with the time that it is good in.
func refText(ref int, epoch int64) string {
	if ref <= 0 {
		return ""
	}
	return fmt.Sprintf("%d.%d", epoch, ref)
}

func variablesOf(all []Variable, epoch int64) []variableDocument {
	list := []variableDocument{}
	for _, v := range all {
		list = append(list, variableOf(v, epoch))
	}
	return list
}

// parseRef is the reverse of refText.
func parseRef(s string) (epoch int64, ref int, ok bool) {
	before, after, found := strings.Cut(s, ".")
	epoch, err := strconv.ParseInt(before, 10, 64)
	ref64, err2 := strconv.ParseUint(after, 10, 31)
	return epoch, int(ref64), found && err == nil && err2 == nil && ref64 > 0
}
