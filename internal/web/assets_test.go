package web

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"testing"

	"example.org/microblog/fault"
)

// getStatic asks for a file with the given headers, in pairs.
func getStatic(t *testing.T, p *Pages, target string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest("GET", target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	if err := p.Static()(w, r); err != nil {
		t.Fatalf("%s: %v", target, err)
	}
	return w
}

func TestStaticFiles(t *testing.T) {
	t.Parallel()
	p := newPages(t)
	types := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml", ".ico": "image/x-icon"}
	hashed := regexp.MustCompile(`^/static/[a-z]+\.[0-9a-f]{16}\.[a-z]+$`)
	files := 0
	err := fs.WalkDir(embedded, "static", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		want, err := fs.ReadFile(embedded, file)
		if err != nil {
			return err
		}
		url, err := p.set.Load().assets.url(path.Base(file))
		if err != nil || !hashed.MatchString(url) {
			t.Errorf("%s has the address %q, %v", file, url, err)
		}
		for target, cache := range map[string]string{url: cacheForever, "/" + file: cacheAsk} {
			w := getStatic(t, p, target)
			if w.Code != 200 || !bytes.Equal(w.Body.Bytes(), want) {
				t.Errorf("%s: %d, %d bytes of %d", target, w.Code, w.Body.Len(), len(want))
			}
			if got := w.Header().Get("Content-Type"); got != types[path.Ext(file)] {
				t.Errorf("%s: content type %q", target, got)
			}
			if got := w.Header().Get("Cache-Control"); got != cache {
				t.Errorf("%s: cache %q, want %q", target, got, cache)
			}
			again := getStatic(t, p, target, "If-None-Match", w.Header().Get("ETag"))
			if again.Code != http.StatusNotModified || again.Body.Len() != 0 {
				t.Errorf("%s, when it is known: %d, %d bytes", target, again.Code, again.Body.Len())
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 4 {
		t.Errorf("%d static files", files)
	}
}

func TestStaticCompressed(t *testing.T) {
	t.Parallel()
	p := newPages(t)
	plain := getStatic(t, p, "/static/app.css")
	zipped := getStatic(t, p, "/static/app.css", "Accept-Encoding", "gzip, deflate, br")
	if zipped.Header().Get("Content-Encoding") != "gzip" || zipped.Header().Get("Vary") != "Accept-Encoding" || plain.Header().Get("Vary") != "Accept-Encoding" {
		t.Fatalf("headers %v and %v", zipped.Header(), plain.Header())
	}
	if plain.Header().Get("ETag") == zipped.Header().Get("ETag") {
		t.Error("both forms have the same ETag")
	}
	if got := zipped.Header().Get("Content-Length"); got == "" || zipped.Body.Len() >= plain.Body.Len()/2 {
		t.Errorf("%d bytes of %d, Content-Length %q", zipped.Body.Len(), plain.Body.Len(), got)
	}
	z, err := gzip.NewReader(zipped.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, plain.Body.Bytes()) {
		t.Errorf("unpacked it is another file, %v", err)
	}
	part := getStatic(t, p, "/static/app.css", "Range", "bytes=0-9")
	if part.Code != http.StatusPartialContent || part.Body.Len() != 10 {
		t.Errorf("a part: %d, %d bytes", part.Code, part.Body.Len())
	}
}

func TestStaticOverHTTP(t *testing.T) {
	t.Parallel()
	p := newPages(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := p.Static()(w, r); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	for _, test := range []struct{ method, accept, part string }{
		{"GET", "gzip", ""}, {"GET", "identity", ""}, {"HEAD", "gzip", ""}, {"HEAD", "identity", ""}, {"GET", "gzip", "bytes=5-10"},
	} {
		r, err := http.NewRequest(test.method, server.URL+"/static/app.css", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Encoding", test.accept)
		if test.part != "" {
			r.Header.Set("Range", test.part)
		}
		res, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Errorf("%v: %v", test, err)
		}
		if err := res.Body.Close(); err != nil {
			t.Error(err)
		}
		if test.method == "HEAD" && (len(body) != 0 || res.ContentLength <= 0) {
			t.Errorf("%v: %d bytes, Content-Length %d", test, len(body), res.ContentLength)
		}
		if test.part != "" && (res.StatusCode != http.StatusPartialContent || len(body) != 6) {
			t.Errorf("%v: %s, %d bytes", test, res.Status, len(body))
		}
	}
}

func TestFavicon(t *testing.T) {
	t.Parallel()
	w := getStatic(t, newPages(t), "/favicon.ico", "Accept-Encoding", "gzip")
	if w.Code != 200 || w.Header().Get("Content-Type") != "image/x-icon" || w.Header().Get("Cache-Control") == cacheForever {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if !bytes.HasPrefix(w.Body.Bytes(), []byte{0, 0, 1, 0, 1, 0, 32, 32}) {
		t.Error("it is no icon of 32 by 32 points")
	}
}

func TestStaticNotFound(t *testing.T) {
	t.Parallel()
	p := newPages(t)
	for _, target := range []string{"/static/", "/static/nothing.css", "/static/app.0000000000000000.css", "/static/../pages.go", "/static/templates/login.html", "/app.css", "/static//app.css"} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.Path = target
		err := p.Static()(w, r)
		var f *fault.Error
		if !errors.As(err, &f) || f.Status != http.StatusNotFound {
			t.Errorf("%s: %v", target, err)
		}
		if w.Body.Len() > 0 || len(w.Header()) > 0 {
			t.Errorf("%s: something was sent: %v %s", target, w.Header(), w.Body)
		}
	}
}

func TestAcceptsGzip(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]bool{
		"":                           false,
		"gzip":                       true,
		"GZIP":                       true,
		"x-gzip":                     true,
		"deflate, gzip;q=1.0, *;q=0": true,
		"gzip;q=0":                   false,
		"gzip ; q=0.5":               true,
		"gzip;Q=0.000":               false,
		"gzip;q=NaN":                 false,
		"gzip;q=2":                   false,
		"gzip;q=":                    false,
		"gzip;x=1":                   false,
		"*":                          true,
		"*;q=0":                      false,
		"gzip;q=0, *":                false,
		"*, gzip;q=0":                false,
		"br":                         false,
		"identity":                   false,
		"gzipped":                    false,
		",,":                         false,
	} {
		if got := acceptsGzip([]string{header}); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
	if !acceptsGzip([]string{"br", "gzip"}) {
		t.Error("the second line of the header was not read")
	}
}

func FuzzAcceptsGzip(f *testing.F) {
	for _, seed := range []string{"gzip", "gzip;q=0", "*;q=0.1, br", ";;,=", "gzip;q=-0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		if acceptsGzip([]string{header}) && !strings.Contains(header, "*") && !strings.Contains(strings.ToLower(header), "gzip") {
			t.Errorf("%q", header)
		}
	})
}
