package process

import (
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// streams are the two outputs of a process: what it is given, and where from and to that is copied.
type streams struct {
	stdout, stderr *os.File // the process's ends
	pipes          []*pipe
	copying        sync.WaitGroup
	resize         func() // ends the following of the terminal's size
	panicked       func(ServedPanic)
}

// A pipe, or a terminal that we made, carries output to a writer.
type pipe struct {
	from     *os.File
	to       io.Writer
	errors   bool     // it carries standard error, where a crash is told
	inner    *os.File // the process's end, if we hold it too: that of a terminal
	terminal *os.File // whose size that has
	panics   panicText
	amounts
}

// openStreams makes what is to carry the output.
func openStreams(s Spec) (*streams, error) {
	out, errs := terminalOf(s.Stdout, s.Terminal), terminalOf(s.Stderr, s.Terminal)
	st := &streams{panicked: s.Panicked}
	var err error
	if st.stdout, err = st.open(s.Stdout, out); err != nil {
		return nil, err
	}
	if st.stdout == st.pipes[0].inner && errs != nil {
		st.pipes[0].errors = true
		st.stderr = st.stdout
		return st, nil
	}
	if st.stderr, err = st.open(s.Stderr, errs); err != nil {
		st.close()
		return nil, err
	}
	st.pipes[1].errors = true
	return st, nil
}

// terminalOf returns the terminal where w shows what it gets, nil if there is none.
func terminalOf(w io.Writer, terminal *os.File) *os.File {
	if f, ok := w.(*os.File); ok {
		terminal = f
	}
	if w == nil || terminal == nil || !term.IsTerminal(int(terminal.Fd())) {
		return nil
	}
	return terminal
}

// open returns the process's end of a new pipe, or of a terminal like the given one where there can be one.
func (st *streams) open(to io.Writer, terminal *os.File) (*os.File, error) {
	if to == nil {
		to = io.Discard
	}
	if terminal != nil {
		if outer, inner, err := openTerminal(terminal); err == nil {
			st.pipes = append(st.pipes, &pipe{from: outer, to: to, inner: inner, terminal: terminal, panics: panicText{told: st.panicked}})
			return inner, nil
		} // Otherwise it does without.
	}
	from, inner, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	st.pipes = append(st.pipes, &pipe{from: from, to: to, panics: panicText{told: st.panicked}})
	return inner, nil
}

// copy begins to pass on what the process writes. It is called once, when the process has been started.
func (st *streams) copy(r *record, g *group) {
	for _, f := range []*os.File{st.stdout, st.stderr} {
		if !st.isInner(f) {
			_ = f.Close() // The process has it.
		}
	}
	var terminals []*pipe
	for _, p := range st.pipes {
		if p.terminal != nil {
			terminals = append(terminals, p)
		}
		st.copying.Go(func() { p.copy(r) })
	}
	st.resize = followSize(terminals, g)
}

func (st *streams) isInner(f *os.File) bool {
	for _, p := range st.pipes {
		if p.inner == f {
			return true
		}
	}
	return false
}

// drainLimit bounds how long output is waited for when the process has ended. It may be needed if what
// has left the process's session still holds the pipe, or if a writer does not return.
const drainLimit = time.Second

// drain passes on the rest when the process has ended.
func (st *streams) drain() {
	st.resize()
	for _, p := range st.pipes {
		if p.inner != nil {
			_ = p.inner.Close() // Then the terminal ends where what was written ends.
		}
	}
	copied := make(chan struct{})
	go func() {
		st.copying.Wait()
		close(copied)
	}()
	for range 2 {
		timer := time.NewTimer(drainLimit)
		select {
		case <-copied:
			timer.Stop()
			return
		case <-timer.C:
		}
		for _, p := range st.pipes {
			_ = p.from.SetReadDeadline(time.Now()) // Whoever holds the other end has its chance no longer.
		}
	}
}

// close is for a process that was not started.
func (st *streams) close() {
	for _, f := range []*os.File{st.stdout, st.stderr} {
		if f != nil {
			_ = f.Close() // Nothing was written.
		}
	}
	for _, p := range st.pipes {
		_ = p.from.Close()
	}
}

// copy passes on what comes until the end.
func (p *pipe) copy(r *record) {
	defer p.from.Close() // only read
	buffer := make([]byte, 32<<10)
	for {
		n, err := p.read(buffer)
		if n > 0 {
			r.write(buffer[:n], p.errors)
			if _, failed := p.to.Write(buffer[:n]); failed != nil {
				p.to = io.Discard // The process need not suffer from that.
			}
			p.panics.write(buffer[:n])
			p.told.Add(int64(n))
		}
		if err != nil {
			return // A terminal ends with EIO.
		}
	}
}
