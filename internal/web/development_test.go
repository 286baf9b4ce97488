package web

import (
	"bytes"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/fstest"
)

// TestPagesChangeWhileTheyAreRendered is what happens in development. No page is half of one state of the
// files and half of another, and files with a mistake change nothing.
func TestPagesChangeWhileTheyAreRendered(t *testing.T) {
	t.Parallel()
	p := newPages(t)
	first, second, broken := copyOfFiles(t), copyOfFiles(t), copyOfFiles(t)
	second["static/app.css"].Data = []byte("p { color: red }")
	second["templates/login.html"].Data = bytes.ReplaceAll(second["templates/login.html"].Data, []byte("<h1>"), []byte("<h1>Second: "))
	broken["templates/login.html"].Data = []byte("{{if}}")
	pages := map[string]bool{}
	for _, files := range []fstest.MapFS{first, second} {
		if err := p.load(files); err != nil {
			t.Fatal(err)
		}
		pages[renderPage(t, p, LoginPage{})] = true
	}
	if len(pages) != 2 {
		t.Fatal("both states of the files give the same page")
	}
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				var b bytes.Buffer
				if err := p.Render(&b, LoginPage{}); err != nil || !pages[b.String()] {
					t.Errorf("a page of neither state of the files: %v\n%s", err, b.String())
					return
				}
			}
		})
	}
	for range 10 {
		for _, files := range []fstest.MapFS{first, second} {
			if err := p.load(files); err != nil {
				t.Error(err)
			}
			if err := p.load(broken); err == nil {
				t.Error("a broken template was taken")
			}
		}
	}
	close(stop)
	readers.Wait()
}

// In development the address that a file had is its address still.
func TestStaticWithFormerHash(t *testing.T) {
	t.Parallel()
	p := newPages(t)
	p.live = true
	for target, want := range map[string]bool{
		"/static/app.0000000000000000.css":  true,
		"/static/app.ffFFffffffffffff.css":  true,
		"/static/app.000000000000000.css":   false,
		"/static/app.00000000000000000.css": false,
		"/static/app.000000000000000g.css":  false,
		"/static/app.0000000000000000":      false,
		"/static/none.0000000000000000.css": false,
		"/static/.0000000000000000.css":     false,
		"/static/0000000000000000.css":      false,
		"/app.0000000000000000.css":         false,
		"/static/":                          false,
	} {
		w := httptest.NewRecorder()
		err := p.Static()(w, httptest.NewRequest("GET", target, nil))
		if (err == nil) != want {
			t.Errorf("%s: %v", target, err)
		}
		if want && (w.Header().Get("Cache-Control") != cacheAsk || !bytes.Equal(w.Body.Bytes(), p.set.Load().assets.byName["app.css"].plain)) {
			t.Errorf("%s: %v", target, w.Header())
		}
	}
}
