package proxy

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"example.org/microblog/fault/internal/devtool/overlay"
)

// answered is called with each answer of the application, before anything of it is sent.
func (f *forwarder) answered(res *http.Response) error {
	x := exchangeOf(res.Request.Context())
	if res.StatusCode == http.StatusSwitchingProtocols {
		x.isStream(nil)
		return nil
	}
	f.s.mu.Lock()
	x.answered = true
	failure := x.failure
	f.s.mu.Unlock()
	if failure != nil && x.trusted && res.StatusCode >= 400 && !failure.shown.Reported && !failure.shown.Begun {
		return &replacedError{failure, res.StatusCode, res.Header, f.s.keepAnswer(failure, res)}
	}
	if kind := mediaType(res.Header); kind == "text/event-stream" {
		x.isStream(res.Body)
		res.Body = &streamBody{res.Body, x}
	} else if x.page && kind == "text/html" {
		return x.putIn(res)
	}
	return nil
}

// mediaType is the Content-Type without its parameters.
func mediaType(h http.Header) string {
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return asciiLower(strings.TrimSpace(kind))
}

// streamBody is the body of a stream. Once it was ended by us it is complete, so that the client sees no error.
type streamBody struct {
	io.ReadCloser
	x *exchange
}

func (b *streamBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && b.x.wasEnded() && b.x.ctx.Err() == nil {
		err = io.EOF
	}
	return n, err
}

// holdsPage tells whether an answer has a body that a script can be put into.
func holdsPage(res *http.Response) bool {
	switch {
	case res.Request.Method == http.MethodHead, res.StatusCode < 200, res.StatusCode == http.StatusNoContent,
		res.StatusCode == http.StatusResetContent, res.StatusCode == http.StatusPartialContent, res.StatusCode == http.StatusNotModified:
		return false
	}
	if disposition := res.Header.Get("Content-Disposition"); disposition != "" {
		if kind, _, err := mime.ParseMediaType(disposition); err != nil || kind != "inline" {
			return false
		}
	}
	_, parameters, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if err != nil {
		return true // it was HTML as far as it can be read
	}
	switch charset := asciiLower(parameters["charset"]); {
	case strings.HasPrefix(charset, "utf-16"), strings.HasPrefix(charset, "utf-32"), charset == "utf-7":
		return false // ASCII means something else there
	}
	return true
}

// putIn puts our script into a page, and allows it to work.
func (x *exchange) putIn(res *http.Response) error {
	if !holdsPage(res) {
		return nil
	}
	switch encoding := asciiLower(strings.TrimSpace(strings.Join(res.Header["Content-Encoding"], ","))); encoding {
	case "", "identity":
	case "gzip", "x-gzip":
		if !unzip(res) {
			return nil
		}
	default:
		return nil
	}
	start, at, err := readStart(res.Body, x.sure())
	rest := res.Body
	if err != nil {
		rest = &failingBody{res.Body, err}
	}
	if at < 0 {
		res.Body = &pageBody{start: start, ReadCloser: rest}
		return nil
	}
	allow := allowance{host: x.request.Host}
	for _, name := range []string{"Content-Security-Policy", "Content-Security-Policy-Report-Only"} {
		if policies := res.Header[name]; policies != nil {
			res.Header[name] = allow.amend(policies)
		}
	}
	x.nonce = allow.nonce
	tag := x.tag()
	page := make([]byte, 0, len(start)+len(tag))
	page = append(append(append(page, start[:at]...), tag...), start[at:]...)
	res.Body = &pageBody{start: page, ReadCloser: rest, x: x}
	if res.ContentLength >= 0 {
		res.ContentLength += int64(len(tag))
		res.Header.Set("Content-Length", strconv.FormatInt(res.ContentLength, 10))
	}
	for _, name := range []string{"Content-Digest", "Content-Md5", "Digest", "Repr-Digest"} {
		res.Header.Del(name) // it is another body now
	}
	return nil
}

// sure tells that a browser has said it will show the answer as a page, even one without the marks of a whole document.
func (x *exchange) sure() bool { return x.request.Header["Sec-Fetch-Mode"] != nil }

// tag is our script's.
func (x *exchange) tag() string {
	address := fmt.Sprintf("%sclient.js?g=%d&amp;r=%s", overlay.Prefix, x.edition, x.s.run)
	if !isRead(x.request) {
		address += "&amp;m=" + strings.Trim(asciiLetters(x.request.Method), "-")
	}
	return `<script src="` + address + `"` + x.nonceAttribute() + `></script>`
}

func (x *exchange) nonceAttribute() string {
	if x.nonce == "" {
		return ""
	}
	return ` nonce="` + x.nonce + `"`
}

// asciiLetters drops everything but letters and hyphens: a method may have stranger characters.
func asciiLetters(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' {
			return r
		}
		return -1
	}, s)
}

// pageBody is the body of a page: its beginning, then the rest. Where the application breaks a page of ours off and has
// told why, our script says so at its end.
type pageBody struct {
	start []byte
	io.ReadCloser
	x    *exchange // nil: our script is not in
	err  error
	told bool
}

func (b *pageBody) Read(p []byte) (int, error) {
	if len(b.start) == 0 && b.err == nil {
		n, err := b.ReadCloser.Read(p)
		if err == nil || errors.Is(err, io.EOF) || b.x == nil {
			return n, err
		}
		if b.err = err; n > 0 {
			return n, nil
		}
	}
	if len(b.start) == 0 && !b.told {
		b.told = true
		b.x.awaitWhy()
		b.start = []byte(b.x.brokenTag())
	}
	if len(b.start) == 0 {
		b.x.awaitSeen()
		return 0, b.err
	}
	n := copy(p, b.start)
	b.start = b.start[n:]
	return n, nil
}

// brokenTag is the script that shows why a page was broken off, "" if that is not known. What may be open there is closed first.
func (x *exchange) brokenTag() string {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	if x.failure == nil || !x.trusted {
		return ""
	}
	return `</script></style></textarea></title><script src="` + overlay.Prefix + "client.js?failure=" + x.failure.id() + `"` + x.nonceAttribute() + `></script>`
}

// seenLimit is how long a page that broke off is kept open until its script has run.
const seenLimit = 3 * time.Second

// awaitSeen waits until the failure is shown over the page: a browser gives up what it has not read yet of a page that is cut off.
func (x *exchange) awaitSeen() {
	x.s.mu.Lock()
	f := x.failure
	x.s.mu.Unlock()
	if f == nil || !x.trusted || !x.page {
		return
	}
	limit := time.NewTimer(seenLimit)
	defer limit.Stop()
	select {
	case <-f.seen:
	case <-limit.C:
	case <-x.ctx.Done():
	}
}

// failingBody is a body whose next read fails.
type failingBody struct {
	io.ReadCloser
	err error
}

func (b *failingBody) Read([]byte) (int, error) { return 0, b.err }

// replacedError is the outcome that a failure is shown in the place of the application's answer to it.
type replacedError struct {
	failure *failed
	status  int
	header  http.Header
	shown   *overlay.Failure
}

func (r *replacedError) Error() string { return "a failure is shown" }

// answerLimit is how long an answer that is replaced may take to be read.
const answerLimit = 2 * time.Second

// keepAnswer reads the application's answer to a request that has failed, and keeps it.
func (s *Server) keepAnswer(f *failed, res *http.Response) *overlay.Failure {
	late := time.AfterFunc(answerLimit, func() { _ = res.Body.Close() }) // it ends the reading
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	late.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && len(body) <= maxAnswer && len(body) > 0 {
		f.answer = &ownAnswer{res.StatusCode, res.Header.Clone(), body}
		shown := *f.shown
		shown.Answer = overlay.Prefix + "failures/" + f.id() + "/answer"
		f.shown = &shown
	}
	return f.shown
}

// writeFailure answers with the page about a failure.
func (s *Server) writeFailure(w http.ResponseWriter, x *exchange, r *replacedError) {
	h := w.Header()
	for name, values := range r.header {
		h[name] = values
	}
	s.options.Pages.Failure(w, x.request, r.shown, r.status, false)
}
