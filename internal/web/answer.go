package web

import (
	"bytes"
	"net/http"
	"net/url"
	"strconv"

	"example.org/microblog/fault/trace"
)

// maxPooledBuffer bounds the buffers that are kept for the next page, in bytes.
const maxPooledBuffer = 256 << 10

// The header values that pages share; see security.go.
var (
	headerHTML    = []string{"text/html; charset=utf-8"}
	headerText    = []string{"text/plain; charset=utf-8"}
	headerPrivate = []string{"private, no-cache"}
	headerNoStore = []string{"no-store"}
)

// render answers with a page. It is rendered whole before the first byte is sent, so that a failure
// still gets a page of its own. Pages show who is looking, so no shared cache may keep them, and a
// browser asks again before it shows one a second time.
func (s *Server) render(w http.ResponseWriter, status int, page any) error {
	buf := s.buffers.Get().(*bytes.Buffer)
	defer func() {
		if buf.Cap() <= maxPooledBuffer {
			buf.Reset()
			s.buffers.Put(buf)
		}
	}()
	if err := s.pages.Render(buf, page); err != nil {
		return trace.Wrap(err, "rendering the page")
	}
	return sendPage(w, status, buf.Bytes())
}

func sendPage(w http.ResponseWriter, status int, html []byte) error {
	h := w.Header()
	h["Content-Type"] = headerHTML
	h["Content-Length"] = []string{strconv.Itoa(len(html))}
	if _, set := h["Cache-Control"]; !set {
		h["Cache-Control"] = headerPrivate
	}
	w.WriteHeader(status)
	// A write fails when the reader is gone, which is nobody's fault.
	_, _ = w.Write(html)
	return nil
}

// blankForm is a form as a stranger gets it who comes from nowhere in particular: always the same,
// so that it is rendered once. These are the pages that bots ask for most.
type blankForm []byte

func (p *pageSet) newBlankForm(page any) (blankForm, error) {
	var buf bytes.Buffer
	err := p.render(&buf, page)
	return buf.Bytes(), err
}

// fits reports whether the page with this layout is the blank form.
func (f blankForm) fits(l *Layout) bool {
	return l.Viewer == nil && l.Next == "" && len(l.Notices) == 0
}

// noStore keeps the page out of every cache, the browser's own too: it shows what is nobody else's
// business, also after logging out.
func noStore(w http.ResponseWriter) { w.Header()["Cache-Control"] = headerNoStore }

// layout begins a page: who is looking, where, and what the request before it left to tell.
func (s *Server) layout(w http.ResponseWriter, r *http.Request, title string) Layout {
	st := stateOf(r)
	l := Layout{Title: title, Viewer: st.currentViewer(), Path: r.URL.Path}
	if l.Viewer == nil && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		l.Next = safeNext(r.URL.RequestURI())
	}
	l.Notices = s.cookies.takeNotice(w, r, st.https, s.now())
	return l
}

// redirect leads the browser to another page of this site, which it then gets with GET. It returns nil,
// for handlers to end with.
func redirect(w http.ResponseWriter, r *http.Request, path string) error {
	noStore(w)
	http.Redirect(w, r, path, http.StatusSeeOther)
	return nil
}

// redirectTelling is redirect, and the page that is led to tells a notice.
func (s *Server) redirectTelling(w http.ResponseWriter, r *http.Request, path, kind, text string) error {
	s.cookies.setNotice(w, stateOf(r).https, Notice{Kind: kind, Text: text}, s.now())
	return redirect(w, r, path)
}

// moved leads to the address where something is now. It may change again, so caches must ask.
func moved(w http.ResponseWriter, r *http.Request, path string) error {
	if r.URL.RawQuery != "" {
		path += "?" + r.URL.RawQuery
	}
	w.Header()["Cache-Control"] = headerPrivate
	http.Redirect(w, r, path, http.StatusMovedPermanently)
	return nil
}

// text answers with a line of plain text.
func text(w http.ResponseWriter, line string) error {
	h := w.Header()
	h["Content-Type"] = headerText
	h["Content-Length"] = []string{strconv.Itoa(len(line))}
	_, _ = w.Write([]byte(line))
	return nil
}

// The kinds of notices.
const (
	good = "good"
	bad  = "bad"
	info = "info" // neither
)

// textLoginFirst is told on the log-in page to whom came to a page for members.
const textLoginFirst = "Please log in to access this page."

// userPath is the address of somebody's profile.
func userPath(username string) string { return "/user/" + url.PathEscape(username) }
