package cli

import (
	"context"
	"log/slog"
	"net/mail"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/crash"
	"example.org/microblog/fault/incident"
	"example.org/microblog/fault/journal"
	"example.org/microblog/fault/outbox"
	"example.org/microblog/fault/trace"
)

var quiet = slog.New(slog.DiscardHandler)

// failure is one that was captured at that time.
func failure(id byte, at time.Time, message string) *fault.Failure {
	return &fault.Failure{
		ID: fault.ID{id, 1: 42}, Time: at.UTC(), Kind: fault.KindError, Status: 500, Message: message,
		Causes:  fault.Cause{Type: "*errors.errorString", Message: message},
		Stack:   trace.Stack{{Function: "example.org/microblog/internal/web.(*Server).profile", File: "/src/internal/web/profile.go", Line: 43, App: true}},
		StackOf: fault.StackWrapped, Request: &fault.Request{Method: "GET", Route: "GET /user/{username}", URL: "/user/susan"}, User: "susan",
		Host: "host", PID: 1, Build: fault.Build{Module: "example.org/microblog", Go: "go1.26", ID: "0123456789ab"},
	}
}

// captured puts failures into the journal of dir, as a server that is gone has left them.
func captured(t *testing.T, dir string, failures ...*fault.Failure) {
	t.Helper()
	j, err := journal.Open(journal.Options{Dir: filepath.Join(dir, "data", "journal"), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range failures {
		if r := j.Record(t.Context(), f); !r.Durable {
			t.Fatal(r.Err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestDoctorJournal(t *testing.T) {
	t.Parallel()
	t.Run("waiting for long", func(t *testing.T) {
		t.Parallel()
		dir, _ := database(t)
		captured(t, dir, failure(1, time.Now().Add(-2*time.Hour), "no such table"), failure(2, time.Now(), "no such table"))
		e := doctorJSON(t, dir, nil)
		e.expect(t, "journal", warning, "not counted yet: 2 failures", "the oldest 2 hours ago", "start it")
	})
	t.Run("just captured", func(t *testing.T) {
		t.Parallel()
		dir, _ := database(t)
		captured(t, dir, failure(1, time.Now(), "no such table"))
		if err := os.Mkdir(filepath.Join(dir, "data", "incidents"), 0o700); err != nil {
			t.Fatal(err)
		}
		e := doctorJSON(t, dir, nil)
		e.expect(t, "journal", fine, "not counted yet: 1 failure,")
		if e.Books == nil || e.Books.Captured != 1 || e.Books.Waiting != 1 || !strings.HasPrefix(e.Books.Line, "captured 1 = ") {
			t.Errorf("books %+v", e.Books)
		}
	})
	t.Run("before there is a database", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		captured(t, dir, failure(1, time.Now(), "a crash at the first start"))
		e := doctorJSON(t, dir, nil)
		e.expect(t, "journal", fine, "not counted yet: 1 failure,")
		if e.Books == nil || e.Books.Captured != 1 || e.Books.Waiting != 1 {
			t.Errorf("books %+v", e.Books)
		}
	})
	t.Run("from the future", func(t *testing.T) {
		t.Parallel()
		dir, _ := database(t)
		captured(t, dir, failure(1, time.Now().Add(time.Hour), "no such table"))
		doctorJSON(t, dir, nil).expect(t, "clock", warning, "the newest record of the journal", "later")
	})
	t.Run("damaged", func(t *testing.T) {
		t.Parallel()
		dir, _ := database(t)
		captured(t, dir, failure(1, time.Now(), "one"), failure(2, time.Now(), "two"), failure(3, time.Now(), "three"))
		damaged := 0
		for _, name := range files(t, filepath.Join(dir, "data", "journal")) {
			text, err := os.ReadFile(name)
			if i := strings.Index(string(text), `"message":"two"`); err == nil && i >= 0 {
				copy(text[i:], "xxxxxxxxxxx")
				if err := os.WriteFile(name, text, 0o600); err != nil {
					t.Fatal(err)
				}
				damaged++
			}
		}
		if damaged != 1 {
			t.Skip("the journal does not write its records as they are")
		}
		e := doctorJSON(t, dir, nil)
		e.expect(t, "journal", warning, "are damaged")
		e.expect(t, "journal", fine, "not counted yet: 2 failures")
	})
	t.Run("a file in its place", func(t *testing.T) {
		t.Parallel()
		dir, _ := database(t)
		if err := os.WriteFile(filepath.Join(dir, "data", "journal"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		doctorJSON(t, dir, nil).expect(t, "journal", wrong, "is no directory")
	})
}

func TestDoctorOutbox(t *testing.T) {
	t.Parallel()
	put := func(t *testing.T, dir string, at time.Time) {
		t.Helper()
		o, err := outbox.Open(outbox.Options{Dir: filepath.Join(dir, "data", "outbox"), Server: outbox.Server{Host: "127.0.0.1"}, Logger: quiet, Now: func() time.Time { return at }})
		if err != nil {
			t.Fatal(err)
		}
		err = o.Put(t.Context(), outbox.Mail{Key: "first", Class: "failure", From: mail.Address{Address: "blog@example.org"}, To: []mail.Address{{Address: "ann@example.org"}}, Subject: "Test", Text: "Test\n"})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Run("waiting", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		put(t, dir, time.Now().Add(-3*time.Hour))
		m := (&mailServer{}).start(t)
		e := doctorJSON(t, dir, m.settings())
		e.expect(t, "outbox", warning, "1 mail waiting", "the oldest written 3 hours ago", "start it")
	})
	t.Run("without a server", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		put(t, dir, time.Now())
		doctorJSON(t, dir, nil).expect(t, "outbox", warning, "1 mail waiting", "MAIL_SERVER is not set")
	})
	t.Run("with an error", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		m := (&mailServer{answers: map[string]string{"MAIL": "451 4.3.0 try again later"}}).start(t)
		at := filepath.Join(dir, "data", "outbox")
		put(t, dir, time.Now())
		server := outbox.Server{Host: "127.0.0.1"}
		var err error
		if server.Port, err = strconv.Atoi(m.port); err != nil {
			t.Fatal(err)
		}
		o, err := outbox.Open(outbox.Options{Dir: at, Server: server, Logger: quiet})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- o.Run(ctx) }()
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			if all, err := o.List(); err == nil && len(all) == 1 && all[0].LastError != "" {
				break
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		doctorJSON(t, dir, m.settings()).expect(t, "outbox", warning, "1 mail waiting", "the next attempt in", "451 4.3.0 try again later", "four days")
	})
}

func TestDoctorCrashes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	run := filepath.Join(dir, "data", "run")
	w, err := crash.Watch(t.Context(), crash.Options{Dir: run, Logger: quiet, NoOutput: true})
	if err != nil {
		t.Fatal(err)
	}
	doctorJSON(t, dir, nil).expect(t, "crashes", fine, "running: process ", "started just now")

	// What is left when nobody closes it: the same marker, without the lock.
	for _, name := range files(t, run) {
		text, err := os.ReadFile(name)
		if err != nil || len(text) == 0 {
			continue
		}
		other := filepath.Join(run, fault.ID{7}.Full()+".running")
		if err := os.WriteFile(other, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	doctorJSON(t, dir, nil).expect(t, "crashes", warning, "1 process did not end by itself: process ", "makes an incident of each")
	if err := os.WriteFile(filepath.Join(run, fault.ID{7}.Full()+".output"), []byte("fatal error: all goroutines are asleep\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	doctorJSON(t, dir, nil).expect(t, "crashes", warning, "has left crash output")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// A handed source gives its failures once.
type handed struct {
	failures []*fault.Failure
	given    bool
	done     atomic.Int64
}

func (s *handed) Next(ctx context.Context, _ int) ([]fault.Captured, error) {
	if s.given {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	s.given = true
	var all []fault.Captured
	for i, f := range s.failures {
		all = append(all, fault.Captured{Failure: f, Count: 1, At: fault.Position{Stream: "test", Offset: int64(i + 1)}})
	}
	return all, nil
}

func (s *handed) Done(p fault.Position) error { s.done.Store(p.Offset); return nil }
func (s *handed) Rewind()                     {}
func (s *handed) Waiting() int64              { return int64(len(s.failures)) - s.done.Load() }

// counted counts failures in a book.
func counted(t *testing.T, o incident.Options, failures ...*fault.Failure) {
	t.Helper()
	from := &handed{failures: failures}
	o.Source, o.Logger = from, quiet
	book, err := incident.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- book.Run(ctx) }()
	for end := time.Now().Add(20 * time.Second); from.Waiting() > 0 && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
	}
	cancel()
	if err := <-done; err != nil || from.Waiting() > 0 {
		t.Fatalf("%d failures were not counted; %v", from.Waiting(), err)
	}
	if err := book.Close(); err != nil {
		t.Fatal(err)
	}
}

// Without the database, what was counted in the meantime can be seen, and nothing can be changed.
func TestIncidentsWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	counted(t, incident.Options{Dir: filepath.Join(dir, "data", "incidents")}, failure(1, time.Now(), "no such table"), failure(2, time.Now(), "no such table"))
	gone := map[string]string{"DATABASE_URL": "postgres://ann@127.0.0.1:1/blog?sslmode=disable"}
	doctorJSON(t, dir, gone).expect(t, "incidents", skipped, "Counted without it: 1 incident: 1 new")
	list := command(t, dir, gone, "incidents")
	if list.code != 0 || !strings.Contains(list.out, "no such table") || !strings.Contains(list.err, "connection refused") || !strings.Contains(list.err, "only what was counted while the database was gone") {
		t.Fatalf("%+v", list)
	}
	show := command(t, dir, gone, "incidents", "show", failure(1, time.Now(), "").ID.String())
	if show.code != 0 || !strings.Contains(show.out, "2 failures") {
		t.Errorf("%+v", show)
	}
	if r := command(t, dir, gone, "incidents", "resolve", failure(1, time.Now(), "").ID.String()); r.code != 1 || !strings.Contains(r.err, "connection refused") || r.out != "" {
		t.Errorf("%+v", r)
	}
}
