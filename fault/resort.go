package fault

import (
	"bytes"
	"log/slog"
	"net/http"
)

// resort holds the application's pages as they were made at start, for when they cannot be made.
// They carry no public text: where a page puts it, and how it escapes it, is the page's business.
type resort struct {
	pages map[resortKey][]byte
	id    []byte // what stands for the failure's ID in them
}

// resortKey is what such a page can say.
type resortKey struct {
	status   int
	id       bool
	notified bool
}

// resortStatuses are those there is a page for. For others the built-in page is the last resort.
var resortStatuses = []int{400, 401, 403, 404, 405, 408, 409, 413, 422, 429, 500, 502, 503}

// prepareResort makes the pages. The ID they are made with is random, in the form of every ID: it
// stands in a page only where the page put it, and no way of escaping changes it or another one.
func (c *Catcher) prepareResort() {
	if c.pages == nil {
		return
	}
	id := newID().String()
	c.resort = resort{pages: map[resortKey][]byte{}, id: []byte(id)}
	var failed error
	var status int
	for _, key := range resortKeys() {
		p := Page{Status: key.status, Title: statusText(key.status), Notified: key.notified}
		if key.id {
			p.ID = id
		}
		var b bytes.Buffer
		if _, err := render(&b, c.pages, syntheticRequest(), p); err != nil {
			if failed == nil {
				failed, status = err, key.status
			}
			continue
		}
		c.resort.pages[key] = b.Bytes()
	}
	if failed != nil {
		c.log().LogAttrs(noContext, slog.LevelWarn,
			"The error pages cannot be made now; if they cannot be made later either, the built-in ones are shown",
			slog.Int("status", status), slog.String("err", c.clean(c.redactor, text(failed), maxText)))
	}
}

func resortKeys() []resortKey {
	var keys []resortKey
	for _, status := range resortStatuses {
		keys = append(keys, resortKey{status: status})
		if status >= 500 {
			keys = append(keys, resortKey{status, true, false}, resortKey{status, true, true})
		}
	}
	return keys
}

// syntheticRequest is a plain GET / as a server would hand it down.
func syntheticRequest() *http.Request {
	r, err := http.NewRequestWithContext(noContext, http.MethodGet, "/", nil)
	if err != nil {
		panic(err) // The arguments are constant.
	}
	r.Host, r.RequestURI, r.RemoteAddr = "localhost", "/", "127.0.0.1:1"
	r.Header.Set("Accept", "text/html")
	return r
}

// page returns the page made at start, with the ID in its place; nil if there is none.
func (rs *resort) page(p Page) []byte {
	page := rs.pages[resortKey{p.Status, p.ID != "", p.Notified}]
	if p.ID == "" || page == nil {
		return page
	}
	return bytes.ReplaceAll(page, rs.id, []byte(p.ID))
}
