package fault

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"example.org/microblog/fault/trace"
)

// Page is what an error page shows. It holds nothing that a stranger must not see.
type Page struct {
	Status int    // 400 to 599
	Title  string // the status text: "Not Found"
	// Message is the public text of the error, "" if there is nothing to say but the status.
	Message string
	// ID is the failure's, to quote in a report: "7F3K-92QD"; "" if nothing was recorded.
	ID string
	// Notified tells that somebody is being told. Only then may a page say so.
	Notified   bool
	RetryAfter time.Duration // after which to try again; 0 if unknown
	RequestID  string        // chosen by the application: escape it
}

// Pages makes the HTML of error pages. It is called with the request that failed, after whatever
// the handler had open was closed, and must make no query: the database may be what failed. It may
// be called by several goroutines at once. What it writes is sent only if it returns nil; an error,
// a panic or nothing written brings a page made at start in its place.
//
// That page is made by calling Pages with a plain GET / from no one, so it must cope with a request
// that came through no middleware.
type Pages interface {
	Page(w io.Writer, r *http.Request, p Page) error
}

// PagesFunc is a function as [Pages].
type PagesFunc func(w io.Writer, r *http.Request, p Page) error

// Page calls f.
func (f PagesFunc) Page(w io.Writer, r *http.Request, p Page) error { return f(w, r, p) }

// page fills in what there is to show.
func (c *Catcher) page(st *state, r *http.Request, v verdict, rec recording) Page {
	p := Page{
		Status:     v.status,
		Title:      statusText(v.status),
		RetryAfter: parseRetryAfter(v.header),
		RequestID:  st.requestID(),
		Notified:   rec.receipt.Notified,
	}
	if rec.failure != nil {
		p.ID, p.Message = rec.failure.ID.String(), rec.failure.Public
	}
	if rec.failure == nil || rec.again {
		p.Message = c.cleanFor(r, v.public, maxText)
	}
	return p
}

// parseRetryAfter reads seconds or a date (RFC 9110, section 10.2.3).
func parseRetryAfter(h http.Header) time.Duration {
	for key, values := range h {
		if len(values) == 0 || http.CanonicalHeaderKey(key) != "Retry-After" {
			continue
		}
		if seconds, err := strconv.ParseUint(values[0], 10, 31); err == nil {
			return time.Duration(seconds) * time.Second
		}
		if t, err := http.ParseTime(values[0]); err == nil {
			return max(0, time.Until(t).Round(time.Second))
		}
	}
	return 0
}

// maxPage bounds what a page may write, in bytes.
const maxPage = 8 << 20

var (
	errEmptyPage = errors.New("the error page is empty")
	errLongPage  = fmt.Errorf("the error page is longer than %d bytes", maxPage)
)

// render makes the application's page. If it cannot be made, the error says why and the stack, if it
// panicked, where.
func render(b *bytes.Buffer, pages Pages, r *http.Request, p Page) (stack trace.Stack, err error) {
	defer func() {
		if v := recover(); v != nil {
			stack, err = panicStack(), fmt.Errorf("making the error page: %w", &panicked{v})
		}
	}()
	if err := pages.Page(&limited{b}, r, p); err != nil {
		return nil, fmt.Errorf("making the error page: %w", err)
	}
	if b.Len() == 0 {
		return nil, errEmptyPage
	}
	return nil, nil
}

// limited is a buffer that does not take more than a page.
type limited struct{ b *bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if l.b.Len()+len(p) > maxPage {
		return 0, errLongPage
	}
	return l.b.Write(p)
}

func (l *limited) WriteString(s string) (int, error) {
	if l.b.Len()+len(s) > maxPage {
		return 0, errLongPage
	}
	return l.b.WriteString(s)
}
