package fault_test

import (
	"bytes"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"

	"example.org/microblog/fault"
)

// upload returns a multipart form with a file, and its content type.
func upload(t *testing.T, fields map[string]string, field, file, content string) (io.Reader, string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for k, v := range fields {
		if err := w.WriteField(k, v); err != nil {
			t.Fatal(err)
		}
	}
	part, err := w.CreateFormFile(field, file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(part, content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b, w.FormDataContentType()
}

// However a request ends, its uploaded files do not stay on the disk.
func TestUploadedFilesAreRemoved(t *testing.T) {
	t.Parallel()
	content := strings.Repeat("x", 11<<20) // More than is kept in memory.
	for name, end := range map[string]fault.HandlerFunc{
		"answer": func(w http.ResponseWriter, _ *http.Request) error { w.WriteHeader(204); return nil },
		"error":  func(http.ResponseWriter, *http.Request) error { return errors.New("no") },
		"panic":  func(http.ResponseWriter, *http.Request) error { panic("no") },
		"abort":  func(http.ResponseWriter, *http.Request) error { panic(http.ErrAbortHandler) },
		"begun":  func(w http.ResponseWriter, _ *http.Request) error { w.WriteHeader(200); panic("no") },
		"exit":   func(http.ResponseWriter, *http.Request) error { runtime.Goexit(); return nil },
	} {
		for _, kind := range []string{"handle", "middleware"} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				g := newRig(fault.Options{})
				name := make(chan string, 1)
				h := func(w http.ResponseWriter, r *http.Request) error {
					if err := r.ParseMultipartForm(1); err != nil {
						return err
					}
					f, err := r.MultipartForm.File["f"][0].Open()
					if err != nil {
						return err
					}
					defer f.Close()
					if onDisk, ok := f.(*os.File); ok {
						name <- onDisk.Name()
					}
					return end(w, r)
				}
				handler := g.Handle(h)
				if kind == "middleware" {
					handler = g.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if err := h(w, r); err != nil {
							g.Answer(w, r, err)
						}
					}))
				}
				body, contentType := upload(t, map[string]string{"username": "bob"}, "f", "a.txt", content)
				_, _ = try(t, "POST", start(t, handler).URL, body, "Content-Type", contentType) // Some end without an answer.
				var file string
				select {
				case file = <-name:
				default:
					t.Fatal("the file was not written to disk")
				}
				waitFor(t, func() bool { _, err := os.Stat(file); return errors.Is(err, os.ErrNotExist) })
				for _, f := range g.kept.all() {
					if len(f.Request.Files) != 1 || f.Request.Files[0].Size != int64(len(content)) {
						t.Errorf("recorded the files %v", f.Request.Files)
					}
				}
			})
		}
	}
}
