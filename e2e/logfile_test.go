package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

func TestLogBegins(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	s.waitLogged(t)
	records := parseLog(t, "the log", s.logText())
	if len(records) == 0 || records[0].level != "INFO" || records[0].message != "Microblog startup" {
		t.Fatalf("the log begins %v, want Microblog startup", records)
	}
	for _, r := range records {
		if !regexp.MustCompile(`^(internal|cmd|fault)/[a-z/]+\.go:\d+$`).MatchString(r.place) {
			t.Errorf("a record without the place it comes from: %s", r.line)
		}
	}
	if strings.Contains(s.stdout.String(), "INFO") || s.stderr.String() != "" {
		t.Errorf("the log is on the terminal, which is none: %q %q", s.stdout.String(), s.stderr.String())
	}
	// Traffic is not in it.
	before := s.logText()
	for range 5 {
		s.client(t).get("/explore").want(http.StatusOK)
		s.client(t).get("/nothing").want(http.StatusNotFound)
	}
	if after := s.logText(); after != before {
		t.Errorf("requests that do not fail are in the log:\n%s", strings.TrimPrefix(after, before))
	}
}

// waitLogged waits until all of the start is in the log: what is below WARNING may take 50 ms.
func (s *server) waitLogged(t *testing.T) {
	t.Helper()
	soon(t, "waiting for the log", func() error {
		if !strings.Contains(s.logText(), "Microblog is listening url="+s.url) {
			return errors.New("it does not say where it listens")
		}
		return nil
	})
}

func TestAccessLog(t *testing.T) {
	t.Parallel()
	s := start(t, options{settings: settings{"TRUSTED_PROXIES": "127.0.0.1"}})
	c := s.person(t, "reader")
	size := len(c.get("/explore?x=1&password=hunter-two&token=abcdefgh").want(http.StatusOK).body)
	c.get("/nothing%0Ahere%20\"x").want(http.StatusNotFound)
	var lines []record
	soon(t, "waiting for the access log", func() error {
		text, err := os.ReadFile(s.path("logs", "access.log"))
		if err != nil {
			return err
		}
		lines = parseLog(t, "the access log", string(text))
		if !strings.Contains(string(text), "/nothing") {
			return errors.New("the last request is not there")
		}
		return nil
	})
	for _, r := range lines {
		if strings.Contains(r.line, "hunter-two") || strings.Contains(r.line, "abcdefgh") {
			t.Errorf("a secret is in the access log: %s", r.line)
		}
		if path := r.attrs["path"]; strings.HasPrefix(path, "/explore") {
			want := map[string]string{"method": "GET", "status": "200", "bytes": fmt.Sprint(size), "user": c.name}
			for key, value := range want {
				if r.attrs[key] != value {
					t.Errorf("%s=%s, want %s, in %s", key, r.attrs[key], value, r.line)
				}
			}
			if !strings.HasPrefix(path, "/explore?x=1&") {
				t.Errorf("path=%s, want it with its query", path)
			}
		}
		if r.attrs["ms"] == "" || r.attrs["request"] == "" || r.level != "INFO" {
			t.Errorf("a line that lacks something: %s", r.line)
		}
	}
}

func TestAccessLogElsewhere(t *testing.T) {
	t.Parallel()
	t.Run("off", func(t *testing.T) {
		t.Parallel()
		s := start(t, options{settings: settings{"ACCESS_LOG": "off"}})
		s.client(t).get("/explore").want(http.StatusOK)
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(s.path("logs", "access.log")); err == nil {
			t.Error("there is an access log")
		}
	})
	t.Run("stdout", func(t *testing.T) {
		t.Parallel()
		s := start(t, options{settings: settings{"ACCESS_LOG": "stdout"}})
		s.client(t).get("/explore").want(http.StatusOK)
		if _, err := s.stdout.wait(t.Context(), s.ended, func(text string) bool { return strings.Contains(text, "path=/explore") }); err != nil {
			t.Error(err)
		}
	})
}

// Somebody moves the log away and sends SIGHUP, as logrotate does.
func TestLogMovedAway(t *testing.T) {
	t.Parallel()
	s := start(t, options{args: []string{"--drill"}})
	c := s.client(t)
	log, away := s.path("logs", "microblog.log"), s.path("away.log")
	first := c.get("/drill/error").want(500).header.Get("Fault-Id")
	if err := os.Rename(log, away); err != nil {
		t.Fatal(err)
	}
	s.signal(t, syscall.SIGHUP)
	soon(t, "waiting for a new log", func() error {
		_, err := os.Stat(log)
		return err
	})
	second := c.get("/drill/error").want(500).header.Get("Fault-Id")
	old, err := os.ReadFile(away)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(old), first) || strings.Contains(string(old), second) {
		t.Errorf("the file that was moved away has not exactly what was logged before:\n%s", old)
	}
	if text := s.logText(); strings.Contains(text, first) || !strings.Contains(text, second) {
		t.Errorf("the new file has not exactly what was logged since:\n%s", text)
	}

	// It also works for those who forget the signal.
	if err := os.Remove(log); err != nil {
		t.Fatal(err)
	}
	third := c.get("/drill/error").want(500).header.Get("Fault-Id")
	if !strings.Contains(s.logText(), third) {
		t.Error("after the file was removed, nothing is logged any more")
	}
}

func TestLogAsJSON(t *testing.T) {
	t.Parallel()
	s := start(t, options{args: []string{"--drill"}, settings: settings{"LOG_FORMAT": "json", "LOG_TO_STDOUT": "1", "LOG_MAX_BYTES": "0"}})
	c := s.client(t)
	id := c.get("/drill/wrapped?x=%22%0A").want(500).header.Get("Fault-Id")
	soon(t, "waiting for the log on standard output", func() error {
		if !strings.Contains(s.stdout.String(), id) {
			return errors.New("the failure is not there")
		}
		return nil
	})
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	found := false
	for line := range strings.Lines(s.logText()) {
		var r struct {
			Time, Level, Msg, Fault string
			Source                  any
			Stack                   []string
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("a line that is not JSON: %v\n%s", err, line)
		}
		if r.Time == "" || r.Level == "" || r.Msg == "" || r.Source == nil {
			t.Errorf("a record that lacks something: %s", line)
		}
		if r.Fault == id {
			found = true
			if r.Level != "ERROR" || len(r.Stack) == 0 || !strings.Contains(strings.Join(r.Stack, "\n"), "drill.go:") {
				t.Errorf("the failure has no stack: %s", line)
			}
		}
		if !strings.Contains(s.stdout.String(), line) {
			t.Errorf("standard output lacks the line %s", line)
		}
	}
	if !found {
		t.Errorf("the failure %s is not in the log", id)
	}
	access, err := os.ReadFile(s.path("logs", "access.log"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(access)) {
		if !json.Valid([]byte(line)) {
			t.Errorf("the access log has a line that is not JSON: %s", line)
		}
	}
}

// A log that cannot be written costs no request its answer. Standard error tells it once, and when
// the log can be written again, how much is missing.
func TestLogInTrouble(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		spoil func(t *testing.T, logs string) // makes LOG_DIR unusable
		mend  func(t *testing.T, logs string)
	}{
		{"a file in the place of the directory", func(t *testing.T, logs string) {
			must(t, os.Rename(logs, logs+".away"))
			must(t, os.WriteFile(logs, nil, 0o600))
		}, func(t *testing.T, logs string) {
			must(t, os.Remove(logs))
		}},
		{"a full disk", func(t *testing.T, logs string) {
			if _, err := os.Stat("/dev/full"); err != nil {
				t.Skip("there is no /dev/full on this system")
			}
			must(t, os.Rename(filepath.Join(logs, "microblog.log"), filepath.Join(logs, "away.log")))
			must(t, os.Symlink("/dev/full", filepath.Join(logs, "microblog.log")))
		}, func(t *testing.T, logs string) {
			must(t, os.Remove(filepath.Join(logs, "microblog.log")))
		}},
		{"a directory that may not be written", func(t *testing.T, logs string) {
			if os.Geteuid() == 0 {
				t.Skip("root may write everywhere")
			}
			must(t, os.Remove(filepath.Join(logs, "microblog.log")))
			must(t, os.Chmod(logs, 0o500))
		}, func(t *testing.T, logs string) {
			must(t, os.Chmod(logs, 0o700))
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{args: []string{"--drill"}, settings: settings{"ACCESS_LOG": "off"}})
			c := s.client(t)
			logs := s.path("logs")
			s.waitLogged(t)
			test.spoil(t, logs)
			var ids []string
			fail := func() {
				r := c.get("/drill/wrapped").want(500)
				checkFailure(t, r, pageType, true)
				ids = append(ids, r.header.Get("Fault-Id"))
			}
			for range 7 {
				fail()
			}
			c.get("/explore").want(http.StatusOK)
			if n := strings.Count(s.stderr.String(), "\n"); n != 1 || !strings.Contains(s.stderr.String(), "microblog.log") {
				t.Errorf("standard error has %d lines, want one that names the file:\n%s", n, s.stderr.String())
			}
			test.mend(t, logs)
			soon(t, "waiting for the log to be written again", func() error {
				fail()
				if !strings.Contains(s.logText(), ids[len(ids)-1]) {
					return errors.New("it is not")
				}
				return nil
			})
			text, missing := s.logText(), 0
			for _, id := range ids {
				if !strings.Contains(text, id) {
					missing++
				}
			}
			var counts []string
			for _, r := range parseLog(t, "the log", text) {
				if n, ok := r.attrs["records"]; ok && r.level == "WARNING" {
					counts = append(counts, n)
				}
			}
			if len(counts) != 1 || counts[0] != itoa(missing) {
				t.Errorf("the log says that %v records are missing, and %d are:\n%s", counts, missing, text)
			}
			if said := s.stderr.String(); strings.Count(said, "\n") != 2 || !strings.Contains(said, itoa(missing)+" records") {
				t.Errorf("standard error should say twice what is the matter, and that %d records are missing:\n%s", missing, said)
			}
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
