//go:build linux || darwin

package terminal_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"example.org/microblog/fault/internal/devtool/terminal"
)

// session is a terminal with a shell in it, and the program that the shell runs.
type session struct {
	t        *testing.T
	keys     *os.File // what is written here is typed
	shown    *buffer
	commands io.Writer
	answers  *bufio.Reader
	pid      int // the program's
}

func newSession(t *testing.T, env ...string) *session {
	t.Helper()
	commandsOut, commandsIn, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	answersOut, answersIn, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"=shell", "TERM=xterm", "NO_COLOR=")
	cmd.Env = append(cmd.Env, env...)
	cmd.ExtraFiles = []*os.File{commandsOut, answersIn}
	tty, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	commandsOut.Close()
	answersIn.Close()
	s := &session{t: t, keys: tty, shown: &buffer{}, commands: commandsIn, answers: bufio.NewReader(answersOut)}
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(s.shown, tty) // ends with an error when nobody has the terminal any more
	}()
	t.Cleanup(func() {
		if s.pid > 0 {
			_ = unix.Kill(s.pid, unix.SIGKILL) // it may have ended
		}
		commandsIn.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the shell: %v\n%s", err, s.shown)
		}
		<-copied
		tty.Close()
		answersOut.Close()
		if t.Failed() {
			t.Logf("the terminal showed %q", s.shown)
		}
	})
	return s
}

// tell gives the shell a command and returns its answer.
func (s *session) tell(command string) string {
	s.t.Helper()
	if _, err := fmt.Fprintln(s.commands, command); err != nil {
		s.t.Fatal(err)
	}
	answered := make(chan string, 1)
	go func() {
		line, err := s.answers.ReadString('\n')
		if err != nil {
			line = err.Error()
		}
		answered <- strings.TrimSuffix(line, "\n")
	}()
	select {
	case answer := <-answered:
		return answer
	case <-time.After(patience):
		s.t.Fatalf("%s: no answer; the terminal shows %q", command, s.shown)
	}
	return ""
}

func (s *session) start(where string) {
	s.t.Helper()
	if answer := s.tell("start " + where); answer == "" {
		s.t.Fatal("no answer")
	} else if _, err := fmt.Sscanf(answer, "pid %d", &s.pid); err != nil {
		s.t.Fatal(answer)
	}
	s.sees("begun")
}

// ends waits for the program's end, or for its standing still, and for what the shell says about it.
func (s *session) ends(want string) {
	s.t.Helper()
	answer := s.tell("wait")
	if strings.HasPrefix(answer, "ended") || strings.HasPrefix(answer, "killed") {
		s.pid = 0
	}
	if answer != want {
		s.t.Fatalf("%q, want %q", answer, want)
	}
}

func (s *session) types(text string) {
	s.t.Helper()
	if _, err := io.WriteString(s.keys, text); err != nil {
		s.t.Fatal(err)
	}
}

// sees waits until something has been shown, once more than before if it was before.
func (s *session) sees(text string) {
	s.t.Helper()
	eventually(s.t, fmt.Sprintf("%q is shown", text), func() bool { return strings.Contains(s.shown.String(), text) })
}

// isSetTo waits until the terminal has a mode.
func (s *session) isSetTo(mode string) {
	s.t.Helper()
	eventually(s.t, "the terminal is set to "+mode, func() bool { return s.tell("mode") == "mode "+mode })
}

func TestKeys(t *testing.T) {
	t.Parallel()
	s := newSession(t)
	s.isSetTo("cooked")
	s.start("fg")
	s.isSetTo("keys")
	s.types("r")
	s.sees("\x1b[2mfault\x1b[0m  key r\r\n")
	s.types("O")
	s.sees("key o")
	s.types("x?")     // pasted: no key
	s.types("\x1b[A") // an arrow
	eventually(t, "help is shown", func() bool {
		s.types("?")
		time.Sleep(20 * time.Millisecond) // so that it is not one with the keys before
		return strings.Contains(s.shown.String(), "r builds anew")
	})
	if strings.Contains(s.shown.String(), "no keys") {
		t.Error("no keys")
	}
	s.types("q")
	s.sees("key q")
	s.ends("ended 0 cooked")
	if shown := s.shown.String(); strings.Count(shown, "key ") != 3 {
		t.Errorf("it shows %q", shown)
	}
}

func TestSignalsOfKeysStay(t *testing.T) {
	t.Parallel()
	s := newSession(t)
	s.start("fg")
	s.isSetTo("keys")
	s.types("\x03") // Ctrl-C
	s.sees("interrupted")
	s.ends("ended 3 cooked")
}

// TestSecondInterrupt ends at once a program whose end takes long, with the terminal in order.
func TestSecondInterrupt(t *testing.T) {
	t.Parallel()
	s := newSession(t, stubbornVariable+"=1")
	s.start("fg")
	s.isSetTo("keys")
	s.types("\x03")
	s.sees("interrupted")
	s.isSetTo("cooked")
	pid, done := s.pid, make(chan struct{})
	var interrupting sync.WaitGroup
	interrupting.Go(func() { // the first of them may come too early
		for {
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
				_ = unix.Kill(pid, unix.SIGINT) // not by a key, which would be the shell's in the end
			}
		}
	})
	defer interrupting.Wait()
	defer close(done)
	s.ends("killed interrupt cooked")
}

func TestWithoutColours(t *testing.T) {
	t.Parallel()
	for _, env := range []string{"NO_COLOR=1", "TERM=dumb"} {
		s := newSession(t, env)
		s.start("fg")
		s.types("q")
		s.ends("ended 0 cooked")
		if shown := s.shown.String(); strings.Contains(shown, "\x1b") || !strings.Contains(shown, "fault  begun\r\n") {
			t.Errorf("%s: %q", env, shown)
		}
	}
}

func TestTermination(t *testing.T) {
	t.Parallel()
	s := newSession(t)
	s.start("fg")
	s.isSetTo("keys")
	if err := unix.Kill(s.pid, unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.ends("ended 3 cooked")
}

func TestQuitSignal(t *testing.T) {
	t.Parallel()
	s := newSession(t)
	s.start("fg")
	s.isSetTo("keys")
	s.types("\x1c") // Ctrl-\
	s.sees("SIGQUIT: quit")
	s.ends("ended 2 cooked")
}

func TestSuspendAndResume(t *testing.T) {
	t.Parallel()
	s := newSession(t)
	s.start("fg")
	for round := range 3 {
		s.isSetTo("keys")
		s.types("\x1a") // Ctrl-Z
		s.ends("stopped cooked")
		if answer := s.tell("cont fg"); answer != "done" {
			t.Fatal(answer)
		}
		s.isSetTo("keys")
		before := strings.Count(s.shown.String(), "key r")
		s.types("r")
		eventually(t, fmt.Sprintf("the key is heeded in round %d", round), func() bool { return strings.Count(s.shown.String(), "key r") == before+1 })
	}
	s.types("q")
	s.ends("ended 0 cooked")
}

// TestStoppedWithoutNotice is stopped in a way that leaves no time to set the terminal back.
func TestStoppedWithoutNotice(t *testing.T) {
	t.Parallel()
	s := newSession(t)
	s.start("fg")
	s.isSetTo("keys")
	if err := unix.Kill(s.pid, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	s.ends("stopped keys")
	s.tell("cont fg")
	s.types("r")
	s.sees("key r")
	s.types("q")
	s.ends("ended 0 cooked") // as it was before all that
}

func TestInTheBackground(t *testing.T) {
	t.Parallel()
	s := newSession(t)
	s.start("bg")
	time.Sleep(300 * time.Millisecond) // long enough to do wrong
	if answer := s.tell("mode"); answer != "mode cooked" {
		t.Errorf("it has changed the terminal of another: %s", answer)
	}
	s.tell("give") // to the foreground, without a signal
	s.isSetTo("keys")
	s.types("r")
	s.sees("key r")

	s.types("\x1a")
	s.ends("stopped cooked")
	s.tell("cont bg") // from here on in the background
	time.Sleep(300 * time.Millisecond)
	if answer := s.tell("mode"); answer != "mode cooked" {
		t.Errorf("it has changed the terminal of another: %s", answer)
	}
	if err := unix.Kill(s.pid, unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.ends("ended 3 cooked") // it was not stopped by using the terminal
}

// TestTerminalGoesAway closes the terminal below the program.
func TestTerminalGoesAway(t *testing.T) {
	t.Parallel()
	outer, inner, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"=program")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = inner, inner, inner
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	inner.Close()
	line, err := bufio.NewReader(outer).ReadString('\n')
	if err != nil || !strings.Contains(line, "begun") {
		t.Errorf("%q, %v", line, err)
	}
	outer.Close()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-ended: // by the system's SIGHUP
	case <-time.After(patience):
		_ = cmd.Process.Kill()
		t.Error("it does not end")
	}
}

// TestForeignTerminal is given a terminal that is not the one that controls it.
func TestForeignTerminal(t *testing.T) {
	t.Parallel()
	outer, inner, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer outer.Close()
	defer inner.Close()
	term := terminal.New(terminal.Options{Out: inner, In: inner})
	if term.Keys() != nil {
		t.Error("there are keys")
	}
	if got := mode(int(inner.Fd())); got != "cooked" {
		t.Errorf("it is %s", got)
	}
	term.Event("a")
	term.Close()
	text := make([]byte, 100)
	n, err := outer.Read(text)
	if err != nil || !strings.HasSuffix(string(text[:n]), "  a\r\n") {
		t.Errorf("%q, %v", text[:n], err)
	}
}
