// Package overlay is what a developer sees in the browser, or with curl, under `fault run`: pages about
// problems, failures and waiting, and the script that pages of the application carry.
//
// All texts that it is given may come from anybody: whatever would act on a page, a terminal or a reader's eyes is
// made visible. Every answer has a format for browsers, programs and terminals.
package overlay

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devtool/problem"
)

// Prefix is the path below which everything of `fault run` is, on the application's own address.
const Prefix = "/.fault/"

// Problem answers with the page about a problem, with status 503; nil is that there is none any more, with status 200. to
// is the address (path and query) that was asked for, to go on to with the last good version; framed says that it is
// shown inside a page of the application.
func Problem(w http.ResponseWriter, r *http.Request, p *problem.Problem, to string, framed bool) {
	if p == nil {
		none := &problem.Problem{Title: "Nothing is wrong at the moment", Served: true, Newest: true}
		writeProblem(w, r, none, http.StatusOK, to, framed)
		return
	}
	writeProblem(w, r, p, http.StatusServiceUnavailable, to, framed)
}

func writeProblem(w http.ResponseWriter, r *http.Request, p *problem.Problem, status int, to string, framed bool) {
	a := answer{status: status}
	if p.Debugger != "" {
		own := *p
		own.Debugger = debuggerOf(r, p.Debugger)
		p = &own
	}
	if p.Debugger != "" {
		a.header = linkTo(p.Debugger)
		a.policy = withFrame(p.Debugger)
	}
	if status == http.StatusServiceUnavailable {
		a.retryAfter = 2
	}
	switch f := FormatOf(r); f {
	case JSON:
		a.json(problemDocument(p, status))
	case Text:
		a.text(problemText(p))
	default:
		a.html("problem.html", problemPageOf(r, p, to, framed))
	}
	a.write(w)
}

// Waiting is why there is nothing to serve yet.
type Waiting struct {
	Doing string    // "building cmd/microblog", "starting"; "" is not known
	Since time.Time // when the request came; zero is not known
}

// Wait answers a request that has waited long enough, with status 503. For a GET that is a page that loads itself again.
func Wait(w http.ResponseWriter, r *http.Request, v Waiting) {
	a := answer{status: http.StatusServiceUnavailable, retryAfter: 1}
	switch FormatOf(r) {
	case JSON:
		a.json(waitDocument(v))
	case Text:
		a.text(waitText(v))
	default:
		a.html("wait.html", waitPageOf(r, v))
	}
	a.write(w)
}

// Failure is a failed request of the application under `fault run`.
type Failure struct {
	*fault.Failure
	// Excerpts are the lines around each frame of Stack, by its index; nil where there are none, and
	// then Why says why. Either may be shorter than Stack.
	Excerpts [][]problem.Line
	Why      []string
	// Answer is the address of the page that a visitor would have got; "" is none.
	Answer string
	// Generation is which version of the application failed, counted from 1.
	Generation int
	// UnderWay are the requests that were when the process ended, as "GET /path", the oldest first, if it did and it is not known which
	// of them has failed.
	UnderWay []string
	// Debugger is the address of this failure at the debugger's own server ("http://127.0.0.1:41041/failures/ID"), which the
	// page then shows over itself; "" is none.
	Debugger string
	// Script holds the parameters of client.js that any other page in this place would have, as Event has them: "g=5&r=RUN".
	// Without them a page takes the version that serves when it connects for its own.
	Script string
}

// WriteFailure answers with the page about a failure, in the place of the answer that the application made and with its
// status and its headers, which are in w already; what describes a body is set anew. page tells that it is asked for at its own
// address, with status 200.
//
// The page carries client.js itself, so that must not be put in a second time.
func WriteFailure(w http.ResponseWriter, r *http.Request, f *Failure, status int, page bool) {
	a := answer{status: status}
	if page {
		a.status = http.StatusOK
	}
	debugger := debuggerOf(r, f.Debugger)
	if debugger != "" {
		a.header = linkTo(debugger)
	}
	switch FormatOf(r) {
	case JSON:
		a.json(failureDocument(f, status, debugger))
	case Text:
		a.text(failureText(r, f, status))
	default:
		v := failurePageOf(r, f, status, page)
		if v.Debugger != "" {
			a.policy = withFrame(v.Debugger)
		}
		a.html("failure.html", v)
	}
	if f.Failure != nil && !f.ID.IsZero() {
		w.Header().Set("Fault-Id", f.ID.String())
	}
	a.write(w)
}

// Overview is the state of `fault run`, at Prefix.
type Overview struct {
	Package    string
	Generation int
	Doing      string // "" is nothing
	Built      time.Duration
	Problem    *problem.Problem
	Failures   []*Failure // newest first, each at Prefix + "failures/" + its ID.Full()
	Mailbox    string     // URL; "" is none
}

// WriteOverview answers with the state.
func WriteOverview(w http.ResponseWriter, r *http.Request, o Overview) {
	a := answer{status: http.StatusOK}
	switch FormatOf(r) {
	case JSON:
		a.json(overviewDocument(o))
	case Text:
		a.text(overviewText(o))
	default:
		a.html("overview.html", overviewPageOf(r, o))
	}
	a.write(w)
}

// policy is what the pages may do: nothing but what is theirs.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; " +
	"frame-src 'self'; form-action 'self'; frame-ancestors 'self'; base-uri 'none'"

// withFrame is the policy of a page that shows the debugger in a frame.
func withFrame(debugger string) string {
	return strings.Replace(policy, "frame-src 'self'", "frame-src 'self' "+originOf(debugger), 1)
}

// linkTo names the debugger to programs.
func linkTo(debugger string) map[string]string {
	return map[string]string{"Link": "<" + debugger + `>; rel="describedby"; type="application/json"; title="debugger"`}
}

// stale are the headers of an answer that describe a body which is not sent, or how it may be used and kept.
var stale = []string{
	"Accept-Ranges", "Age", "Cache-Control", "Cdn-Cache-Control", "Content-Digest", "Content-Disposition", "Content-Encoding",
	"Content-Language", "Content-Length", "Content-Location", "Content-Md5", "Content-Range", "Content-Security-Policy",
	"Content-Security-Policy-Report-Only", "Content-Type", "Digest", "Document-Policy", "Etag", "Expires",
	"Last-Modified", "Link", "Location", "Pragma", "Refresh", "Repr-Digest", "Speculation-Rules", "Surrogate-Control",
	"Trailer", "Transfer-Encoding", "X-Frame-Options",
}

// answer is one that is made and not yet written.
type answer struct {
	status     int
	retryAfter int // seconds
	kind       string
	body       []byte
	policy     string            // "" is the one of all pages
	header     map[string]string // further ones
}

func (a *answer) text(s string) { a.kind, a.body = "text/plain; charset=utf-8", []byte(s) }

func (a *answer) html(name string, view any) {
	a.kind, a.body = "text/html; charset=utf-8", render(name, view)
}

func (a *answer) write(w http.ResponseWriter) {
	h := w.Header()
	for _, name := range stale {
		h.Del(name)
	}
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	h.Set("Content-Security-Policy", cmp.Or(a.policy, policy))
	h.Set("Content-Type", a.kind)
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Add("Vary", "Accept, Content-Type, Sec-Fetch-Dest, Sec-Fetch-Mode, User-Agent, X-Requested-With")
	for name, value := range a.header {
		h.Set(name, value)
	}
	if a.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(a.retryAfter))
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // Whoever does not get it is gone; for HEAD the server leaves it out.
}
