package e2e

import (
	"context"
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// A failure is mailed to all administrators at once, under the ID on the page, which says that they were notified; a
// second failure of the same kind is not.
func TestErrorMail(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, databaseURL string) {
		office := openPostOffice(t)
		s := start(t, options{args: []string{"--drill"}, settings: mailSettings(office.addr, settings{
			"DATABASE_URL": databaseURL, "BASE_URL": "https://blog.example.org",
		})})
		c := s.client(t)
		r := c.get("/drill/wrapped").want(http.StatusInternalServerError).says("The administrator has been notified.")
		id := r.header.Get("Fault-Id")
		l := office.wait(t, "the mail of the failure", func(l letter) bool { return l.fault == id })
		if !strings.HasPrefix(l.subject, "[Microblog Failure] GET /drill/wrapped") {
			t.Errorf("the subject is %q", l.subject)
		}
		if fmt.Sprint(l.to) != "[admin@example.com other@example.com]" || l.from != "microblog@example.com" {
			t.Errorf("it went from %s to %s", l.from, l.to)
		}
		for _, part := range []string{l.text, l.html} {
			for _, want := range []string{id, "internal/web/drill.go", "https://blog.example.org/admin/incidents/", "curl"} {
				if !strings.Contains(part, want) {
					t.Errorf("%q is not in\n%s", want, part)
				}
			}
		}
		// The lines around the frame come from the source that the binary carries.
		if !strings.Contains(l.text, "func ") {
			t.Errorf("there is no source in\n%s", l.text)
		}
		for range 3 {
			c.get("/drill/wrapped").want(http.StatusInternalServerError)
		}
		c.get("/drill/panic").want(http.StatusInternalServerError)
		second := office.wait(t, "the mail of the other failure", func(l letter) bool { return strings.Contains(l.subject, "/drill/panic") })
		if second.references == l.references {
			t.Errorf("two incidents share the thread %q", l.references)
		}
		if all := office.all(); len(all) != 2 {
			t.Errorf("two incidents made the mails %q", subjects(all))
		}
		if err := s.stop(); err != nil {
			t.Error(err)
		}
		// The stop notes what became of the last mail.
		if b := readBooks(t, s.logText()); b.captured != 5 || b.mailed != 2 || b.waiting != 3 {
			t.Errorf("%s; want 5 captured, 2 of them mailed and 3 waiting", b.line)
		}
	})
}

// Without MAIL_SERVER nobody is notified, and no page says so; under a supervisor neither.
func TestErrorMailOff(t *testing.T) {
	t.Parallel()
	office := openPostOffice(t)
	for name, set := range map[string]settings{
		"no mail server":     {},
		"under a supervisor": mailSettings(office.addr, settings{"FAULT_RUN": "1"}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{args: []string{"--drill"}, settings: set})
			r := s.client(t).get("/drill/error").want(http.StatusInternalServerError)
			if strings.Contains(r.body, "notified") {
				t.Errorf("the page says that somebody was notified:\n%s", r.body)
			}
			if err := s.stop(); err != nil {
				t.Error(err)
			}
			if b := readBooks(t, s.logText()); b.captured != 1 || !strings.Contains(b.line, "without mail 1") {
				t.Errorf("%s; want 1 captured, without mail", b.line)
			}
			if all := office.all(); len(all) != 0 {
				t.Errorf("mails came: %q", subjects(all))
			}
		})
	}
}

// A mail server that accepts and stays silent delays nobody: neither a request nor the stop. The mail is kept and comes once
// the settings name one that works.
func TestSilentMailServer(t *testing.T) {
	t.Parallel()
	set := mailSettings(silentServer(t), nil)
	s := start(t, options{args: []string{"--drill"}, settings: set})
	c := s.client(t)
	started := time.Now()
	const requests = 50
	for range requests {
		c.get("/drill/wrapped").want(http.StatusInternalServerError).says("notified")
	}
	// The origin waits five seconds in each of them.
	if took := time.Since(started); took > requests*time.Second {
		t.Errorf("%d failing requests took %s", requests, took)
	}
	started = time.Now()
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(started); took > 20*time.Second {
		t.Errorf("the stop took %s", took)
	}
	if b := readBooks(t, s.logText()); b.captured != requests || b.waiting != requests {
		t.Errorf("%s; want all %d to wait", b.line, requests)
	}
	office := openPostOffice(t)
	start(t, options{dir: s.dir, settings: mailSettings(office.addr, nil)})
	office.wait(t, "the mail that waited", func(l letter) bool { return strings.Contains(l.subject, "/drill/wrapped") })
}

// A server that refuses for now is asked again with the same Message-ID.
func TestMailRefusedForNow(t *testing.T) {
	t.Parallel()
	office := openPostOffice(t)
	office.refusing(&smtp.SMTPError{Code: 451, Message: "come back later"})
	s := start(t, options{args: []string{"--drill"}, settings: mailSettings(office.addr, nil)})
	s.client(t).get("/drill/error").want(http.StatusInternalServerError)
	soon(t, "the refusal is in the log", func() error {
		if !strings.Contains(s.logText(), "come back later") {
			return fmt.Errorf("it is not in it")
		}
		return nil
	})
	office.refusing(nil)
	office.wait(t, "the mail, at the next attempt", func(l letter) bool { return strings.Contains(l.subject, "/drill/error") })
}

// The process ends by a stray goroutine, or by SIGKILL: the next start mails it.
func TestCrashIsMailed(t *testing.T) {
	t.Parallel()
	office := openPostOffice(t)
	set := mailSettings(office.addr, nil)
	o := options{args: []string{"--drill"}, settings: set, anyEnd: true, dir: t.TempDir()}
	s := start(t, o)
	_, _ = s.client(t).try("POST", "/drill/goroutine", url.Values{}, nil)
	s.waitEnd(t)
	s = start(t, o)
	l := office.wait(t, "the mail of the crash", func(l letter) bool { return strings.Contains(l.text, "goroutine") })
	if !strings.Contains(l.text, "internal/web/drill.go") {
		t.Errorf("the mail does not say where it was:\n%s", l.text)
	}
	if !strings.Contains(s.logText(), "CRITICAL") {
		t.Errorf("the log of the next start does not tell the crash:\n%s", s.logText())
	}
	// A kill may come between a mail's delivery and its note: then it is sent again, as the same one.
	mails := func() int {
		ids := map[string]bool{}
		for _, l := range office.all() {
			ids[l.id] = true
		}
		return len(ids)
	}
	before := mails()
	s.signal(t, syscall.SIGKILL)
	s.waitEnd(t)
	s = start(t, o)
	soon(t, "the mail of the kill", func() error {
		if n := mails(); n != before+1 {
			return fmt.Errorf("%d mails: %q", n, subjects(office.all()))
		}
		return nil
	})
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	s = start(t, o)
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if b := s.books(t); b.captured != 2 {
		t.Errorf("%s; want the crash and the kill, each once, and no clean stop", b.line)
	}
}

// The database is what fails: after two seconds the failures are mailed without it, and when it is back the books are right.
func TestMailWithoutDatabase(t *testing.T) {
	t.Parallel()
	db := postgres(t)
	line := through(t, db)
	office := openPostOffice(t)
	s := start(t, options{args: []string{"--drill"}, settings: mailSettings(office.addr, settings{"DATABASE_URL": line.url})})
	c := s.client(t)
	c.get("/drill/error").want(http.StatusInternalServerError)
	office.wait(t, "the mail while all is well", func(l letter) bool { return strings.Contains(l.subject, "/drill/error") })
	line.cut()
	const each = 5
	for range each {
		c.get("/drill/panic").want(http.StatusInternalServerError)
	}
	office.wait(t, "the mail without the database", func(l letter) bool { return strings.Contains(l.subject, "/drill/panic") })
	line.restore(t)
	c.get("/drill/panic").want(http.StatusInternalServerError)
	soon(t, "the books are right again", func() error {
		if b := s.books(t); b.captured != each+2 || b.mailed < 2 {
			return fmt.Errorf("%s; want %d captured", b.line, each+2)
		}
		return nil
	})
	threads := firsts(office.all())
	if len(threads) != 2 {
		t.Errorf("%d threads: %q", len(threads), subjects(office.all()))
	}
}

// Values that are secret turn up nowhere: not in a page, a log, the journal, an incident, the outbox or a mail.
func TestCanaries(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, databaseURL string) {
		canaries := map[string]string{
			"SECRET_KEY":    "canary-key-5Jq0xW7m2R",
			"MAIL_PASSWORD": "canary/mail+8Zt4&kP1v",
			"a password":    "canary-pass-3Lw9 nB6s",
			"a token":       "canary-token-6Yh2cD8u",
			"an API key":    "canary-apikey-1Gf7eA4j",
		}
		office := openPostOffice(t)
		set := mailSettings(office.addr, settings{
			"DATABASE_URL": databaseURL, "SECRET_KEY": canaries["SECRET_KEY"],
			"MAIL_USERNAME": "postman", "MAIL_PASSWORD": canaries["MAIL_PASSWORD"],
		})
		delete(set, "MAIL_USERNAME") // the office asks for no password; it is a secret all the same
		s := start(t, options{args: []string{"--drill"}, settings: set})
		c := s.person(t, "bird")
		canaries["the session"] = c.cookie("session")
		if len(canaries["the session"]) < 16 {
			t.Fatalf("the session is %q", canaries["the session"])
		}
		header := http.Header{
			"Authorization": {"Bearer " + canaries["a token"]},
			"X-Api-Key":     {canaries["an API key"]},
			"X-Note":        {"the key is " + canaries["SECRET_KEY"] + ", or " + base64.StdEncoding.EncodeToString([]byte(canaries["SECRET_KEY"]))},
			"Referer":       {"http://x.example/?token=" + url.QueryEscape(canaries["a token"])},
		}
		for _, path := range drills {
			r, err := c.try("POST", path+"?password="+url.QueryEscape(canaries["a password"])+"&q="+url.QueryEscape(canaries["MAIL_PASSWORD"])+
				"&s="+canaries["the session"], form("password", canaries["a password"], "note", canaries["SECRET_KEY"]), header)
			if err != nil {
				t.Fatal(err)
			}
			checkCanaries(t, "the page of "+path, r.body, canaries)
		}
		soon(t, "the mails", func() error {
			if n := len(office.all()); n < len(drills) {
				return fmt.Errorf("%d of %d", n, len(drills))
			}
			return nil
		})
		if stdout, _, code := run(t, s.dir, set, "", "user", "admin", c.name); code != 0 {
			t.Fatal(stdout)
		}
		checkCanaries(t, "the doctor", first(run(t, s.dir, set, "", "doctor")), canaries)
		list := c.get("/admin/incidents").want(http.StatusOK)
		checkCanaries(t, "the list of incidents", list.body, canaries)
		pages := regexp.MustCompile(`/admin/incidents/[0-9A-Z]{13}`).FindAllString(list.body, -1)
		if len(pages) < len(drills) {
			t.Errorf("%d incidents are listed", len(pages))
		}
		for _, page := range pages {
			checkCanaries(t, page, c.get(page).want(http.StatusOK).body, canaries)
			checkCanaries(t, "microblog incidents show", first(run(t, s.dir, set, "", "incidents", "show", "--json", filepath.Base(page))), canaries)
		}
		for _, l := range office.all() {
			checkCanaries(t, "the mail "+l.subject, l.source+l.text+l.html, canaries)
		}
		s.signal(t, syscall.SIGKILL) // so that nothing is tidied up
		s.opts.anyEnd = true
		s.waitEnd(t)
		err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			checkCanaries(t, strings.TrimPrefix(path, s.dir), string(text), canaries)
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func first(stdout, _ string, _ int) string { return stdout }

// checkCanaries looks for secrets in a text, as they are and in the forms they take on their way.
func checkCanaries(t testing.TB, where, text string, canaries map[string]string) {
	t.Helper()
	for name, secret := range canaries {
		for form, spelled := range map[string]string{
			"as it is": secret, "for an address": url.QueryEscape(secret), "in a path": url.PathEscape(secret),
			"in base64": base64.StdEncoding.EncodeToString([]byte(secret)), "in base64 without padding": base64.RawURLEncoding.EncodeToString([]byte(secret)),
		} {
			if i := strings.Index(text, spelled); i >= 0 {
				t.Errorf("%s, %s, is in %s: …%q…", name, form, where, text[max(0, i-80):min(len(text), i+len(spelled)+20)])
			}
		}
	}
}

// The debugging mail server of the kit takes the mails of the built binary, and the doctor tells each step of its way.
func TestMailboxAndDoctor(t *testing.T) {
	t.Parallel()
	fault := faultCommand(t)
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	cmd := exec.CommandContext(ctx, fault, "mailbox", "--smtp", "127.0.0.1:0", "--http", "127.0.0.1:0")
	said := newCapture()
	cmd.Stdout, cmd.Stderr = said, said
	dieWithUs(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	defer func() { _ = cmd.Process.Kill(); <-ended }()
	address := regexp.MustCompile(`127\.0\.0\.1:\d+`)
	text, err := said.wait(ctx, ended, func(text string) bool { return len(address.FindAllString(text, -1)) >= 2 })
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	set := mailSettings(address.FindString(text), settings{"MAIL_SERVER": "localhost"})
	dir := t.TempDir()
	if _, stderr, code := run(t, dir, set, "", "migrate"); code != 0 {
		t.Fatal(stderr)
	}
	stdout, stderr, code := run(t, dir, set, "", "doctor", "--send")
	if code != 0 {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	for _, step := range []string{"resolve", "connect", "sender", "recipient", "DATA"} {
		if !strings.Contains(stdout, step) {
			t.Errorf("the step %q is not told:\n%s", step, stdout)
		}
	}
	if text, err := said.wait(ctx, ended, func(text string) bool { return strings.Contains(text, "admin@example.com") }); err != nil {
		t.Errorf("the mailbox shows no mail: %v\n%s", err, text)
	}
}
