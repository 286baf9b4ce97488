package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"example.org/microblog/internal/store"
	"example.org/microblog/internal/store/sqlite"
)

func openMigrated(t *testing.T, path string) *store.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestOpenOddNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a b.db", "ünï.db", "100%.db", "%41.db", "a#b.db", "a&b=c.db", "file:x.db", "a?mode=memory"} {
		if runtime.GOOS == "windows" && strings.ContainsAny(name, ":?") {
			continue
		}
		dir := t.TempDir()
		s := openMigrated(t, filepath.Join(dir, name))
		if err := s.Ready(t.Context()); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), name) {
				t.Errorf("%q: made the file %q", name, e.Name())
			}
			if info, err := e.Info(); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
				t.Errorf("%q: %s has mode %v, %v", name, e.Name(), info.Mode(), err)
			}
		}
	}
}

func TestOpenRelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	openMigrated(t, "microblog.db")
	if _, err := os.Stat("microblog.db"); err != nil {
		t.Error(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := filepath.Join(dir, "text.db")
	if err := os.WriteFile(text, bytes.Repeat([]byte("This is no database. "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	damaged := filepath.Join(dir, "damaged.db")
	openMigrated(t, damaged).Close()
	data, err := os.ReadFile(damaged)
	if err != nil {
		t.Fatal(err)
	}
	copy(data[100:], bytes.Repeat([]byte{0xff}, 1000)) // the schema's page, behind the header
	if err := os.WriteFile(damaged, data, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, path, says string
		is               error
	}{
		{name: "empty", path: "", says: "not the path of a file"},
		{name: "memory", path: ":memory:", says: "not the path of a file"},
		{name: "no directory", path: filepath.Join(dir, "none", "x.db"), says: "directory does not exist", is: fs.ErrNotExist},
		{name: "a directory", path: dir, says: "is a directory"},
		{name: "damaged", path: damaged, says: "damaged; restore a backup"},
		{name: "a text", path: text, says: "not an SQLite database"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := sqlite.Open(t.Context(), c.path, sqlite.Options{})
			if err == nil {
				s.Close()
				t.Fatal("opened")
			}
			if !strings.Contains(err.Error(), c.says) || c.path != "" && !strings.Contains(err.Error(), c.path) {
				t.Errorf("error %q does not say %q and where", err, c.says)
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("error %v is not %v", err, c.is)
			}
		})
	}
	if kept, err := os.ReadFile(text); err != nil || !bytes.HasPrefix(kept, []byte("This is no database.")) {
		t.Errorf("the text was overwritten: %q, %v", kept[:20], err)
	}
}

// Whoever was told that something is stored finds it after the process was
// killed, and the settings say that a power cut would not change that.
func TestDurable(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "microblog.db")
	s := openMigrated(t, path)
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "foreign_keys": "1"} {
		var got string
		if err := s.Writer().QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s = %s, %v; want %s", pragma, got, err, want)
		}
	}
	u, err := s.CreateUser(t.Context(), store.NewUser{Username: "susan", Email: "susan@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	// What is on the disk while the first store is still open, as after a kill.
	copied := filepath.Join(t.TempDir(), "microblog.db")
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(copied+suffix, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := openMigrated(t, copied).UserByID(t.Context(), u.ID); err != nil || got.Username != "susan" {
		t.Errorf("after a kill: %+v, %v", got, err)
	}
}

// A full disk is not a fault of the program: trying again later may help, and
// reading goes on.
func TestFull(t *testing.T) {
	t.Parallel()
	s := openMigrated(t, filepath.Join(t.TempDir(), "microblog.db"))
	u, err := s.CreateUser(t.Context(), store.NewUser{Username: "susan", Email: "susan@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	limit := func(pages string) {
		t.Helper()
		if _, err := s.Writer().ExecContext(t.Context(), "PRAGMA max_page_count = "+pages); err != nil {
			t.Fatal(err)
		}
	}
	limit("1") // as many as there are
	for range 1000 {
		if _, _, err = s.CreatePost(t.Context(), u.ID, strings.Repeat("x", 1000), ""); err != nil {
			break
		}
	}
	if !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("on a full disk: %v", err)
	}
	before, err := s.UserByID(t.Context(), u.ID)
	if err != nil {
		t.Errorf("reading: %v", err)
	}
	limit("1000000")
	if _, _, err := s.CreatePost(t.Context(), u.ID, "there is room again", ""); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	posts, err := s.PostsBy(t.Context(), u.ID, store.Page{Limit: 100})
	if err != nil || int64(len(posts.Items)) != before.PostCount+1 {
		t.Errorf("%d posts, %v; %d were counted before the last", len(posts.Items), err, before.PostCount)
	}
}

// A file that somebody else has locked is opened when they are done.
func TestOpenWaits(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "microblog.db")
	other, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	conn, err := other.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), "BEGIN EXCLUSIVE; CREATE TABLE x (y)"); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(50*time.Millisecond, func() { _, _ = conn.ExecContext(context.Background(), "COMMIT") })
	defer timer.Stop()
	openMigrated(t, path)
}
