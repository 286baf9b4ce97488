package live_test

import (
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"os"
	"sync/atomic"

	"example.org/microblog/fault/live"
)

//go:embed testdata/templates
var embedded embed.FS

func Example() {
	files := live.Files(embedded)
	pages, err := live.Parse(files, func(fsys fs.FS) (*template.Template, error) {
		return template.ParseFS(fsys, "testdata/templates/*.html")
	})
	if err != nil {
		fmt.Println(err) // a mistake in a template, at the start
		return
	}
	// In a handler:
	if err := pages.Get().ExecuteTemplate(os.Stdout, "home.html", "susan"); err != nil {
		fmt.Println(err)
	}
	// Output: <h1>Hello, susan.</h1>
}

// What serves the files themselves needs no more than the Dir.
func ExampleFiles() {
	mux := http.NewServeMux()
	mux.Handle("GET /testdata/", http.FileServerFS(live.Files(embedded)))
}

// Load is for what Parse does not fit, such as several values that change together.
func ExampleDir_Load() {
	type site struct {
		pages *template.Template
		icons []string
	}
	var current atomic.Pointer[site]
	files := live.Files(embedded)
	err := files.Load(func(fsys fs.FS) error {
		pages, err := template.ParseFS(fsys, "testdata/templates/*.html")
		if err != nil {
			return err
		}
		icons, err := fs.Glob(fsys, "testdata/static/*.svg")
		if err != nil {
			return err
		}
		current.Store(&site{pages, icons})
		return nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(current.Load().pages.Lookup("home.html").Name())
	// Output: home.html
}
