package fault

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"example.org/microblog/fault/trace"
)

// answer is a response that is made but not written yet.
type answer struct {
	page     Page
	format   format
	byAccept bool // the Accept header alone decided about the format
	builtin  bool // the body is the built-in HTML page
	body     []byte
	buffer   *bytes.Buffer // which body is of; nil if of none
	trouble  error         // why the application's page could not be used
	stack    trace.Stack   // where it panicked
}

// maxPooled is the size in bytes above which a buffer is not kept.
const maxPooled = 64 << 10

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// free gives the buffer back. The body must not be used afterwards.
func (a *answer) free() {
	if a.buffer != nil && a.buffer.Cap() <= maxPooled {
		a.buffer.Reset()
		buffers.Put(a.buffer)
	}
	a.buffer, a.body = nil, nil
}

// compose makes the answer's body in the format for the request's client.
func (c *Catcher) compose(r *http.Request, page Page, v verdict) *answer {
	a := &answer{page: page}
	if v.status < 400 {
		return a
	}
	a.format, a.byAccept = negotiate(r)
	switch a.format {
	case formatJSON:
		a.body = problem(page, c.cleanFor(r, r.URL.EscapedPath(), maxValue))
	case formatText:
		a.body = plainText(page)
	default:
		c.composeHTML(a, r)
	}
	return a
}

func (c *Catcher) composeHTML(a *answer, r *http.Request) {
	if c.pages == nil {
		a.body, a.builtin = builtinPage(a.page), true
		return
	}
	a.buffer = buffers.Get().(*bytes.Buffer)
	a.stack, a.trouble = render(a.buffer, c.pages, r, a.page)
	if a.trouble == nil {
		a.body = a.buffer.Bytes()
		return
	}
	if a.body = c.resort.page(a.page); a.body == nil {
		a.body, a.builtin = builtinPage(a.page), true
	}
}

var contentTypes = [...]string{
	formatHTML: "text/html; charset=utf-8",
	formatJSON: "application/problem+json",
	formatText: "text/plain; charset=utf-8",
}

// write sends the answer. HEAD gets the header that GET would get.
func (a *answer) write(res *response, r *http.Request, v verdict) {
	h := res.Header()
	clean(h, v.status, res.encoded)
	var values [8]string // One allocation for all of them.
	next := 0
	set := func(key, value string) {
		values[next] = value
		h[key] = values[next : next+1 : next+1]
		next++
	}
	set("Cache-Control", "no-store")
	set("X-Content-Type-Options", "nosniff")
	if h["X-Request-Id"] == nil {
		set("X-Request-Id", a.page.RequestID)
	}
	if a.page.ID != "" {
		set("Fault-Id", a.page.ID)
	}
	if v.closing && r.ProtoMajor == 1 {
		set("Connection", "close")
	}
	for key, values := range v.header {
		if key = http.CanonicalHeaderKey(key); !describesBody(key) {
			h[key] = slices.Clone(values)
		}
	}
	if v.status < 400 {
		res.WriteHeader(v.status)
		return
	}
	set("Content-Type", contentTypes[a.format])
	if !res.encoded {
		set("Content-Length", strconv.Itoa(len(a.body)))
	}
	vary(h, a.byAccept)
	if a.builtin {
		// The page is ours and needs nothing but its own style.
		h["Content-Security-Policy"] = []string{builtinPolicy}
	}
	res.WriteHeader(v.status)
	if r.Method != http.MethodHead {
		_, _ = res.Write(a.body) // Whoever does not get it is gone.
	}
}

// stale are the headers that describe the answer that was not given, or let it be kept. Those that
// protect the site and set cookies stay.
var stale = []string{
	"Accept-Ranges", "Age", "Cache-Control", "Cdn-Cache-Control", "Content-Digest", "Content-Disposition",
	"Content-Language", "Content-Length", "Content-Location", "Content-Md5", "Content-Range", "Content-Type", "Digest",
	"Etag", "Expires", "Last-Modified", "Location", "Pragma", "Refresh", "Repr-Digest", "Surrogate-Control",
	"Trailer", "Transfer-Encoding",
}

// describesBody tells the headers that an Error must not set.
func describesBody(key string) bool {
	switch key {
	case "Content-Type", "Content-Length", "Content-Encoding", "Transfer-Encoding", "Trailer":
		return true
	}
	return false
}

// clean removes the stale headers. A Content-Encoding stays if somebody outside had set it.
func clean(h http.Header, status int, encoded bool) {
	if len(h) == 0 {
		return
	}
	for _, key := range stale {
		delete(h, key)
	}
	if !encoded {
		delete(h, "Content-Encoding")
	}
	if status != http.StatusUnauthorized {
		delete(h, "Www-Authenticate")
	}
	if status != http.StatusMethodNotAllowed {
		delete(h, "Allow")
	}
	for key := range h {
		if strings.HasPrefix(key, http.TrailerPrefix) {
			delete(h, key)
		}
	}
}

// vary adds the headers that decided about the format.
func vary(h http.Header, byAccept bool) {
	const all = "Accept, Content-Type, Sec-Fetch-Dest, Sec-Fetch-Mode, User-Agent, X-Requested-With"
	for _, v := range h["Vary"] {
		if v == "*" {
			return
		}
	}
	if byAccept {
		h.Add("Vary", "Accept")
	} else {
		h.Add("Vary", all)
	}
}
