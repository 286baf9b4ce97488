package fault_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"example.org/microblog/fault"
)

// copied is a middleware that copies the request, as those with a context do: the pattern that the
// mux sets is out of the Catcher's sight then.
func copied(h http.Handler) http.Handler {
	type key struct{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(unwrapper{w}, r.WithContext(context.WithValue(r.Context(), key{}, 1)))
	})
}

func TestRouting(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.txt"), []byte("file"), 0o600); err != nil {
		t.Fatal(err)
	}
	g := newRig(fault.Options{})
	mux := http.NewServeMux()
	mux.Handle("GET /own", g.Handle(func(w http.ResponseWriter, r *http.Request) error { http.NotFound(w, r); return nil }))
	mux.HandleFunc("GET /plain", func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) })
	mux.HandleFunc("GET /error", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "404 page not found", http.StatusNotFound) })
	mux.HandleFunc("GET /method", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
	})
	mux.HandleFunc("GET /bare", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) })
	mux.HandleFunc("GET /other", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no such thing", http.StatusNotFound) })
	mux.Handle("GET /files/", http.StripPrefix("/files/", http.FileServer(http.Dir(dir))))
	mux.Handle("/sub/", http.StripPrefix("/sub", http.NewServeMux()))
	paged := http.NewServeMux()
	paged.Handle("/", g.Handle(func(http.ResponseWriter, *http.Request) error { return fault.NotFound("") }))
	mux.Handle("/paged/", http.StripPrefix("/paged", paged))
	mux.HandleFunc("POST /form", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("PUT /form", func(http.ResponseWriter, *http.Request) {})
	tests := []struct {
		name, method, path string
		status             int
		page               bool
		body               string
		hidden             bool // becomes the page if the pattern that matched is hidden
	}{
		{"no pattern", "GET", "/nowhere", 404, true, "There is nothing at this address.", false},
		{"no pattern, other method", "POST", "/nowhere", 404, true, "There is nothing at this address.", false},
		{"wrong method", "DELETE", "/form", 405, true, "Method Not Allowed", false},
		{"handler of ours", "GET", "/own", 404, false, "404 page not found\n", false},
		{"plain handler", "GET", "/plain", 404, false, "404 page not found\n", true},
		{"plain handler with the mux's words", "GET", "/error", 404, false, "404 page not found\n", true},
		{"plain handler with the mux's 405", "GET", "/method", 405, false, "Method Not Allowed\n", false},
		{"plain handler without a body", "GET", "/bare", 404, false, "", false},
		{"plain handler with a text", "GET", "/other", 404, false, "no such thing\n", false},
		{"file server", "GET", "/files/b.txt", 404, false, "404 page not found\n", true},
		{"mux in a mux", "GET", "/sub/nowhere", 404, false, "404 page not found\n", true},
		{"mux in a mux with a page", "GET", "/paged/nowhere", 404, true, "There is nothing at this address.", false},
		{"file", "GET", "/files/a.txt", 200, false, "file", false},
	}
	for kind, h := range map[string]http.Handler{"direct": g.Middleware(mux), "copied": g.Middleware(copied(mux))} {
		srv := start(t, h)
		for _, tt := range tests {
			t.Run(kind+"/"+tt.name, func(t *testing.T) {
				if tt.hidden && kind == "copied" {
					tt.page, tt.body = true, "There is nothing at this address."
				}
				res := do(t, tt.method, srv.URL+tt.path, nil, "Accept", browser)
				res.wants(t, tt.status, tt.body)
				if page := strings.Contains(res.body, "</html>"); page != tt.page || !tt.page && res.body != tt.body {
					t.Errorf("page=%v, want %v: %q", page, tt.page, res.body)
				}
				if tt.status == 405 && tt.page {
					if allow := res.Header.Get("Allow"); allow != "POST, PUT" {
						t.Errorf("Allow is %q", allow)
					}
				}
			})
		}
		res := do(t, "HEAD", srv.URL+"/nowhere", nil, "Accept", browser)
		if res.StatusCode != 404 || res.Header.Get("Content-Type") != "text/html; charset=utf-8" || res.body != "" {
			t.Errorf("HEAD: %s %v %q", res.Status, res.Header, res.body)
		}
	}
	if n := len(g.kept.all()); n != 0 {
		t.Errorf("%d failures, want none", n)
	}
}

// What begins like the mux's answer and goes on otherwise arrives as it was written.
func TestHeldAnswerIsReleased(t *testing.T) {
	t.Parallel()
	head := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.WriteHeader(404)
	}
	const own = "404 page not found\n"
	for name, tt := range map[string]struct {
		write func(http.ResponseWriter)
		want  string
	}{
		"more":        {func(w http.ResponseWriter) { _, _ = io.WriteString(w, own); _, _ = io.WriteString(w, "and more") }, own + "and more"},
		"flush":       {func(w http.ResponseWriter) { _, _ = w.Write([]byte(own)); w.(http.Flusher).Flush() }, own},
		"flush first": {func(w http.ResponseWriter) { w.(http.Flusher).Flush(); _, _ = w.Write([]byte(own)) }, own},
		"pieces":      {func(w http.ResponseWriter) { _, _ = w.Write([]byte("404 ")); _, _ = w.Write([]byte("page")) }, "404 page"},
		"nothing":     {func(http.ResponseWriter) {}, ""},
		"copy":        {func(w http.ResponseWriter) { _, _ = io.Copy(w, onlyReader{strings.NewReader("copied")}) }, "copied"},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRig(fault.Options{})
			h := func(w http.ResponseWriter, _ *http.Request) { head(w); tt.write(w) }
			res := get(t, start(t, g.Middleware(http.HandlerFunc(h))).URL)
			if res.StatusCode != 404 || res.body != tt.want {
				t.Errorf("%s %q, want %q", res.Status, res.body, tt.want)
			}
		})
	}
}

// The mux's own answer, still held back, gives way to a failure of a middleware around the mux.
func TestHeldAnswerGivesWay(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]func(*rig, http.ResponseWriter, *http.Request){
		"panic":  func(*rig, http.ResponseWriter, *http.Request) { panic("session store is gone") },
		"answer": func(g *rig, w http.ResponseWriter, r *http.Request) { g.Answer(w, r, io.ErrUnexpectedEOF) },
		"answer through a writer": func(g *rig, w http.ResponseWriter, r *http.Request) {
			g.Answer(unwrapper{w}, r, io.ErrUnexpectedEOF)
		},
		"exit": func(*rig, http.ResponseWriter, *http.Request) { runtime.Goexit() },
	} {
		for path, method := range map[string]string{"/nowhere": "GET", "/form": "DELETE"} {
			t.Run(name+path, func(t *testing.T) {
				g := newRig(fault.Options{})
				mux := http.NewServeMux()
				mux.HandleFunc("POST /form", func(http.ResponseWriter, *http.Request) {})
				h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					mux.ServeHTTP(w, r)
					after(g, w, r)
				})
				res := do(t, method, start(t, g.Middleware(h)).URL+path, nil, "Accept", browser)
				res.wants(t, 500, "An unexpected error has occurred.", "</html>")
				f := g.kept.only(t)
				if f.Begun || res.Header.Get("Fault-Id") != f.ID.String() || res.Header.Get("Allow") != "" {
					t.Errorf("begun=%v, the answer has %v", f.Begun, res.Header)
				}
			})
		}
	}
}
