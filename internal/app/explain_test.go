package app_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"example.org/microblog/internal/app"
)

// A start that fails for its disk says where, and what to do.
func TestStartErrors(t *testing.T) {
	t.Parallel()
	start := func(t *testing.T, dir string) error {
		t.Helper()
		a, err := app.Open(t.Context(), app.Options{Config: settings(t, dir, nil), Stdout: io.Discard, Stderr: io.Discard})
		if err == nil {
			_ = a.Close()
			t.Fatal("Open succeeded")
		}
		return err
	}
	says := func(t *testing.T, err error, texts ...string) {
		t.Helper()
		for _, text := range texts {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%q does not say %q", err, text)
			}
		}
	}
	t.Run("a data directory that is a file", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		path := filepath.Join(dir, "data")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		says(t, start(t, dir), path+" is a file and no directory", "DATA_DIR")
	})
	t.Run("a damaged database", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		if err := open(t, settings(t, dir, nil)).Close(); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "data", "microblog.db")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := 2 * 4096; i < len(text); i++ {
			text[i] ^= 0x5a
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		says(t, start(t, dir), "the database "+path+" is damaged", "microblog doctor")
	})
}

type sqliteError int

func (e sqliteError) Error() string { return fmt.Sprintf("SQLite (%d)", int(e)) }
func (e sqliteError) Code() int     { return int(e) }

func TestExplain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := settings(t, dir, nil)
	noSpace := &fs.PathError{Op: "write", Path: filepath.Join(dir, "data", "run", "x.running"), Err: syscall.ENOSPC}
	for name, tt := range map[string]struct {
		err  error
		text string
	}{
		"a full disk":                   {noSpace, "the disk of the directory " + filepath.Join(dir, "data", "run") + " is full"},
		"a full disk without a path":    {syscall.ENOSPC, "the disk of the directory " + filepath.Join(dir, "data") + " is full"},
		"a full disk under SQLite":      {sqliteError(13), "the disk of the directory " + filepath.Join(dir, "data") + " is full"},
		"a damaged database":            {sqliteError(11 | 3<<8), filepath.Join(dir, "data", "microblog.db") + " is damaged"},
		"a path with a file for others": {syscall.ENOTDIR, "not a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := app.Explain(cfg, fmt.Errorf("starting: %w", tt.err))
			if !strings.Contains(got.Error(), tt.text) || !errors.Is(got, tt.err) {
				t.Errorf("got %q, want %q", got, tt.text)
			}
		})
	}
	if app.Explain(cfg, nil) != nil || app.Explain(cfg, context.Canceled) != context.Canceled {
		t.Error("what needs no words got some")
	}
}
