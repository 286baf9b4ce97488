package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestDevRun is a day with `fault run` on a copy of Microblog's source, in a browser. What it does follows one after the
// other on one supervisor, since to build takes all processors there are. Each part leaves the source as it was.
func TestDevRun(t *testing.T) {
	t.Parallel()
	d := startDevRun(t, "--", "serve", "--drill")
	for _, part := range []struct {
		name string
		test func(*testing.T, *devRun)
	}{
		{"script", devRunScript},
		{"Go edit", devRunGoEdit},
		{"stylesheet", devRunStylesheet},
		{"template", devRunTemplate},
		{"typed text", devRunTypedText},
		{"build error", devRunBuildError},
		{"build error on a phone", devRunBuildErrorSmall},
		{"broken template", devRunBrokenTemplate},
		{"failures", devRunFailures},
		{"after headers", devRunAfterHeaders},
		{"goroutine", devRunGoroutine},
		{"debugger", devRunDebugger},
		{"people", devRunPeople},
		{"mails", devRunMails},
		{"verify", devRunVerify},
	} {
		if !t.Run(part.name, func(t *testing.T) { part.test(t, d) }) {
			t.Logf("standard error:\n%s\nstandard output:\n%s", tail(d.stderr.String()), tail(d.stdout.String()))
			return // the source may not be as it was
		}
	}
}

// devRun is a running `fault run` on a copy of the source.
type devRun struct {
	*server        // url, stdout and stderr are those of the supervisor
	source  string // the copy
	temp    string // its temporary files, so the binaries that it builds
	mails   string // the mailbox's address
}

var mailboxLine = regexp.MustCompile(`mails: (http://\S+)`)

// startDevRun starts it and waits until the first version serves.
func startDevRun(t *testing.T, args ...string) *devRun {
	t.Helper()
	d := newDevRun(t, copySource(t))
	d.start(t, environment(goSettings(), d.temporary()), append([]string{"./cmd/microblog"}, args...)...)
	d.tells(t, 0, `built in .*ready in`)
	d.mails = mailboxLine.FindStringSubmatch(d.tells(t, 0, mailboxLine.String()))[1]
	return d
}

// newDevRun is one on the module in source, which is not started yet.
func newDevRun(t *testing.T, source string) *devRun {
	t.Helper()
	d := &devRun{
		server: &server{dir: source, stdout: newCapture(), stderr: newCapture(), ended: make(chan struct{})},
		source: source, temp: filepath.Join(t.TempDir(), "tmp"),
	}
	if err := os.Mkdir(d.temp, 0o700); err != nil {
		t.Fatal(err)
	}
	return d
}

// temporary are the settings that have temporary files made in d.temp.
func (d *devRun) temporary() settings {
	return settings{"TMPDIR": d.temp, "TMP": d.temp, "TEMP": d.temp}
}

// start starts `fault run` on a free port, with an environment of these entries only. It is ended at the end of the
// test, if that has not been done before.
func (d *devRun) start(t *testing.T, env []string, args ...string) {
	t.Helper()
	fault := faultCommand(t)
	address := freeAddress(t)
	d.url = "http://" + address
	d.cmd = exec.Command(fault, append([]string{"run", "--listen", address, "--start-timeout", "5m"}, args...)...)
	d.cmd.Dir, d.cmd.Env = d.source, env
	d.cmd.Stdout, d.cmd.Stderr = d.stdout, d.stderr
	if err := d.spawn(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		select {
		case <-d.ended: // the test did that
		default:
			if err := d.endAsPeopleDo(); err != nil {
				t.Errorf("ending fault run: %v", err)
			}
		}
		if t.Failed() {
			t.Logf("standard error:\n%s\nstandard output:\n%s", tail(d.stderr.String()), tail(d.stdout.String()))
		}
	})
}

// endAsPeopleDo sends what Ctrl+C sends, and looks at what is left.
func (d *devRun) endAsPeopleDo() error {
	_ = d.cmd.Process.Signal(os.Interrupt)
	select {
	case <-d.ended:
	case <-time.After(patience):
		_ = d.cmd.Process.Signal(syscall.SIGQUIT) // it tells where it hangs
		select {
		case <-d.ended:
		case <-time.After(patience):
			_ = d.cmd.Process.Kill()
			<-d.ended
		}
		return errors.New("it did not end after an interrupt")
	}
	left, err := filepath.Glob(filepath.Join(d.temp, "fault-run-*"))
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("it leaves %v", left)
	}
	if listener, taken := net.Listen("tcp", strings.TrimPrefix(d.url, "http://")); taken != nil {
		err = errors.Join(err, fmt.Errorf("the port is not free: %w", taken))
	} else {
		err = errors.Join(err, listener.Close())
	}
	return errors.Join(err, d.checkEnd())
}

// faultCommand is the command fault of this source, with the race detector where the tests have it.
func faultCommand(t *testing.T) string {
	t.Helper()
	binary, err := suite.command()
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

// copySource copies what Microblog is built from.
func copySource(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if resolved, err := filepath.EvalSymlinks(dir); err == nil {
		dir = resolved
	}
	for _, part := range []string{"cmd", "internal", "fault"} {
		if err := os.CopyFS(filepath.Join(dir, part), os.DirFS(filepath.Join("..", part))); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"go.mod", "go.sum", "source.go"} {
		text, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// goSettings are the settings of this process that the go command needs.
func goSettings() settings {
	set := settings{}
	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		switch {
		case strings.HasPrefix(name, "GO") && name != "GOCOVERDIR" && name != "GORACE", strings.HasPrefix(name, "XDG_"), name == "LOCALAPPDATA", name == "USERPROFILE":
			set[name] = value
		}
	}
	return set
}

// freeAddress is one that nobody listens on. Another program may take it before it is used; that is told then.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// told is how much fault run has told so far, to wait for what comes after it.
func (d *devRun) told() int { return len(d.stderr.String()) }

// tells waits until fault run tells something after that position, and returns the match.
func (d *devRun) tells(t *testing.T, after int, expression string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience) // other tests may have all processors
	defer cancel()
	re := regexp.MustCompile(expression)
	text, err := d.stderr.wait(ctx, d.ended, func(text string) bool { return re.MatchString(text[after:]) })
	if err != nil {
		t.Fatalf("fault run does not tell %s: %v\n%s", expression, err, tail(text[after:]))
	}
	return re.FindString(text[after:])
}

// processes is how many processes of Microblog have begun to serve.
func (d *devRun) processes() int { return strings.Count(d.stdout.String(), "Microblog is running") }

// edit replaces a text in a file of the source, which has it once. The file is put back at the end of the test, if
// undo has not done so before.
func (d *devRun) edit(t *testing.T, name, old, new string) (undo func()) {
	t.Helper()
	file := filepath.Join(d.source, filepath.FromSlash(name))
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), old); n != 1 {
		t.Fatalf("%s has %q %d times, want once", name, old, n)
	}
	save := func(text string) {
		// As editors do it: nobody sees half of a file.
		fresh := file + "~"
		if err := os.WriteFile(fresh, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(fresh, file); err != nil {
			t.Fatal(err)
		}
	}
	save(strings.Replace(string(text), old, new, 1))
	return func() {
		t.Helper()
		save(string(text))
	}
}

// serves waits until a program that asks for path gets something with this text in it.
func (d *devRun) serves(t *testing.T, path, text string) {
	t.Helper()
	soon(t, "waiting for "+text, func() error {
		status, body, err := d.probe(path)
		if err == nil && (status != 200 || !strings.Contains(body, text)) {
			err = fmt.Errorf("status %d: %s", status, tail(body))
		}
		return err
	})
}
