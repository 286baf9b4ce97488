package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.org/microblog/fault/internal/smtptest"
	"example.org/microblog/fault/outbox"
)

// files are the contents of all files below dir.
func files(t testing.TB, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		fmt.Fprintf(&all, "== %s\n%s\n", path, content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

func TestPutIsIdempotent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := smtptest.Start(t, smtptest.Options{Pipe: true})
		options := outbox.Options{Dir: t.TempDir(), Server: outbox.Server{Dial: s.Dial}}
		o, other := open(t, s, options), open(t, s, options)
		first := letter(1)
		first.MessageID = ""
		put(t, o, first, first, letter(1))
		put(t, other, first)
		if status := o.Status(); status.Waiting != 1 {
			t.Fatalf("%+v", status)
		}
		stop := run(t, o)
		outcome := settledWithin(t, o, 1, time.Minute)["mail-1"]
		stop()
		put(t, o, first) // settled
		if err := o.Forget("mail-1", "unknown"); err != nil {
			t.Fatal(err)
		}
		if outcomes, err := other.Settled(); err != nil || len(outcomes) != 0 {
			t.Errorf("forgotten: %v, %v", outcomes, err)
		}
		put(t, other, first) // forgotten
		time.Sleep(7*day - time.Hour)
		run(t, o)
		synctest.Wait()
		put(t, o, first)
		synctest.Wait()
		if n := len(s.Mails()); n != 1 {
			t.Fatalf("%d mails", n)
		}
		if id := parse(t, s.Mails()[0]).Header.Get("Message-Id"); id != "<"+outcome.MessageID+">" {
			t.Errorf("Message-ID %s, but the outcome has %s", id, outcome.MessageID)
		}
		time.Sleep(2*time.Hour + time.Minute)
		put(t, o, first) // a new one
		settledWithin(t, o, 1, time.Minute)
		if n := len(messageIDs(t, s.Mails())); n != 2 {
			t.Errorf("%d mails", n)
		}
	})
}

func TestPutRace(t *testing.T) {
	t.Parallel()
	s := smtptest.Start(t, smtptest.Options{})
	options := outbox.Options{Dir: t.TempDir(), Server: outbox.Server{Port: s.Port()}}
	var boxes []*outbox.Outbox
	for range 3 {
		o := open(t, s, options)
		boxes = append(boxes, o)
		run(t, o)
	}
	const n = 30
	var all sync.WaitGroup
	for _, o := range boxes {
		all.Go(func() {
			for i := range n {
				if err := o.Put(context.Background(), letter(i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	settled(t, boxes[0], n)
	if ids := messageIDs(t, s.Mails()); len(ids) != n || len(s.Mails()) != n {
		t.Errorf("%d different mails, %d in all", len(ids), len(s.Mails()))
	}
}

// Several processes deliver from one directory: each mail goes out once.
func TestSharedDirectory(t *testing.T) {
	t.Parallel()
	s := smtptest.Start(t, smtptest.Options{Fault: smtptest.Always(smtptest.End, smtptest.Fault{Wait: 3 * time.Millisecond})})
	options := outbox.Options{Dir: t.TempDir(), Server: outbox.Server{Port: s.Port()}}
	first := open(t, s, options)
	const n = 60
	for i := range n {
		put(t, first, letter(i))
	}
	for range 3 {
		run(t, open(t, s, options))
	}
	for key, outcome := range settled(t, first, n) {
		if !outcome.Delivered || outcome.Attempts != 1 {
			t.Errorf("%s: %+v", key, outcome)
		}
	}
	if ids := messageIDs(t, s.Mails()); len(ids) != n || len(s.Mails()) != n {
		t.Errorf("%d different mails, %d in all", len(ids), len(s.Mails()))
	}
	used := map[int]bool{}
	for _, m := range s.Mails() {
		used[m.Conn] = true
	}
	if len(used) < 2 {
		t.Error("only one of them delivered")
	}
}

func TestFull(t *testing.T) {
	t.Parallel()
	s := smtptest.Start(t, smtptest.Options{})
	dir := t.TempDir()
	options := outbox.Options{Dir: dir, MaxBytes: 10_000}
	o, other := open(t, s, options), open(t, s, options)
	n := 0
	var err error
	for ; n < 100 && err == nil; n++ {
		err = o.Put(context.Background(), letter(n))
	}
	if !errors.Is(err, outbox.ErrFull) || n < 10 {
		t.Fatalf("after %d: %v", n, err)
	}
	contains(t, "the error", err.Error(), dir, "10000 bytes are allowed")
	if err := other.Put(context.Background(), letter(1000)); !errors.Is(err, outbox.ErrFull) {
		t.Errorf("another process: %v", err)
	}
	if status := o.Status(); status.Bytes > 10_000 || status.Bytes < 9_000 || status.Waiting != n-1 || status.MaxBytes != 10_000 {
		t.Errorf("%+v", status)
	}
	put(t, o, letter(0)) // is there already
	run(t, o)
	settled(t, o, n-1)
	put(t, o, letter(n))
	settled(t, o, n)
}

func TestInvalidMails(t *testing.T) {
	t.Parallel()
	o := open(t, nil, outbox.Options{Server: outbox.Server{Host: "mail.example.org"}})
	tests := []struct {
		name   string
		change func(*outbox.Mail)
		says   string
	}{
		{"no key", func(m *outbox.Mail) { m.Key = "" }, "key"},
		{"long key", func(m *outbox.Mail) { m.Key = strings.Repeat("k", 129) }, "key"},
		{"path as key", func(m *outbox.Mail) { m.Key = "../../etc/passwd" }, `"../../etc/passwd"`},
		{"key with a line break", func(m *outbox.Mail) { m.Key = "a\n" }, `"a\n"`},
		{"long class", func(m *outbox.Mail) { m.Class = strings.Repeat("c", 65) }, "class"},
		{"no recipient", func(m *outbox.Mail) { m.To = nil }, "0 recipients"},
		{"too many", func(m *outbox.Mail) { m.To = make([]mail.Address, 101) }, "101 recipients"},
		{"no sender", func(m *outbox.Mail) { m.From.Address = "" }, "sender"},
		{"header in the sender", func(m *outbox.Mail) { m.From.Address = "a@example.org\r\nBcc: b@example.org" }, "control character"},
		{"command in a recipient", func(m *outbox.Mail) { m.To[0].Address = "a@example.org>\r\nRCPT TO:<b@example.org" }, "control character"},
		{"bracket in a recipient", func(m *outbox.Mail) { m.To[0].Address = "a@example.org> SIZE=1" }, "no e-mail address"},
		{"no address", func(m *outbox.Mail) { m.To[0].Address = "admin" }, `"admin" is no e-mail address`},
		{"two addresses", func(m *outbox.Mail) { m.To[0].Address = "a@example.org, b@example.org" }, "no e-mail address"},
		{"long address", func(m *outbox.Mail) { m.To[0].Address = strings.Repeat("a", 250) + "@example.org" }, "262 bytes"},
		{"message ID with brackets", func(m *outbox.Mail) { m.MessageID = "<a@b>" }, "without <>"},
		{"message ID with a line break", func(m *outbox.Mail) { m.MessageID = "a@b\nX: y" }, "message ID"},
		{"long message ID", func(m *outbox.Mail) { m.MessageID = strings.Repeat("a", 250) + "@b" }, "at most 250"},
		{"its own Subject", func(m *outbox.Mail) { m.Header = map[string]string{"sUBJECT": "x"} }, `"sUBJECT" cannot be set`},
		{"its own Content-Type", func(m *outbox.Mail) { m.Header = map[string]string{"Content-Type": "x"} }, "cannot be set"},
		{"header name with a line break", func(m *outbox.Mail) { m.Header = map[string]string{"X\r\nBcc": "x"} }, "cannot be set"},
		{"header name with a colon", func(m *outbox.Mail) { m.Header = map[string]string{"X:": "x"} }, "cannot be set"},
		{"too big", func(m *outbox.Mail) { m.Text = strings.Repeat("0123456789", 1<<20+1) }, "bytes long"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := letter(1)
			tt.change(&m)
			err := o.Put(context.Background(), m)
			if !errors.Is(err, outbox.ErrInvalid) {
				t.Fatal(err)
			}
			contains(t, "the error", err.Error(), tt.says)
			if len(err.Error()) > 1000 || strings.ContainsAny(err.Error(), "\r\n") {
				t.Errorf("the error is %q", err)
			}
		})
	}
	t.Cleanup(func() {
		if status := o.Status(); status.Waiting != 0 {
			t.Errorf("%+v", status)
		}
	})
}

func TestInvalidOptions(t *testing.T) {
	t.Parallel()
	server := outbox.Server{Host: "mail.example.org"}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		options outbox.Options
		says    string
	}{
		"no directory":     {outbox.Options{Server: server}, "no directory"},
		"a file":           {outbox.Options{Dir: file, Server: server}, file},
		"no server":        {outbox.Options{Dir: t.TempDir()}, "MAIL_SERVER"},
		"impossible port":  {outbox.Options{Dir: t.TempDir(), Server: outbox.Server{Host: "x", Port: 70000}}, "MAIL_PORT is 70000"},
		"impossible TLS":   {outbox.Options{Dir: t.TempDir(), Server: outbox.Server{Host: "x", TLS: 7}}, "TLSMode(7)"},
		"EHLO with a line": {outbox.Options{Dir: t.TempDir(), Server: outbox.Server{Host: "x", HELO: "a\r\nQUIT"}}, "EHLO"},
	} {
		if _, err := outbox.Open(tt.options); err == nil {
			t.Errorf("%s: no error", name)
		} else {
			contains(t, name, err.Error(), tt.says)
		}
	}
}

func TestListAndInspect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		if status, entries, err := outbox.Inspect(filepath.Join(t.TempDir(), "none")); err != nil || status.Waiting != 0 || entries != nil {
			t.Errorf("a missing directory: %+v %v %v", status, entries, err)
		}
		s := smtptest.Start(t, smtptest.Options{Pipe: true, Fault: smtptest.Any(
			smtptest.Recipient("no@example.org", smtptest.Fault{Reply: "550 no"}),
			smtptest.Recipient("later@example.org", smtptest.Fault{Reply: "451 later"}))})
		dir := t.TempDir()
		o := open(t, s, outbox.Options{Dir: dir, Server: outbox.Server{Dial: s.Dial}})
		start := time.Now()
		put(t, o, letter(1))
		time.Sleep(time.Second)
		put(t, o, letter(2, "no@example.org"))
		time.Sleep(time.Second)
		put(t, o, letter(3, "later@example.org"))
		run(t, o)
		settledWithin(t, o, 2, time.Second)
		synctest.Wait()
		want := "mail-3 waiting 1, mail-1 delivered 1, mail-2 given up 1"
		for name, list := range map[string]func() (outbox.Status, []outbox.Entry, error){
			"from inside":  func() (outbox.Status, []outbox.Entry, error) { e, err := o.List(); return o.Status(), e, err },
			"from outside": func() (outbox.Status, []outbox.Entry, error) { return outbox.Inspect(dir) },
		} {
			status, entries, err := list()
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range entries {
				got = append(got, fmt.Sprint(e.Key, " ", e.State, " ", e.Attempts))
				if e.Class != "failure" || e.Subject == "" || e.MessageID == "" || len(e.To) != 1 || e.Created.IsZero() || (e.State == outbox.Waiting) != e.Settled.IsZero() || (e.State == outbox.Waiting) != (e.Bytes > 0) {
					t.Errorf("%s: %+v", name, e)
				}
			}
			if text := strings.Join(got, ", "); text != want && text != "mail-3 waiting 1, mail-2 given up 1, mail-1 delivered 1" {
				t.Errorf("%s: %s", name, text)
			}
			if next := status.Next.Sub(start); status.Waiting != 1 || status.Delivered != 1 || status.GivenUp != 1 || !status.Oldest.Equal(start.Add(2*time.Second)) || next < 5*time.Second || next > 9*time.Second || status.Dir != dir || status.Bytes == 0 {
				t.Errorf("%s: %+v", name, status)
			}
			contains(t, name, status.LastError, "451 later")
		}
	})
}
