package reproduce_test

import (
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
)

// description is what a handler sees of a request. This file is compiled with the tests that are made, too.
type description struct {
	Method, Path, Host, Proto string
	Query, Form               url.Values
	Header                    http.Header
	Files                     map[string][]upload
	Body                      int
}

type upload struct {
	Name string
	Size int64
}

// describe reads all of a request.
func describe(r *http.Request) description {
	d := description{Method: r.Method, Path: r.URL.EscapedPath(), Host: r.Host, Proto: r.Proto, Query: r.URL.Query(), Header: r.Header.Clone()}
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if media == "multipart/form-data" {
		d.Header.Set("Content-Type", media) // without its boundary
	}
	if slices.Contains([]string{"multipart/form-data", "application/x-www-form-urlencoded"}, media) {
		if err := r.ParseMultipartForm(1 << 20); err == nil {
			d.Files = map[string][]upload{}
			for field, files := range r.MultipartForm.File {
				for _, f := range files {
					d.Files[field] = append(d.Files[field], upload{f.Filename, f.Size})
				}
			}
		}
		d.Form = r.PostForm
		return d
	}
	b, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	d.Body = len(b)
	return d
}
