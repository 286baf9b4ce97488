package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A run is what a command has printed and how it ended.
type run struct {
	code     int
	out, err string
}

// command runs microblog with settings of its own: nothing of the environment reaches it. DATA_DIR
// and LOG_DIR lie in dir.
func command(t *testing.T, dir string, settings map[string]string, args ...string) run {
	t.Helper()
	all := map[string]string{
		"DATA_DIR": filepath.Join(dir, "data"), "LOG_DIR": filepath.Join(dir, "logs"), "LISTEN": "127.0.0.1:0",
	}
	maps.Copy(all, settings)
	var out, errs bytes.Buffer
	code := Main(t.Context(), args, Streams{
		In: strings.NewReader(""), Out: &out, Err: &errs,
		LookupEnv: func(name string) (string, bool) { v, ok := all[name]; return v, ok },
		DotEnv:    filepath.Join(dir, ".env"),
	})
	return run{code, out.String(), errs.String()}
}

// examined is what microblog doctor --json prints.
type examined struct {
	OK       bool      `json:"ok"`
	Wrong    int       `json:"wrong"`
	Warnings int       `json:"warnings"`
	Findings []finding `json:"findings"`
	Books    *books    `json:"books"`
}

// doctorJSON runs microblog doctor, whose answer as JSON must agree with its exit code.
func doctorJSON(t *testing.T, dir string, settings map[string]string, args ...string) examined {
	t.Helper()
	r := command(t, dir, settings, append([]string{"doctor", "--json"}, args...)...)
	var e examined
	if err := json.Unmarshal([]byte(r.out), &e); err != nil {
		t.Fatalf("%v: %s%s", err, r.out, r.err)
	}
	if want := min(e.Wrong, 1); r.code != want || e.OK != (want == 0) || r.err != "" {
		t.Errorf("exit code %d, ok %v with %d wrong; standard error %q", r.code, e.OK, e.Wrong, r.err)
	}
	return e
}

// of returns the findings of a check.
func (e examined) of(check string) (some []finding) {
	for _, f := range e.Findings {
		if f.Check == check {
			some = append(some, f)
		}
	}
	return some
}

// expect fails unless a check has found this: every one of the texts in one finding of that level.
func (e examined) expect(t *testing.T, check string, as level, texts ...string) {
	t.Helper()
	for _, f := range e.of(check) {
		all := f.Step + ": " + f.Text + " " + f.Said + " " + f.Advice
		if f.Level == as && !slices.ContainsFunc(texts, func(s string) bool { return !strings.Contains(all, s) }) {
			return
		}
	}
	t.Errorf("%s: no finding %q with %q, only:", check, as, texts)
	for _, f := range e.of(check) {
		t.Errorf("  %s: %s: %s It said: %s %s", f.Level, f.Step, f.Text, f.Said, f.Advice)
	}
}

// files lists all that is in a directory.
func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		names = append(names, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// everyCheck are all checks, in their order.
var everyCheck = []string{"settings", "address", "disk", "database", "log", "access log", "journal", "incidents", "outbox", "crashes", "clock", "mail"}

func checksOf(e examined) (names []string) {
	for _, f := range e.Findings {
		if !slices.Contains(names, f.Check) {
			names = append(names, f.Check)
		}
	}
	return names
}

func TestDoctorBeforeTheFirstStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := doctorJSON(t, dir, nil)
	if got := checksOf(e); !slices.Equal(got, everyCheck) {
		t.Errorf("checks %q, want %q", got, everyCheck)
	}
	if e.Wrong != 0 {
		t.Errorf("something is wrong with nothing: %+v", e.Findings)
	}
	e.expect(t, "settings", fine, "DATA_DIR (environment)")
	e.expect(t, "address", fine, "free port")
	e.expect(t, "disk", fine, "does not exist yet; it will be made", "are free")
	e.expect(t, "database", fine, "the next start makes it")
	e.expect(t, "log", fine, "does not exist yet; it will be made")
	e.expect(t, "mail", warning, "MAIL_SERVER is not set", "set MAIL_SERVER and ADMINS")
	if e.Books == nil || e.Books.Line != "captured 0 = mailed 0 + grouped into a sent mail 0 + muted 0 + waiting 0" {
		t.Errorf("books %+v", e.Books)
	}
	if got := files(t, dir); len(got) != 1 {
		t.Errorf("doctor has made %q", got[1:])
	}
}

func TestDoctorAfterMigrating(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if r := command(t, dir, nil, "migrate"); r.code != 0 {
		t.Fatal(r.err)
	}
	before := files(t, dir)
	e := doctorJSON(t, dir, nil)
	if e.Wrong != 0 {
		t.Errorf("wrong: %+v", e.Findings)
	}
	e.expect(t, "database", fine, "open: SQLite opens")
	e.expect(t, "database", fine, "integrity: No damage was found.")
	e.expect(t, "database", fine, "write: It can be written to")
	e.expect(t, "database", fine, "The schema is up to date")
	if after := files(t, dir); !slices.Equal(before, after) {
		t.Errorf("before there was %q, and now there is %q", before, after)
	}
}

// The text is one line for each finding, and the line of the books begins as promised.
func TestDoctorText(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := command(t, dir, map[string]string{"LISTEN": "192.0.2.1:5000", "NO_COLOR": ""}, "doctor")
	if r.code != exitFailed || r.err != "" {
		t.Errorf("exit code %d, standard error %q", r.code, r.err)
	}
	books, wrongs := 0, 0
	lines := strings.Split(strings.TrimSuffix(r.out, "\n"), "\n")
	for _, line := range lines[:len(lines)-1] {
		switch word, _, _ := strings.Cut(line, " "); word {
		case "captured":
			books++
		case "wrong":
			wrongs++
			if !strings.Contains(line, "address") || !strings.Contains(line, "LISTEN") {
				t.Errorf("%q", line)
			}
		case "ok", "warning", "skipped":
		default:
			t.Errorf("the line %q begins with neither", line)
		}
	}
	if books != 1 || wrongs != 1 {
		t.Errorf("%d lines of books, %d wrong:\n%s", books, wrongs, r.out)
	}
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, "1 thing is wrong; ") {
		t.Errorf("the last line is %q", last)
	}
	if strings.ContainsRune(r.out, '\x1b') {
		t.Error("there are colours, although this is no terminal")
	}
}

func TestDoctorSettings(t *testing.T) {
	t.Parallel()
	const secret = "hunter-two-of-three"
	t.Run("all problems at once, and all other checks", func(t *testing.T) {
		t.Parallel()
		e := doctorJSON(t, t.TempDir(), map[string]string{
			"LISTEN": "5000", "LOG_BACKUPS": "-1", "LOG_DIR": "http://logs", "MAIL_PORT": "smtp", "MAIL_SERVER": "localhost", "MAIL_PASSWORD": secret,
			"DATABASE_URL": "postgres://susan:" + secret + "@/",
		})
		for _, name := range []string{"LISTEN", "LOG_BACKUPS", "LOG_DIR", "MAIL_PORT", "ADMINS", "DATABASE_URL"} {
			e.expect(t, "settings", wrong, name, "Allowed: ")
		}
		e.expect(t, "settings", warning, "MAIL_PASSWORD is set without MAIL_USERNAME")
		if got := checksOf(e); !slices.Equal(got, everyCheck) {
			t.Errorf("checks %q, want %q", got, everyCheck)
		}
		e.expect(t, "address", skipped, "the setting LISTEN cannot be used")
		e.expect(t, "database", skipped, "the setting DATABASE_URL cannot be used")
		e.expect(t, "incidents", skipped)
		e.expect(t, "log", skipped, "LOG_DIR")
		e.expect(t, "disk", skipped, "LOG_DIR")
		e.expect(t, "disk", fine)
		e.expect(t, "mail", skipped, "MAIL_PORT")
		for _, f := range e.Findings {
			if strings.Contains(f.Text+f.Advice+f.Said, secret) {
				t.Errorf("the secret is in %+v", f)
			}
		}
	})
	t.Run("a .env file that cannot be read", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, ".env"), []byte("this is no setting\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		e := doctorJSON(t, dir, nil)
		e.expect(t, "settings", wrong, ".env line 1")
		for _, check := range everyCheck {
			switch check {
			case "settings":
			case "clock":
				e.expect(t, check, fine)
			default:
				e.expect(t, check, skipped, "the settings cannot be read")
			}
		}
	})
	t.Run("warnings alone are no failure", func(t *testing.T) {
		t.Parallel()
		e := doctorJSON(t, t.TempDir(), map[string]string{"ADMINS": "ann@example.org"})
		e.expect(t, "settings", warning, "ADMINS: nobody gets an error mail")
		e.expect(t, "settings", fine)
	})
}

func TestDoctorAddress(t *testing.T) {
	t.Parallel()
	web := func(t *testing.T, handler http.HandlerFunc) string {
		t.Helper()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s := &http.Server{Handler: handler}
		done := make(chan struct{})
		go func() { defer close(done); _ = s.Serve(l) }()
		t.Cleanup(func() { _ = s.Close(); <-done })
		return l.Addr().String()
	}
	// A port that was free a moment ago.
	free := func(t *testing.T) string {
		t.Helper()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return l.Addr().String()
	}
	t.Run("a Microblog of this data directory", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		run := filepath.Join(dir, "data", "run")
		if err := os.MkdirAll(run, 0o700); err != nil {
			t.Fatal(err)
		}
		mark := filepath.Join(run, "1"+runningSuffix)
		if err := os.WriteFile(mark, []byte(`{"pid": 1, "started": "2026-11-22T10:00:00Z"}`), 0o600); err != nil {
			t.Fatal(err)
		}
		with := map[string]string{"LISTEN": web(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "ready\n") })}
		doctorJSON(t, dir, with).expect(t, "address", warning, "another one") // that process has ended
		defer holdLock(t, mark)()
		doctorJSON(t, dir, with).expect(t, "address", fine, "A Microblog is running", "it is ready", "those of this environment")
	})
	for name, tt := range map[string]struct {
		listen func(t *testing.T) string
		level  level
		texts  []string
	}{
		"free": {free, fine, []string{" is free."}},
		"a Microblog of another data directory": {func(t *testing.T) string {
			return web(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "ready\n") })
		}, warning, []string{"A Microblog is running", "it is ready", "another one", "microblog serve would find the address taken"}},
		"a Microblog without its database": {func(t *testing.T) string {
			return web(t, func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(http.StatusServiceUnavailable)
				_, _ = io.WriteString(w, "503 Service Unavailable\n\nNot ready: the database does not answer.\n")
			})
		}, wrong, []string{"A Microblog is running", "not ready", "the database does not answer"}},
		"another web server": {func(t *testing.T) string {
			return web(t, http.NotFound)
		}, wrong, []string{"already in use by another web server", "LISTEN=127.0.0.1:5001"}},
		"another program": {func(t *testing.T) string {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
			go func() {
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					_, _ = io.WriteString(conn, "220 mail.example.org ESMTP\r\n")
					_ = conn.Close()
				}
			}()
			return l.Addr().String()
		}, wrong, []string{"already in use by another program", "LISTEN"}},
		"not of this machine": {func(*testing.T) string { return "192.0.2.1:5000" }, wrong, []string{"does not have the address", "LISTEN"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := doctorJSON(t, t.TempDir(), map[string]string{"LISTEN": tt.listen(t)})
			e.expect(t, "address", tt.level, tt.texts...)
		})
	}
}

func TestDoctorSocket(t *testing.T) {
	t.Parallel()
	// The path of a socket is short.
	dir, err := os.MkdirTemp("", "doctor")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	look := func(t *testing.T, path string) examined {
		t.Helper()
		return doctorJSON(t, t.TempDir(), map[string]string{"LISTEN": "unix:" + path})
	}
	look(t, path).expect(t, "address", fine, "is free")
	look(t, filepath.Join(dir, "none", "s")).expect(t, "address", wrong, "The directory of the socket", "does not exist")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Skip("no Unix sockets here")
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	_ = l.Close()
	look(t, path).expect(t, "address", fine, "the next start replaces it")
	if _, err := os.Lstat(path); err != nil {
		t.Error("doctor has removed the socket")
	}
	if err := os.WriteFile(filepath.Join(dir, "notes"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	look(t, filepath.Join(dir, "notes")).expect(t, "address", wrong, "is no socket", "LISTEN")
}
