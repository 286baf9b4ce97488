package journal_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/journal"
	"example.org/microblog/fault/trace"
)

// keeper is a Recorder that keeps the last failure, to take it from there.
type keeper struct{ last *fault.Failure }

func (k *keeper) Record(_ context.Context, f *fault.Failure) fault.Receipt {
	k.last = f
	return fault.Receipt{Durable: true}
}

// sample returns a failure as a Catcher makes it of a browser's request.
var sample = sync.OnceValue(func() *fault.Failure {
	k := &keeper{}
	c := fault.New(fault.Options{Recorder: k, Logger: slog.New(slog.DiscardHandler), Module: "example.org/microblog"})
	h := c.Handle(func(_ http.ResponseWriter, r *http.Request) error {
		trace.Note(r.Context(), trace.Step{Time: time.Now(), Kind: "sql", Text: "SELECT id, username, about FROM users WHERE username = $1", Args: []string{"susan"}})
		return trace.Wrap(fmt.Errorf("row 4711: %w", errors.New("row is damaged")), "reading the profile")
	})
	r := httptest.NewRequest(http.MethodPost, "/user/susan?page=2", strings.NewReader("about_me=x"))
	for name, value := range map[string]string{
		"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36",
		"Accept":     "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", "Accept-Language": "en-GB,en;q=0.9,de;q=0.8",
		"Accept-Encoding": "gzip, deflate, br, zstd", "Referer": "http://127.0.0.1:5000/index", "Sec-Fetch-Site": "same-origin",
	} {
		r.Header.Set(name, value)
	}
	c.Middleware(h).ServeHTTP(httptest.NewRecorder(), r.WithContext(trace.Begin(r.Context())))
	return k.last
})

// failure returns one of its own, told apart by its message.
func failure(message string) *fault.Failure {
	f := *sample()
	f.Message = message
	f.Time = time.Now().UTC().Round(0)
	return &f
}

func openJournal(t testing.TB, o journal.Options) *journal.Journal {
	t.Helper()
	return openOn(t, o, &journal.FaultyDisk{})
}

func openOn(t testing.TB, o journal.Options, d *journal.FaultyDisk) *journal.Journal {
	t.Helper()
	j, err := journal.OpenOn(o, d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() }) // It may be closed already.
	return j
}

// record records a failure that must become durable.
func record(t testing.TB, j *journal.Journal, message string) {
	t.Helper()
	if r := j.Record(t.Context(), failure(message)); !r.Durable || r.Err != nil {
		t.Fatalf("recording %s: %+v", message, r)
	}
}

// atOnce is a context that ends when Next begins to wait.
type atOnce struct {
	context.Context
	asked bool
}

func (c *atOnce) Err() error {
	if !c.asked {
		c.asked = true
		return nil
	}
	return context.DeadlineExceeded
}

func (c *atOnce) Done() <-chan struct{} {
	ended := make(chan struct{})
	close(ended)
	return ended
}

// drain returns what there is at the time.
func drain(t testing.TB, j *journal.Journal) []fault.Captured {
	t.Helper()
	var all []fault.Captured
	for {
		got, err := j.Next(&atOnce{Context: t.Context()}, 100)
		if errors.Is(err, context.DeadlineExceeded) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, got...)
	}
}

func messages(all []fault.Captured) []string {
	var m []string
	for _, c := range all {
		m = append(m, c.Failure.Message)
	}
	return m
}

// journalFiles returns the files of a journal's streams that end in suffix.
func journalFiles(t testing.TB, dir, suffix string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*", "*"+suffix))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}
