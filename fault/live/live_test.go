package live_test

import (
	"embed"
	"errors"
	"html/template"
	"io/fs"
	"testing"
	"testing/fstest"

	"example.org/microblog/fault/live"
)

// These are the files as a release has them, and a development build that no supervisor has started. What
// happens under one is tested with a real application, in the tests of fault/internal/devtool/link.

func TestFiles(t *testing.T) {
	t.Parallel()
	files := live.Files(embedded)
	if files.FromDisk() {
		t.Error("the files are read from disk")
	}
	if err := fstest.TestFS(files, "testdata/templates/home.html"); err != nil {
		t.Error(err)
	}
	if _, err := fs.Stat(files, "live_test.go"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a source file is among the files: %v", err)
	}
	if entries, err := fs.ReadDir(live.Files(embed.FS{}), "."); err != nil || len(entries) != 0 {
		t.Errorf("of no files there are %v, %v", entries, err)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	files := live.Files(embedded)
	calls := 0
	pages, err := live.Parse(files, func(fsys fs.FS) (*template.Template, error) {
		calls++
		return template.ParseFS(fsys, "testdata/templates/*.html")
	})
	if err != nil || calls != 1 || pages.Get().Lookup("home.html") == nil {
		t.Errorf("%v, %d calls", err, calls)
	}
	wrong := errors.New("a mistake")
	none, err := live.Parse(files, func(fs.FS) (int, error) { return 1, wrong })
	if none != nil || !errors.Is(err, wrong) {
		t.Errorf("%v, %v; want the error of the function", none, err)
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	files := live.Files(embedded)
	wrong := errors.New("a mistake")
	if err := files.Load(func(fs.FS) error { return wrong }); !errors.Is(err, wrong) {
		t.Errorf("%v; want the error of the function", err)
	}
}
