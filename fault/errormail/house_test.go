package errormail_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/errormail"
	"example.org/microblog/fault/incident"
	"example.org/microblog/fault/internal/smtptest"
	"example.org/microblog/fault/journal"
	"example.org/microblog/fault/outbox"
)

// house is all that a failure goes through, without SQL.
type house struct {
	journal *journal.Journal
	book    *incident.Book
	outbox  *outbox.Outbox
	mailer  *errormail.Mailer
	smtp    *smtptest.Server
	log     *logged
}

// setup is what tests change.
type setup struct {
	dir      string
	fault    func(smtptest.Moment) *smtptest.Fault
	policy   incident.Policy
	maxBytes int64
}

// logged is a log for tests.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// open opens everything in s.dir, and runs nothing yet.
func open(t *testing.T, s setup) *house {
	t.Helper()
	if s.dir == "" {
		s.dir = t.TempDir()
	}
	h := &house{log: &logged{}, smtp: smtptest.Start(t, smtptest.Options{Fault: s.fault})}
	logger := slog.New(slog.NewTextHandler(h.log, nil))
	h.journal = must(journal.Open(journal.Options{
		Dir: filepath.Join(s.dir, "journal"), Logger: logger, Notified: func() bool { return true },
	}))(t)
	h.book = must(incident.Open(incident.Options{
		Dir: filepath.Join(s.dir, "incidents"), Source: h.journal, Logger: logger, Mail: true, Policy: s.policy,
	}))(t)
	h.outbox = must(outbox.Open(outbox.Options{
		Dir: filepath.Join(s.dir, "outbox"), Logger: logger, MaxBytes: s.maxBytes,
		Retry: outbox.Retry{First: 10 * time.Millisecond, Max: 50 * time.Millisecond},
		Server: outbox.Server{Host: "127.0.0.1", Port: h.smtp.Port(), Timeouts: outbox.Timeouts{
			Connect: 5 * time.Second, Step: 2 * time.Second, Accept: 2 * time.Second, Attempt: 5 * time.Second}},
	}))(t)
	o := options()
	o.Book, o.Outbox, o.Logger, o.Retry = h.book, h.outbox, logger, 50*time.Millisecond
	o.BaseURL = ""
	h.mailer = must(errormail.New(o))(t)
	t.Cleanup(func() {
		if err := errors.Join(h.journal.Close(), h.book.Close()); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("log:\n%s", h.log)
		}
	})
	return h
}

// run runs everything until the test ends, or stop is called.
func (h *house) run(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for name, run := range map[string]func(context.Context) error{"book": h.book.Run, "outbox": h.outbox.Run, "mailer": h.mailer.Run} {
		wg.Go(func() {
			if err := run(ctx); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	stop = sync.OnceFunc(func() {
		cancel()
		ended := make(chan struct{})
		go func() { wg.Wait(); close(ended) }()
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			t.Error("something does not end")
		}
	})
	t.Cleanup(stop)
	return stop
}

func (h *house) record(t *testing.T, f *fault.Failure) {
	t.Helper()
	if r := h.journal.Record(t.Context(), f); !r.Durable || !r.Notified {
		t.Fatalf("%+v", r)
	}
}

// eventually waits until ok.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited too long for %s", what)
		}
	}
}

func (h *house) totals(t *testing.T) incident.Totals {
	t.Helper()
	return must(h.book.Totals(t.Context()))(t)
}

// letter is a mail as it was delivered.
type letter struct {
	mail.Header
	raw, text, html string
}

func read(t *testing.T, m smtptest.Mail) letter {
	t.Helper()
	msg := must(mail.ReadMessage(bytes.NewReader(m.Data)))(t)
	l := letter{Header: msg.Header, raw: string(m.Data)}
	kind, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("%q, %v", kind, err)
	}
	parts := multipart.NewReader(msg.Body, params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if err == io.EOF {
			return l
		}
		if err != nil {
			t.Fatal(err)
		}
		body := must(io.ReadAll(quotedprintable.NewReader(part)))(t)
		content := strings.ReplaceAll(string(body), "\r\n", "\n")
		switch kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type")); kind {
		case "text/plain":
			l.text = content
		case "text/html":
			l.html = content
		default:
			t.Errorf("a part %q", kind)
		}
	}
}

func (l letter) subject(t *testing.T) string {
	t.Helper()
	return must(new(mime.WordDecoder).DecodeHeader(l.Get("Subject")))(t)
}

// numbered is a failure of its own incident.
func numbered(n int) *fault.Failure {
	f := failure()
	f.ID[0], f.ID[1] = byte(n), byte(n>>8)
	f.Time = time.Now().UTC()
	f.Stack[0].Function = fmt.Sprintf("example.com/app/internal/store.(*Store).Query%d", n)
	return f
}
