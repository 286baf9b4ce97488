// Package terminal is what `fault run` says in the terminal, beside the output of the application, and the keys that
// it heeds there.
package terminal

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"

	"example.org/microblog/fault/internal/devtool/problem"
	"example.org/microblog/fault/internal/visible"
)

const (
	maxQueued   = 256  // events that wait for a slow terminal
	maxEvent    = 2000 // bytes of one
	closeLimit  = time.Second
	prefix      = "fault"
	indent      = "       " // as wide as the prefix and what divides it from the text
	plainWidth  = 160       // columns, where there is no terminal that has a width
	maxHeldLine = 64 << 10  // bytes of a line of Lines
)

// Options of a Terminal.
type Options struct {
	Out io.Writer // for our own lines; a terminal if it is an *os.File that is one; nil: nowhere
	In  *os.File  // for keys, if it and Out are terminals; nil: there are none
	Dir string    // the working directory: files below it are named relative to it
}

// Terminal says what happens, line by line, and passes on the application's output. A terminal that stands still holds
// up the application's output only. All methods may be called from several goroutines.
type Terminal struct {
	dir     string
	paint   paint
	width   func() int
	screen  *screen
	queue   chan string
	printed chan struct{} // closed when all of the queue is printed
	keys    *keyboard     // nil if there are none
	pressed chan Key
	restore func()

	mu      sync.Mutex
	streams []*stream
	missed  int
	closed  bool
}

// New takes the terminal into use. Whoever calls it calls Close, on every way out: until then the terminal does not echo
// what is typed.
//
// Where there are keys, SIGTSTP, SIGCONT, SIGQUIT, SIGINT and SIGTERM are heeded too, so that the shell and whatever comes
// after finds its terminal as it was. The first of the last two ends the keys; the rest of what it is to do is up to the
// caller, who has to handle it.
func New(o Options) *Terminal {
	t := &Terminal{
		dir: o.Dir, width: func() int { return plainWidth }, restore: func() {},
		queue: make(chan string, maxQueued), printed: make(chan struct{}),
	}
	if o.Out == nil {
		o.Out = io.Discard
	}
	t.screen = newScreen(o.Out)
	if out, ok := o.Out.(*os.File); ok && out != nil && term.IsTerminal(int(out.Fd())) {
		t.width = func() int { return widthOf(out) }
		if wantColour() {
			var able bool
			able, t.restore = enableColour(out)
			t.paint = paint(able)
		}
		if o.In != nil {
			t.listen(o.In)
		}
	}
	go t.print()
	return t
}

// listen begins to heed keys, where it can.
func (t *Terminal) listen(in *os.File) {
	pressed := make(chan Key, 8)
	t.keys = openKeyboard(in, func(typed []byte) {
		switch key := keyOf(typed); key {
		case help:
			t.Event(keysText)
		case newLine:
			t.enqueue("\n")
		case Rebuild, Open, Quit, Debugger:
			select {
			case pressed <- key:
			default: // those before have not been heeded yet
			}
		}
	})
	if t.keys != nil {
		t.pressed = pressed
	}
}

// widthOf is how many columns a terminal has.
func widthOf(f *os.File) int {
	if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
		return columns
	}
	return plainWidth
}

// wantColour reports whether a terminal is to be written to in colours (https://no-color.org).
func wantColour() bool {
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// Close prints what waits, for at most a second, and leaves the terminal as New has found it. What is said afterwards
// is dropped; what the application writes is still passed on.
func (t *Terminal) Close() {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return
	}
	t.closed = true
	close(t.queue)
	streams := t.streams
	t.mu.Unlock()
	if t.keys != nil {
		t.keys.close()
	}
	timer := time.NewTimer(closeLimit)
	defer timer.Stop()
	select {
	case <-t.printed:
		for _, s := range streams {
			s.end()
		}
	case <-timer.C: // nobody reads; the goroutine ends when somebody does
	}
	t.restore()
}

// Event says something in one line.
func (t *Terminal) Event(text string) {
	t.enqueue(t.paint.dim(prefix) + "  " + visible.Line(cut(text, maxEvent)) + "\n")
}

// Problem says what keeps the newest source from being served, and where.
func (t *Terminal) Problem(p *problem.Problem) {
	t.enqueue(t.paint.dim(prefix) + "  " + t.problemText(p))
}

// enqueue has whole lines printed.
func (t *Terminal) enqueue(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	select {
	case t.queue <- text:
	default:
		t.missed++
	}
}

// print prints what is queued.
func (t *Terminal) print() {
	defer close(t.printed)
	for text := range t.queue {
		t.mu.Lock()
		missed := t.missed
		t.missed = 0
		t.mu.Unlock()
		if missed > 0 {
			text += fmt.Sprintf("%s  … %d more not printed, because this output is too slow\n", t.paint.dim(prefix), missed)
		}
		t.screen.say(text)
	}
}

// Keys is where pressed keys come; nil if there are none, since the input or the output is no terminal. While this process
// is in the background, none come.
func (t *Terminal) Keys() <-chan Key { return t.pressed }

// App returns a writer that passes the application's output on to w, whole lines at once; an unfinished one follows if
// it stays so for a moment. A line of ours never gets into the middle of one of the application's, unless that stays
// unfinished for longer. The error of a Write is that of w.
func (t *Terminal) App(w io.Writer) io.Writer {
	s := &stream{screen: t.screen}
	if !samePlace(w, t.screen.w) {
		s.screen = newScreen(w)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.streams = append(t.streams, s)
	return s
}

// Lines returns a writer each line of which is an Event. Its Write does not fail.
func (t *Terminal) Lines() io.Writer { return &lines{event: t.Event} }

type lines struct {
	event func(string)

	mu   sync.Mutex
	held []byte
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = append(l.held, p...)
	for {
		line, rest, ok := bytes.Cut(l.held, []byte("\n"))
		if !ok && len(l.held) <= maxHeldLine {
			return len(p), nil
		}
		l.event(string(bytes.TrimSuffix(line, []byte("\r"))))
		l.held = rest
	}
}

// samePlace reports whether two writers end in the same file, such as standard output and standard error in one terminal.
func samePlace(a, b io.Writer) bool {
	if a == b {
		return true
	}
	one, ok := a.(*os.File)
	other, both := b.(*os.File)
	if !ok || !both || one == nil || other == nil {
		return false
	}
	x, errX := one.Stat()
	y, errY := other.Stat()
	return errX == nil && errY == nil && os.SameFile(x, y)
}
