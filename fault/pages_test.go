package fault_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.org/microblog/fault"
)

var layout = template.Must(template.New("").Parse(`<!DOCTYPE html><title>{{.Title}}</title><h1>{{.Status}}</h1>
{{with .Message}}<p>{{.}}</p>{{end}}{{if .Notified}}<p>The administrator has been notified.</p>{{end}}
{{with .ID}}<p>Quote <a href="/report?id={{.}}">{{.}}</a></p>{{end}}{{with .RetryAfter}}<p>Wait {{.}}</p>{{end}}`))

// house is an application's pages, that can be told to fail.
type house struct {
	fail  atomic.Pointer[func(io.Writer) error]
	calls atomic.Int32
}

func (h *house) Page(w io.Writer, _ *http.Request, p fault.Page) error {
	h.calls.Add(1)
	if f := h.fail.Load(); f != nil {
		return (*f)(w)
	}
	return layout.Execute(w, p)
}

var pageStatuses = []int{400, 401, 403, 404, 405, 408, 409, 413, 422, 429, 500, 502, 503}

func TestPages(t *testing.T) {
	t.Parallel()
	g := newRig(fault.Options{Pages: &house{}})
	srv := g.serve(t, map[string]fault.HandlerFunc{"GET /{status}": func(_ http.ResponseWriter, r *http.Request) error {
		var status int
		if _, err := fmt.Sscan(r.PathValue("status"), &status); err != nil {
			return err
		}
		return fault.With(status, `<script>"&'`, errors.New("the cause"))
	}})
	for _, status := range append(pageStatuses, 418, 451, 501, 599) {
		res := get(t, srv.URL+fmt.Sprintf("/%d", status), "Accept", browser)
		res.wants(t, status, fmt.Sprintf("<h1>%d</h1>", status), "&lt;script&gt;")
		if strings.Contains(res.body, "the cause") || strings.Contains(res.body, "notified") {
			t.Errorf("%d says too much: %q", status, res.body)
		}
		id := res.Header.Get("Fault-Id")
		if (id != "") != (status >= 500) || id != "" && !strings.Contains(res.body, "/report?id="+id) {
			t.Errorf("%d: Fault-Id is %q in %q", status, id, res.body)
		}
		if res.Header.Get("Content-Security-Policy") != "" {
			t.Error("the application's page came with the built-in page's policy")
		}
	}
}

func TestNotifiedOnlyWhenSo(t *testing.T) {
	t.Parallel()
	for _, notified := range []bool{false, true} {
		for name, accept := range map[string]string{"house": browser, "builtin": browser, "text": "text/plain", "json": "application/json"} {
			k := &keeper{receipt: fault.Receipt{Durable: true, Notified: notified}}
			o := fault.Options{Recorder: k}
			if name == "house" {
				o.Pages = &house{}
			}
			g := newRig(o)
			srv := g.serve(t, map[string]fault.HandlerFunc{"GET /{$}": func(http.ResponseWriter, *http.Request) error { return errors.New("no") }})
			res := get(t, srv.URL, "Accept", accept)
			said := strings.Contains(res.body, "The administrator has been notified.") || strings.Contains(res.body, `"notified":true`)
			if said != notified {
				t.Errorf("%s with Notified=%v: %q", name, notified, res.body)
			}
			// A missing page is nobody's business.
			if res := get(t, srv.URL+"/nowhere", "Accept", accept); strings.Contains(res.body, "notified") {
				t.Errorf("%s: 404 says %q", name, res.body)
			}
		}
	}
}

func TestBrokenPages(t *testing.T) {
	t.Parallel()
	ways := map[string]func(io.Writer) error{
		"error": func(w io.Writer) error {
			_, _ = io.WriteString(w, "half a page")
			return errors.New("template: no such field")
		},
		"panic": func(w io.Writer) error { _, _ = io.WriteString(w, "half a page"); panic("template: nil viewer") },
		"empty": func(io.Writer) error { return nil },
		"abort": func(io.Writer) error { panic(http.ErrAbortHandler) },
		"endless": func(w io.Writer) error {
			for {
				if _, err := w.Write(make([]byte, 1<<20)); err != nil {
					return err
				}
			}
		},
	}
	for name, fail := range ways {
		t.Run(name, func(t *testing.T) {
			pages := &house{}
			k := &keeper{receipt: fault.Receipt{Durable: true, Notified: true}}
			g := newRig(fault.Options{Pages: pages, Recorder: k})
			pages.fail.Store(&fail)
			srv := g.serve(t, map[string]fault.HandlerFunc{
				"GET /500": func(http.ResponseWriter, *http.Request) error { return errors.New("the original") },
				"GET /418": func(http.ResponseWriter, *http.Request) error { return fault.With(418, "Short <and> stout.", nil) },
			})
			res := get(t, srv.URL+"/500", "Accept", browser)
			id := res.Header.Get("Fault-Id")
			// The application's own page, as it was made at start, with this failure's ID.
			res.wants(t, 500, "<h1>500</h1>", "/report?id="+id, "Quote", "The administrator has been notified.")
			if strings.Contains(res.body, "half a page") {
				t.Errorf("a half-made page was sent: %q", res.body)
			}
			if f := k.only(t); f.ID.String() != id || f.Message != "the original" {
				t.Errorf("recorded %s %q", f.ID, f.Message)
			}
			logged := g.log.at(slog.LevelError)
			if len(logged) != 1 || attr(logged[0], "page") == "" {
				t.Fatalf("logged %v, want one record that tells of the page", logged)
			}

			// An answer that is no failure keeps its status; the broken page is the failure.
			res = get(t, srv.URL+"/nowhere", "Accept", browser)
			res.wants(t, 404, "<h1>404</h1>")
			if res.Header.Get("Fault-Id") != "" {
				t.Error("a 404 has a failure's ID")
			}
			all := k.all()
			if len(all) != 2 || all[1].Kind != fault.KindPage || all[1].Request.URL != "/nowhere" {
				t.Fatalf("recorded %+v", all)
			}
			// Without a page made at start: the built-in one.
			get(t, srv.URL+"/418", "Accept", browser).wants(t, 418, "Short &lt;and&gt; stout.", "</html>")
		})
	}
}

func TestPagesBrokenFromTheStart(t *testing.T) {
	t.Parallel()
	pages := &house{}
	fail := func(io.Writer) error { panic("no viewer, password=hunter2") }
	pages.fail.Store(&fail)
	g := newRig(fault.Options{Pages: pages})
	warned := g.log.at(slog.LevelWarn)
	if len(warned) != 1 || !strings.Contains(attr(warned[0], "err"), "no viewer, password=[masked]") {
		t.Fatalf("warned %v, want one warning", warned)
	}
	srv := g.serve(t, map[string]fault.HandlerFunc{"GET /": func(http.ResponseWriter, *http.Request) error { return errors.New("no") }})
	res := get(t, srv.URL, "Accept", browser)
	res.wants(t, 500, "An unexpected error has occurred.", res.Header.Get("Fault-Id"), "</html>")

	pages.fail.Store(nil)
	get(t, srv.URL, "Accept", browser).wants(t, 500, "<h1>500</h1>", "Quote")
	if newRig(fault.Options{Pages: &house{}}).log.at(slog.LevelWarn) != nil {
		t.Error("pages that work brought a warning")
	}
}

func TestPagesGetTheRequest(t *testing.T) {
	t.Parallel()
	g := newRig(fault.Options{Pages: fault.PagesFunc(func(w io.Writer, r *http.Request, p fault.Page) error {
		_, err := fmt.Fprintf(w, "%s %s %q %s %v", r.Method, r.URL.Path, r.PathValue("x"), p.RequestID, p.RetryAfter)
		return err
	}), RequestID: func(r *http.Request) string { return r.Header.Get("X-Request-Id") }})
	srv := g.serve(t, map[string]fault.HandlerFunc{"GET /{x}": func(_ http.ResponseWriter, r *http.Request) error {
		if fault.RequestID(r.Context()) != "abc" || fault.FromContext(r.Context()) != g.Catcher {
			t.Error("the context does not know the request")
		}
		return &fault.Error{Status: 503, Header: http.Header{"retry-after": {"90"}}, Expected: true}
	}})
	res := get(t, srv.URL+"/v", "Accept", browser, "X-Request-Id", "abc")
	res.wants(t, 503, `GET /v "v" abc 1m30s`)
	if res.Header.Get("Retry-After") != "90" || res.Header.Get("X-Request-Id") != "abc" {
		t.Errorf("got %v", res.Header)
	}
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	if fault.RequestID(t.Context()) != "" || fault.FromContext(t.Context()) != nil {
		t.Error("there is a request outside a request")
	}
	for name, f := range map[string]func(*http.Request) string{
		"nil": nil, "empty": func(*http.Request) string { return "" }, "long": func(*http.Request) string { return strings.Repeat("x", 129) },
		"line break": func(*http.Request) string { return "a\nb" }, "not ASCII": func(*http.Request) string { return "ä" },
		"panic": func(*http.Request) string { panic("no") },
	} {
		seen := map[string]bool{}
		g := newRig(fault.Options{RequestID: f})
		srv := g.serve(t, map[string]fault.HandlerFunc{"GET /": func(_ http.ResponseWriter, r *http.Request) error {
			if id := fault.RequestID(r.Context()); id == "" || id != fault.RequestID(r.Context()) {
				t.Errorf("%s: the identity changes", name)
			}
			return fault.NotFound("")
		}})
		for range 3 {
			id := get(t, srv.URL).Header.Get("X-Request-Id")
			if len(id) != 16 || seen[id] {
				t.Errorf("%s: got %q", name, id)
			}
			seen[id] = true
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	g := newRig(fault.Options{})
	for value, want := range map[string]string{
		"1": "1 second", "90": "90 seconds", "121": "3 minutes", "7201": "3 hours", "86400": "24 hours",
		time.Now().Add(time.Hour).UTC().Format(http.TimeFormat):  "60 minutes",
		time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat): "", "soon": "", "-1": "", "0": "",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Accept", "text/plain")
		w := httptest.NewRecorder()
		g.Answer(w, r, &fault.Error{Status: 429, Header: http.Header{"retry-after": {value}, "X-Empty": nil}})
		if said := strings.Contains(w.Body.String(), "Please try again in "+want+"."); said != (want != "") {
			t.Errorf("Retry-After %q: %q, want %q", value, w.Body, want)
		}
		if got := w.Header().Get("Retry-After"); got != value {
			t.Errorf("Retry-After is %q, want %q", got, value)
		}
	}
}

func TestBuiltinPageAndText(t *testing.T) {
	t.Parallel()
	g := newRig(fault.Options{})
	srv := g.serve(t, map[string]fault.HandlerFunc{"GET /": func(http.ResponseWriter, *http.Request) error {
		return fault.TooManyRequests("Slow\x1b[31m <down>.", 1000e9)
	}})
	get(t, srv.URL, "Accept", browser).wants(t, 429, "<title>429 Too Many Requests</title>", "&lt;down&gt;", "Please try again in 17 minutes.",
		`<meta name="color-scheme" content="light dark">`, `<meta name="viewport"`)
	res := get(t, srv.URL, "Accept", browser)
	_, style, _ := strings.Cut(res.body, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	sum := sha256.Sum256([]byte(style))
	if csp := res.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") {
		t.Errorf("the policy %q forbids the page's style", csp)
	}
	res = get(t, srv.URL, "Accept", "text/plain")
	res.wants(t, 429)
	if want := "429 Too Many Requests\nSlow [31m <down>.\nPlease try again in 17 minutes.\n"; res.body != want {
		t.Errorf("got %q, want %q", res.body, want)
	}
	if doc := get(t, srv.URL, "Accept", "application/json").problem(t); doc["retry_after"] != 1000.0 {
		t.Errorf("got %v", doc)
	}
}
