//go:build unix

package reproduce_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devtool/reproduce"
	"example.org/microblog/fault/trace"
)

// What is called like source and is none is not read: a pipe would never end.
func TestFindBesidePipes(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), "module example.test/app\n")
	write(t, filepath.Join(dir, "show.go"), "package app\n\nimport \"net/http\"\n\nfunc show(w http.ResponseWriter, r *http.Request) {}\n")
	other := filepath.Join(dir, "other")
	if err := os.Mkdir(other, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, pipe := range []string{filepath.Join(other, "a.go"), filepath.Join(other, "go.mod")} {
		if err := syscall.Mkfifo(pipe, 0o600); err != nil {
			t.Skip(err)
		}
	}
	write(t, filepath.Join(other, "b.go"), "package app\n\nimport \"net/http\"\n\nfunc show(w http.ResponseWriter, r *http.Request) {}\n")
	found := make(chan string)
	for file, want := range map[string]string{filepath.Join(dir, "show.go"): "http.HandlerFunc(show)", filepath.Join(other, "b.go"): ""} {
		go func() {
			found <- reproduce.Find(&fault.Failure{Stack: trace.Stack{{Function: "example.test/app.show", File: file, App: true}}}).Handler
		}()
		select {
		case got := <-found:
			if got != want {
				t.Errorf("%s: found %q, want %q", file, got, want)
			}
		case <-time.After(30 * time.Second):
			t.Fatal("it waits for a pipe")
		}
	}
}
