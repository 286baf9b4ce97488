package terminal_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"example.org/microblog/fault/internal/devtool/terminal"
)

// script writes a program of the shell's language and returns its path.
func script(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOpenBrowser(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the script is for a Unix shell")
	}
	opened := filepath.Join(t.TempDir(), "opened")
	t.Setenv("BROWSER", script(t, "browser", `echo "$@" > `+opened+".new; mv "+opened+".new "+opened)+" --new-tab")
	const address = "http://127.0.0.1:5000/a?b=c&d=$(x)"
	if err := terminal.OpenBrowser(address); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the browser is started", func() bool { _, err := os.Stat(opened); return err == nil })
	if text, err := os.ReadFile(opened); err != nil || string(text) != "--new-tab "+address+"\n" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestBrowserThatFails(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the script is for a Unix shell")
	}
	t.Setenv("BROWSER", script(t, "browser", "exit 3"))
	if err := terminal.OpenBrowser("http://localhost/"); err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Error(err)
	}
	t.Setenv("BROWSER", filepath.Join(t.TempDir(), "nothing"))
	if err := terminal.OpenBrowser("http://localhost/"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// TestBrowserThatStays does not wait for it.
func TestBrowserThatStays(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the script is for a Unix shell")
	}
	dir := t.TempDir()
	closed, gone := filepath.Join(dir, "closed"), filepath.Join(dir, "gone")
	t.Setenv("BROWSER", script(t, "browser", "while [ ! -e "+closed+" ]; do sleep 0.02; done; : > "+gone+"; :"))
	began := time.Now()
	if err := terminal.OpenBrowser("http://localhost/"); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > patience/2 {
		t.Errorf("it took %s", took)
	}
	if _, err := os.Stat(gone); err == nil {
		t.Error("it ended by itself")
	}
	if err := os.WriteFile(closed, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the browser is closed", func() bool { _, err := os.Stat(gone); return err == nil })
}

func TestNoDesktop(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the desktop is told by variables on Linux only")
	}
	for _, name := range []string{"BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"} {
		t.Setenv(name, "")
	}
	if err := terminal.OpenBrowser("http://localhost/"); !errors.Is(err, terminal.ErrNoDesktop) {
		t.Error(err)
	}
}

func TestOnlyWebPagesAreOpened(t *testing.T) {
	t.Setenv("BROWSER", filepath.Join(t.TempDir(), "never started"))
	for _, address := range []string{"", "file:///etc/passwd", "--help", "javascript:alert(1)", "http://", "http://a b/"} {
		if err := terminal.OpenBrowser(address); err == nil || errors.Is(err, os.ErrNotExist) {
			t.Errorf("%q: %v", address, err)
		}
	}
}
