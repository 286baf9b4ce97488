//go:build unix

package process

import (
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/creack/pty"
	"golang.org/x/term"
)

// openTerminal makes a terminal of the size of another one. What is written to the inner end can be read
// from the outer one byte for byte: the real terminal does its own part.
func openTerminal(like *os.File) (outer, inner *os.File, err error) {
	outer, inner, err = pty.Open()
	if err != nil {
		return nil, nil, err
	}
	if _, err = term.MakeRaw(int(inner.Fd())); err == nil {
		err = pty.InheritSize(like, inner)
	}
	if err == nil {
		outer, err = interruptible(outer)
	}
	if err != nil {
		_ = outer.Close()
		_ = inner.Close()
		return nil, nil, err
	}
	return outer, inner, nil
}

// followSize keeps the size of terminals that of those which they stand for, until the returned function is called.
func followSize(terminals []*pipe, g *group) (stop func()) {
	if len(terminals) == 0 {
		return func() {}
	}
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, syscall.SIGWINCH)
	var following sync.WaitGroup
	following.Go(func() {
		for range changed {
			for _, p := range terminals {
				_ = pty.InheritSize(p.terminal, p.inner) // Then the old size stays.
			}
			g.resized()
		}
	})
	return func() {
		signal.Stop(changed)
		close(changed)
		following.Wait()
	}
}
