package outbox_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/microblog/fault/internal/smtptest"
	"example.org/microblog/fault/outbox"
)

// quickRetry is for tests with a real clock. There are no quick timeouts: this machine may be slow.
var quickRetry = outbox.Retry{First: 5 * time.Millisecond, Max: 20 * time.Millisecond}

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

func (l *logged) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// open opens an outbox for the server, with what is missing in o filled in for a test.
func open(t testing.TB, s *smtptest.Server, o outbox.Options) *outbox.Outbox {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	if o.Server.Host == "" {
		o.Server.Host = "127.0.0.1"
	}
	if o.Server.Port == 0 && s != nil && o.Server.Dial == nil {
		o.Server.Port = s.Port()
	}
	if o.Retry == (outbox.Retry{}) && o.Server.Dial == nil {
		o.Retry = quickRetry
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	ob, err := outbox.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return ob
}

// run runs it until the test, or stop, ends it. stop returns how long that took.
func run(t testing.TB, o *outbox.Outbox) (stop func() time.Duration) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- o.Run(ctx) }()
	var took time.Duration
	stop = sync.OnceValue(func() time.Duration {
		start := time.Now()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		took = time.Since(start)
		return took
	})
	t.Cleanup(func() { stop() })
	return stop
}

// letter is the nth mail of a test.
func letter(n int, to ...string) outbox.Mail {
	if len(to) == 0 {
		to = []string{"admin@example.org"}
	}
	m := outbox.Mail{
		Key: fmt.Sprintf("mail-%d", n), Class: "failure", MessageID: fmt.Sprintf("mail-%d@example.org", n),
		From:    mail.Address{Name: "Microblog", Address: "no-reply@example.org"},
		Subject: fmt.Sprintf("Failure %d", n), Text: fmt.Sprintf("It failed for the %dth time.\n.\nAnd a dot.\n", n),
	}
	for _, a := range to {
		m.To = append(m.To, mail.Address{Address: a})
	}
	return m
}

func put(t testing.TB, o *outbox.Outbox, mails ...outbox.Mail) {
	t.Helper()
	for _, m := range mails {
		if err := o.Put(context.Background(), m); err != nil {
			t.Fatalf("Put: %v", err)
		}
	}
}

// settled waits until n mails are settled.
func settled(t testing.TB, o *outbox.Outbox, n int) map[string]outbox.Outcome {
	t.Helper()
	return settledWithin(t, o, n, 30*time.Second)
}

func settledWithin(t testing.TB, o *outbox.Outbox, n int, limit time.Duration) map[string]outbox.Outcome {
	t.Helper()
	deadline := time.After(limit)
	for {
		outcomes, err := o.Settled()
		if err != nil {
			t.Fatal(err)
		}
		if len(outcomes) >= n {
			byKey := map[string]outbox.Outcome{}
			for _, outcome := range outcomes {
				byKey[outcome.Key] = outcome
			}
			return byKey
		}
		select {
		case <-o.Changed():
		case <-time.After(limit / 600):
		case <-deadline:
			t.Fatalf("waited too long for %d outcomes; there are %v; status %+v", n, outcomes, o.Status())
		}
	}
}

// messageIDs counts how often each mail arrived, and checks that what arrived twice is the same.
func messageIDs(t testing.TB, mails []smtptest.Mail) map[string]int {
	t.Helper()
	count, seen := map[string]int{}, map[string][]byte{}
	for _, m := range mails {
		id := parse(t, m).Header.Get("Message-Id")
		count[id]++
		if before := seen[id]; before != nil && !bytes.Equal(before, m.Data) {
			t.Errorf("two different mails have the Message-ID %s", id)
		}
		seen[id] = m.Data
	}
	return count
}

func parse(t testing.TB, m smtptest.Mail) *mail.Message {
	t.Helper()
	parsed, err := mail.ReadMessage(bytes.NewReader(m.Data))
	if err != nil {
		t.Fatalf("the server got no mail: %v\n%s", err, m.Data)
	}
	return parsed
}

func contains(t testing.TB, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s lacks %q:\n%s", what, part, text)
		}
	}
}
