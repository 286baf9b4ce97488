// Package reproduce turns a failure into what can be taken elsewhere: text for an issue tracker, a command, a Go test, and
// the same request once more.
//
// A failure holds its request without most bodies, without the content of files, and with secrets masked. What is missing is
// told, never made up silently.
package reproduce

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"example.org/microblog/fault"
	"example.org/microblog/fault/redact"
)

// ErrNoRequest means that too little is known to ask for the same again: it did not fail in a request, or of the request there
// is the path only.
var ErrNoRequest = errors.New("too little is known of the request to send it again")

// Curl returns the request as a command for a POSIX shell, and what to know before it is pasted. base is where the application
// is reached. It returns ErrNoRequest if there is none.
func Curl(f *fault.Failure, base string) (command string, notes []string, err error) {
	if request(f) == nil {
		return "", nil, ErrNoRequest
	}
	command, notes = f.Request.Curl(base, maxCommand)
	if command == "" {
		return "", nil, ErrNoRequest
	}
	return command, notes, nil
}

const maxCommand = 32 << 10 // bytes

// request returns the request, nil if too little of it is known.
func request(f *fault.Failure) *fault.Request {
	if q := f.Request; q != nil && (q.Header != nil || !q.Cut && !f.Reported) {
		return q
	}
	return nil
}

// bodyKind is how much of a request's body is known.
type bodyKind int

const (
	noBody    bodyKind = iota
	formBody           // an urlencoded form
	multiBody          // a multipart form, whose files have lost their content
	textBody           // something else, as text
	lostBody           // the same, which was not kept
)

func bodyOf(q *fault.Request) bodyKind {
	switch media := mediaType(q); {
	case len(q.Files) > 0, len(q.Form) > 0 && strings.HasPrefix(media, "multipart/"):
		return multiBody
	case len(q.Form) > 0:
		return formBody
	case q.Body != "":
		return textBody
	case q.ContentLength != 0:
		return lostBody
	}
	return noBody
}

func mediaType(q *fault.Request) string {
	kind, _, _ := mime.ParseMediaType(q.Header.Get("Content-Type")) // "" is as good as unreadable.
	return kind
}

// masked tells whether a text has secrets that were masked.
func masked(s string) bool {
	return strings.Contains(s, redact.Mask) || strings.Contains(s, url.QueryEscape(redact.Mask))
}

// isUnsafe tells whether a method may change something.
func isUnsafe(method string) bool {
	switch method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return false
	}
	return true
}

// isToken tells whether a text can be a method or the name of a header.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return s != ""
}

// isValue tells whether a text can be the value of a header.
func isValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// target is the address as a request line can have it: everything is percent-encoded that may not stand there.
func target(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c > ' ' && c < 0x7f && c != '#' {
			b.WriteByte(c)
		} else {
			const hex = "0123456789ABCDEF"
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

// ofConnection are the headers of one connection only, or that describe a body as it was sent.
var ofConnection = map[string]bool{
	"Connection": true, "Content-Length": true, "Expect": true, "Host": true, "Keep-Alive": true, "Proxy-Connection": true,
	"Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true,
}
