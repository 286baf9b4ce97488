//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package terminal

import (
	"errors"
	"os"
	"os/signal"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

const (
	// lookAgain is how often is looked whether the shell has brought us to the foreground: it need not tell.
	lookAgain = 200 * time.Millisecond
	// maxNothing is how many times in a row there may be something to read which is nothing: once or twice where somebody
	// else has read it, for ever at a terminal that is gone.
	maxNothing = 10
)

// keyboard reads single keys from a terminal, while this process is in its foreground. Signals that keys make, such as
// Ctrl-C, stay as they are.
type keyboard struct {
	in    *os.File // kept, so that it is not closed behind our back
	fd    int
	typed func([]byte) // gets what has come at once

	wakeRead, wakeWrite *os.File // a byte here lets the reader look anew
	signals             chan os.Signal
	closing             chan struct{}
	work                sync.WaitGroup

	mu    sync.Mutex
	raw   bool         // the terminal is as we want it
	saved unix.Termios // and was like this
	away  bool         // this process is about to stand still
	over  bool
}

// openKeyboard begins to read keys. It returns nil if in is no terminal of this process's session.
func openKeyboard(in *os.File, typed func([]byte)) *keyboard {
	fd := int(in.Fd())
	if !term.IsTerminal(fd) {
		return nil
	}
	if _, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP); err != nil {
		return nil // a terminal, but not the one that we are controlled from
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil // without keys then
	}
	k := &keyboard{
		in: in, fd: fd, typed: typed, wakeRead: r, wakeWrite: w,
		signals: make(chan os.Signal, 8), closing: make(chan struct{}),
	}
	if int(r.Fd()) >= unix.FD_SETSIZE || fd >= unix.FD_SETSIZE {
		k.closePipe()
		return nil
	}
	signal.Notify(k.signals, unix.SIGTSTP, unix.SIGCONT, unix.SIGQUIT, unix.SIGINT, unix.SIGTERM)
	beginJobControl()
	k.enter(false)
	k.work.Go(k.read)
	k.work.Go(k.heed)
	return k
}

// close ends the reading and leaves the terminal as it was.
func (k *keyboard) close() {
	k.finish()
	close(k.closing)
	k.work.Wait()
	signal.Stop(k.signals)
	endJobControl()
	k.closePipe()
}

func (k *keyboard) closePipe() {
	_ = k.wakeRead.Close()
	_ = k.wakeWrite.Close()
}

// finish ends keys for good.
func (k *keyboard) finish() {
	k.mu.Lock()
	k.over = true
	k.mu.Unlock()
	k.leave()
	k.wake()
}

func (k *keyboard) wake() { _, _ = k.wakeWrite.Write([]byte{0}) }

// foreground reports whether the terminal is ours at the moment.
func (k *keyboard) foreground() bool {
	group, err := unix.IoctlGetInt(k.fd, unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// enter makes the terminal give each key at once and unseen, if we are in its foreground. again says that somebody may
// have changed it since.
func (k *keyboard) enter(again bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.over || k.away || k.raw && !again || !k.foreground() {
		return
	}
	if !k.raw {
		now, err := unix.IoctlGetTermios(k.fd, getTermios)
		if err != nil {
			return
		}
		k.saved = *now
	}
	mode := k.saved
	mode.Lflag &^= unix.ICANON | unix.ECHO // ISIG stays
	mode.Cc[unix.VMIN], mode.Cc[unix.VTIME] = 0, 0
	k.raw = k.set(&mode) == nil
}

// leave gives the terminal back as it was. A terminal that is another's by now has been set by that one.
func (k *keyboard) leave() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.raw && k.foreground() {
		_ = k.set(&k.saved) // it may be gone
	}
	k.raw = false
}

func (k *keyboard) set(mode *unix.Termios) (err error) {
	unstopped(func() {
		for {
			if err = unix.IoctlSetTermios(k.fd, setTermios, mode); err != unix.EINTR {
				return
			}
		}
	})
	return err
}

// heed keeps the terminal in order around what signals do to this process.
func (k *keyboard) heed() {
	for {
		select {
		case <-k.closing:
			return
		case s := <-k.signals:
			switch s {
			case unix.SIGTSTP:
				k.suspend()
			case unix.SIGCONT:
				k.resume()
			case unix.SIGQUIT: // the runtime's way to end, with all stacks
				k.finish()
				signal.Reset(unix.SIGQUIT)
				_ = unix.Kill(unix.Getpid(), unix.SIGQUIT)
			default: // the caller ends; if that takes too long the next one ends it the hard way
				k.finish()
				signal.Stop(k.signals)
			}
		}
	}
}

// suspend stops this process as it would have been without us, with the terminal as it was. The runtime keeps SIGTSTP from
// doing so once it was heeded, even if it no longer is.
func (k *keyboard) suspend() {
	if !resumable() {
		return // the system would not have stopped it either
	}
	k.mu.Lock()
	k.away = true
	k.mu.Unlock()
	k.leave()
	_ = unix.Kill(unix.Getpid(), unix.SIGSTOP)
	// SIGCONT tells how it goes on.
}

// resumable reports whether there is a shell that can bring this process back.
func resumable() bool {
	session, err := unix.Getsid(0)
	group := unix.Getpgrp()
	if err != nil || session == group {
		return false
	}
	parent := unix.Getppid()
	if of, err := unix.Getpgid(parent); err == nil && of == group {
		return true // go tool, or make, in the same job
	}
	of, err := unix.Getsid(parent)
	return err == nil && of == session
}

func (k *keyboard) resume() {
	k.mu.Lock()
	k.away = false
	k.mu.Unlock()
	k.enter(true)
	k.wake()
}

// read passes on what is typed until the end.
func (k *keyboard) read() {
	buffer := make([]byte, 256)
	for nothing := 0; ; {
		k.enter(false)
		k.mu.Lock()
		raw, over := k.raw, k.over
		k.mu.Unlock()
		if over {
			return
		}
		if !k.wait(raw) {
			nothing = 0
			continue
		}
		n, err := k.take(buffer)
		if n > 0 {
			k.typed(buffer[:n])
			nothing = 0
			continue
		}
		if nothing++; err != nil || nothing == maxNothing { // it is gone
			k.finish()
			return
		}
	}
}

// wait waits for something to happen, and reports whether there is something to read.
func (k *keyboard) wait(raw bool) bool {
	var set unix.FdSet
	wake := int(k.wakeRead.Fd())
	set.Set(wake)
	highest := wake
	limit := unix.NsecToTimeval(lookAgain.Nanoseconds())
	timeout := &limit
	if raw {
		set.Set(k.fd)
		highest, timeout = max(wake, k.fd), nil
	}
	n, err := unix.Select(highest+1, &set, nil, nil, timeout)
	if err != nil || n == 0 {
		return false
	}
	if set.IsSet(wake) {
		_, _ = k.wakeRead.Read(make([]byte, 64))
		return false
	}
	return raw && set.IsSet(k.fd)
}

// take reads what is there, without waiting for more. n is 0 if there is nothing for us.
func (k *keyboard) take(buffer []byte) (n int, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case !k.raw:
		return 0, nil
	case !k.foreground():
		k.raw = false // whoever has it now has set it
		return 0, nil
	}
	unstopped(func() { n, err = unix.Read(k.fd, buffer) })
	switch {
	case n > 0:
		return n, nil
	case err == nil, errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN):
		return 0, nil
	case errors.Is(err, unix.EIO) && !k.foreground():
		k.raw = false
		return 0, nil
	}
	return 0, err
}
