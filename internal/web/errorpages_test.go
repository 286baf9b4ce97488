package web

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.org/microblog/fault"
)

func errorPage(t *testing.T, viewer *Viewer, f fault.Page) string {
	t.Helper()
	pages := newPages(t).Errors(func(*http.Request) *Viewer { return viewer })
	var b bytes.Buffer
	r := httptest.NewRequest("GET", "/secret-place?token=hunter2", nil)
	if err := pages.Page(&b, r, f); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestErrorPages(t *testing.T) {
	t.Parallel()
	for status, heading := range map[int]string{
		400: "The request could not be understood",
		401: "Please log in first",
		403: "This is not allowed",
		404: "File Not Found",
		405: "This address does not work that way",
		408: "The request took too long",
		409: "Somebody else was faster",
		413: "That is too large",
		418: "The request could not be answered",
		422: "That could not be accepted",
		429: "That was too often",
		500: "An unexpected error has occurred",
		502: "Another server gave no proper answer",
		503: "Microblog is not available right now",
		507: "An unexpected error has occurred",
		0:   "An unexpected error has occurred",
	} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			got := errorPage(t, nil, fault.Page{Status: status, Title: http.StatusText(status)})
			checkHTML(t, got)
			for _, want := range []string{"<h1>" + heading + "</h1>", "<title>" + heading + " · Microblog</title>", `href="/">Back</a>`, `>` + strconv.Itoa(status) + `</p>`} {
				if !strings.Contains(got, want) {
					t.Errorf("the page lacks %s\n%s", want, got)
				}
			}
			if sorry := strings.Contains(got, "Sorry for the inconvenience!"); sorry != (status >= 500) {
				t.Errorf("it says sorry: %v", sorry)
			}
			for _, never := range []string{"administrator", "please quote", "hunter2", "secret-place", "try again in 0"} {
				if strings.Contains(got, never) {
					t.Errorf("the page must not say %q\n%s", never, got)
				}
			}
		})
	}
}

func TestErrorPageTells(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		page   fault.Page
		viewer *Viewer
		want   string
	}{
		"that somebody was told":     {fault.Page{Status: 500, Notified: true}, nil, "The administrator has been notified. Sorry for the inconvenience!"},
		"what to quote":              {fault.Page{Status: 500, ID: "7F3K-92QD"}, nil, "<code>7F3K-92QD</code>"},
		"how long to wait":           {fault.Page{Status: 429, RetryAfter: 61 * time.Second}, nil, "Please try again in 61 seconds."},
		"how long it will be closed": {fault.Page{Status: 503, RetryAfter: 10 * time.Minute}, nil, "Please try again in 10 minutes."},
		"the public text, escaped":   {fault.Page{Status: 404, Message: "No <i>such</i> person."}, nil, "No &lt;i&gt;such&lt;/i&gt; person."},
		"in the viewer's layout":     {fault.Page{Status: 404}, &Viewer{ID: 1, Username: "susan"}, `href="/user/susan">Profile`},
		"in the stranger's layout":   {fault.Page{Status: 404}, nil, `href="/register"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := errorPage(t, test.viewer, test.page)
			checkHTML(t, got)
			if !strings.Contains(got, test.want) {
				t.Errorf("the page lacks %s\n%s", test.want, got)
			}
		})
	}
}

func TestErrorPageWithoutViewer(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := newPages(t).Errors(nil).Page(&b, nil, fault.Page{Status: 500}); err != nil {
		t.Fatal(err)
	}
	checkHTML(t, b.String())
}
