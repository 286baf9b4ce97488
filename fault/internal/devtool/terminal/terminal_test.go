package terminal_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.org/microblog/fault/internal/devtool/terminal"
)

func TestEvents(t *testing.T) {
	t.Parallel()
	var out buffer
	term := terminal.New(terminal.Options{Out: &out, In: os.Stdin})
	if term.Keys() != nil {
		t.Error("there are keys without a terminal")
	}
	term.Event("built in 1.2 s, ready")
	term.Event("two\nlines, and \x1b[31ma colour")
	lines := term.Lines()
	for _, part := range []string{"mail 1\nmai", "l 2\r\nmail", " 3"} {
		if n, err := io.WriteString(lines, part); err != nil || n != len(part) {
			t.Error(n, err)
		}
	}
	term.Close()
	term.Event("too late")
	term.Close()
	want := "fault  built in 1.2 s, ready\n" + `fault  two\nlines, and \x1b[31ma colour` + "\n" + "fault  mail 1\nfault  mail 2\n"
	if got := out.String(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestLongEvents(t *testing.T) {
	t.Parallel()
	var out buffer
	term := terminal.New(terminal.Options{Out: &out})
	term.Event(strings.Repeat("ü", 5000))
	if n, err := term.Lines().Write(bytes.Repeat([]byte("x"), 70<<10)); n != 70<<10 || err != nil {
		t.Error(n, err)
	}
	term.Close()
	for line := range strings.Lines(out.String()) {
		if len(line) > 2100 || !strings.HasSuffix(line, "…\n") {
			t.Errorf("%d bytes: %.20q…%q", len(line), line, line[max(0, len(line)-20):])
		}
	}
}

func TestNowhere(t *testing.T) {
	t.Parallel()
	term := terminal.New(terminal.Options{})
	term.Event("unheard")
	term.Close()
}

// TestApplicationsLinesStayWhole runs in a time of its own.
func TestApplicationsLinesStayWhole(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out buffer
		term := terminal.New(terminal.Options{Out: &out})
		app := term.App(&out)
		write := func(text string) {
			if _, err := io.WriteString(app, text); err != nil {
				t.Error(err)
			}
		}
		expect := func(want string) {
			t.Helper()
			synctest.Wait()
			if got := out.String(); got != want {
				t.Errorf("it shows %q, want %q", got, want)
			}
		}
		write("one\ntw")
		expect("one\n") // the rest is held back
		term.Event("a")
		expect("one\nfault  a\n")
		write("o\n")
		expect("one\nfault  a\ntwo\n")

		write("Name? ") // a line that stays unfinished is shown after a moment
		time.Sleep(50 * time.Millisecond)
		expect("one\nfault  a\ntwo\nName? ")
		term.Event("b") // and waited for
		expect("one\nfault  a\ntwo\nName? ")
		write("susan") // without being held back again
		expect("one\nfault  a\ntwo\nName? susan")
		write("\n")
		expect("one\nfault  a\ntwo\nName? susan\nfault  b\n")

		write("Loading...")
		time.Sleep(50 * time.Millisecond)
		term.Event("c") // but not for ever
		time.Sleep(time.Second)
		expect("one\nfault  a\ntwo\nName? susan\nfault  b\nLoading...\nfault  c\n")
		write(" done")
		term.Close() // shows what is held back
		expect("one\nfault  a\ntwo\nName? susan\nfault  b\nLoading...\nfault  c\n done")
		write("\nlast\n")
		expect("one\nfault  a\ntwo\nName? susan\nfault  b\nLoading...\nfault  c\n done\nlast\n")
	})
}

func TestTwoStreamsOfTheApplication(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out buffer
		term := terminal.New(terminal.Options{Out: &out})
		defer term.Close()
		one, two := term.App(&out), term.App(&out)
		fmt.Fprint(one, "half of ")
		fmt.Fprint(two, "whole\n")
		fmt.Fprint(one, "one\n")
		if got := out.String(); got != "whole\nhalf of one\n" {
			t.Errorf("%q", got)
		}
		long := strings.Repeat("x", 100<<10)
		fmt.Fprint(one, long) // too long to be held back
		if got := out.String(); got != "whole\nhalf of one\n"+long {
			t.Errorf("%d bytes", len(got))
		}
	})
}

// TestOutputElsewhere does not wait for the lines of another file.
func TestOutputElsewhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var ours, theirs buffer
		term := terminal.New(terminal.Options{Out: &ours})
		defer term.Close()
		app := term.App(&theirs)
		fmt.Fprint(app, "unfinished")
		time.Sleep(50 * time.Millisecond)
		term.Event("a")
		synctest.Wait()
		if ours.String() != "fault  a\n" || theirs.String() != "unfinished" {
			t.Errorf("%q, %q", ours.String(), theirs.String())
		}
	})
}

// TestOneFileTwice knows a file again that was opened twice.
func TestOneFileTwice(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "out")
	var files [2]*os.File
	for i := range files {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files[i] = f
	}
	term := terminal.New(terminal.Options{Out: files[0]})
	app := term.App(files[1])
	fmt.Fprint(app, "unfinished")
	read := func() string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	eventually(t, "the unfinished line is shown", func() bool { return read() == "unfinished" })
	term.Event("a")
	term.Close()
	if got := read(); got != "unfinished\nfault  a\n" {
		t.Errorf("%q", got)
	}
}

type broken struct{}

var errBroken = errors.New("broken")

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestOutputThatFails(t *testing.T) {
	t.Parallel()
	term := terminal.New(terminal.Options{Out: broken{}})
	term.Event("a")
	if _, err := io.WriteString(term.App(broken{}), "b\n"); !errors.Is(err, errBroken) {
		t.Error(err)
	}
	term.Close()
}

// TestSlowOutputStopsNothing says more than anybody reads.
func TestSlowOutputStopsNothing(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	term := terminal.New(terminal.Options{Out: w})
	for i := range 1000 {
		term.Event(fmt.Sprint("event ", i)) // does not block
	}
	var text bytes.Buffer
	var reading sync.WaitGroup
	reading.Go(func() { _, _ = io.Copy(&text, r) })
	term.Close()
	w.Close()
	reading.Wait()
	if got := text.String(); !strings.Contains(got, "fault  event 0\n") || !strings.Contains(got, "more not printed, because this output is too slow\n") {
		t.Errorf("%s", got)
	}
	if strings.Contains(text.String(), "event 999\n") {
		t.Error("all of it was kept")
	}
}

// TestConcurrentUse is for the race detector, and for lines that stay whole.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // so that no beginning of a line is held back for too long
		var out buffer
		term := terminal.New(terminal.Options{Out: &out})
		var work sync.WaitGroup
		for n := range 4 {
			app := term.App(&out)
			work.Go(func() {
				for i := range 200 {
					fmt.Fprintf(app, "app %d says ", n)
					fmt.Fprintf(app, "%d.\n", i)
					if i%4 == 0 {
						term.Event(fmt.Sprintf("ours %d.", i))
					}
				}
			})
		}
		work.Wait()
		term.Close()
		lines := 0
		for line := range strings.Lines(out.String()) {
			lines++
			var n, i int
			_, app := fmt.Sscanf(line, "app %d says %d.\n", &n, &i)
			_, ours := fmt.Sscanf(line, "fault  ours %d.\n", &i)
			if app != nil && ours != nil {
				t.Errorf("a broken line: %q", line)
			}
		}
		if lines != 4*200+4*50 {
			t.Errorf("%d lines", lines)
		}
	})
}
