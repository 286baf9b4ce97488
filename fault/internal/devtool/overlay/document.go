package overlay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devtool/problem"
	"example.org/microblog/fault/internal/visible"
)

// document is a problem document (RFC 9457) with members of our own.
type document struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
}

func documentOf(status int, detail string) document {
	return document{"about:blank", http.StatusText(status), status, detail}
}

// problemDocument is a problem: its own title is the detail, and everything else is in the member problem.
func problemDocument(p *problem.Problem, status int) any {
	detail := p.Title
	if len(p.Messages) > 0 {
		m := p.Messages[0]
		detail += ": "
		if place := at(m.File, m.Line, m.Column); m.File != "" {
			detail += place + ": "
		}
		detail += m.Text
	}
	if p.Kind == "" {
		p = nil
	}
	return struct {
		document
		Problem *problem.Problem `json:"problem"`
	}{documentOf(status, detail), p}
}

func waitDocument(v Waiting) any {
	detail := "The application is not ready yet."
	if v.Doing != "" {
		detail = "The application is not ready yet: " + v.Doing + "."
	}
	return struct {
		document
		Doing string    `json:"doing,omitempty"`
		Since time.Time `json:"since,omitzero"`
	}{documentOf(http.StatusServiceUnavailable, detail), v.Doing, v.Since}
}

// frameDocument is a call with the code around it.
type frameDocument struct {
	Function string         `json:"function"`
	File     string         `json:"file"`
	Line     int            `json:"line"`
	App      bool           `json:"app,omitempty"`
	Excerpt  []problem.Line `json:"excerpt,omitempty"`
}

// failureDocument has the members of the application's own answer, detail and fault among them, and what a developer
// wants to know.
func failureDocument(f *Failure, status int, debugger string) any {
	frames := make([]frameDocument, len(f.Stack))
	for i, c := range f.Stack {
		frames[i] = frameDocument{Function: c.Function, File: c.File, Line: c.Line, App: c.App}
		if c.App {
			frames[i].Excerpt = f.excerpt(i)
		}
	}
	return struct {
		document
		Fault      string          `json:"fault"`
		Request    string          `json:"request,omitempty"`
		Answer     string          `json:"answer,omitempty"`
		Debugger   string          `json:"debugger,omitempty"`
		Generation int             `json:"generation,omitempty"`
		UnderWay   []string        `json:"under_way,omitempty"`
		Stack      []frameDocument `json:"stack,omitempty"`
		Failure    *fault.Failure  `json:"failure"`
	}{documentOf(status, f.Message), f.ID.String(), f.RequestID, f.Answer, debugger, f.Generation, f.UnderWay, frames, f.Failure}
}

func overviewDocument(o Overview) any {
	type failure struct {
		ID      fault.ID  `json:"id"`
		URL     string    `json:"url"`
		Time    time.Time `json:"time"`
		Status  int       `json:"status"`
		Message string    `json:"message"`
	}
	failures := []failure{}
	for _, f := range o.Failures {
		failures = append(failures, failure{f.ID, Prefix + "failures/" + f.ID.Full(), f.Time, f.Status, f.Message})
	}
	return struct {
		Package    string           `json:"package"`
		Generation int              `json:"generation"`
		Doing      string           `json:"doing,omitempty"`
		Built      float64          `json:"built_seconds,omitempty"`
		Problem    *problem.Problem `json:"problem"`
		Failures   []failure        `json:"failures"`
		Mailbox    string           `json:"mailbox,omitempty"`
	}{o.Package, o.Generation, o.Doing, o.Built.Seconds(), o.Problem, failures, o.Mailbox}
}

// json makes a body of a document. A terminal may be reading it, so what is hidden in texts is escaped, which to a
// program is the same.
func (a *answer) json(document any) {
	b, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		// Only times can fail, those outside of the years that RFC 3339 knows.
		b, err = json.Marshal(documentOf(http.StatusInternalServerError, "This cannot be written as JSON: "+err.Error()))
	}
	if err != nil {
		panic(err) // It holds nothing that cannot be marshalled.
	}
	a.kind = "application/problem+json"
	if a.status < 400 {
		a.kind = "application/json"
	}
	a.body = append(escaped(b), '\n')
}

func escaped(text []byte) []byte {
	if bytes.IndexFunc(text, func(r rune) bool { return r != '\n' && visible.Hidden(r) }) < 0 {
		return text
	}
	var b []byte
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r == '\n' || !visible.Hidden(r):
			b = append(b, text[:size]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			b = fmt.Appendf(b, `\u%04x\u%04x`, high, low)
		default:
			b = fmt.Appendf(b, `\u%04x`, r)
		}
		text = text[size:]
	}
	return b
}
