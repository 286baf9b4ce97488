package supervisor

import (
	"net/http"
	"slices"
	"strings"

	"example.org/microblog/fault"
	"example.org/microblog/fault/redact"
	"example.org/microblog/fault/trace"
)

// How much of a request is kept that was under way when a process ended, as package fault does of one that has failed.
const (
	maxField  = 1024 // bytes of a value
	maxURL    = 2048 // bytes
	maxFields = 64   // headers
	maxValues = 16   // of one header
)

// masked is a text of a request, cut and without secrets.
func masked(red *redact.Redactor, text string, most int) string {
	text = red.Text(text)
	return strings.ToValidUTF8(text[:min(len(text), most)], "\uFFFD")
}

// maskedURL is where a request went, likewise.
func maskedURL(red *redact.Redactor, r *http.Request) string {
	return masked(red, red.URL(r.URL), maxURL)
}

// underWay names requests.
func underWay(red *redact.Redactor, requests []*http.Request) []string {
	var names []string
	for _, r := range requests {
		names = append(names, masked(red, r.Method, maxField)+" "+maskedURL(red, r))
	}
	return names
}

// handles tells whether a goroutine with this stack answers a request, which only the one can do that the server has started for the connection.
func handles(stack trace.Stack) bool {
	return slices.ContainsFunc(stack, func(f trace.Frame) bool { return f.Function == "net/http.(*conn).serve" })
}

// snapshot is what is kept of a request. Its body was the application's to read.
func snapshot(red *redact.Redactor, r *http.Request) *fault.Request {
	q := &fault.Request{
		Method: masked(red, r.Method, maxField), URL: maskedURL(red, r), Proto: masked(red, r.Proto, maxField), Host: masked(red, r.Host, maxField),
		RemoteAddr: r.RemoteAddr, ContentLength: r.ContentLength, Header: http.Header{},
		Cut: len(r.URL.String()) > maxURL || len(r.Header) > maxFields,
	}
	header := red.Header(r.Header)
	names := make([]string, 0, len(header))
	for name := range header {
		switch name {
		case "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto": // the application is told ours
		default:
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names[:min(len(names), maxFields)] {
		values := header[name]
		q.Cut = q.Cut || len(values) > maxValues || len(name) > maxField
		for _, v := range values[:min(len(values), maxValues)] {
			q.Cut = q.Cut || len(v) > maxField
			name := masked(red, name, maxField)
			q.Header[name] = append(q.Header[name], strings.ToValidUTF8(v[:min(len(v), maxField)], "\uFFFD"))
		}
	}
	return q
}
