package process

import (
	"errors"
	"io"
	"syscall"

	"golang.org/x/sys/unix"
)

// read reads what comes next, and counts it in the same moment.
func (p *pipe) read(b []byte) (n int, err error) {
	raw, err := p.from.SyscallConn()
	if err != nil {
		return 0, err
	}
	var failed error
	err = raw.Read(func(fd uintptr) bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		for failed = syscall.EINTR; errors.Is(failed, syscall.EINTR); {
			n, failed = syscall.Read(int(fd), b)
		}
		n = max(n, 0)
		p.taken += int64(n)
		return !errors.Is(failed, syscall.EAGAIN)
	})
	switch {
	case err != nil:
		return n, err
	case failed != nil:
		return n, failed
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// written is how much the process has written so far. Once everything was read there is no more.
func (p *pipe) written() (n int64, known bool) {
	raw, err := p.from.SyscallConn()
	if err != nil {
		return 0, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	waiting, failed := 0, error(nil)
	if err := raw.Control(func(fd uintptr) { waiting, failed = unix.IoctlGetInt(int(fd), unix.TIOCINQ) }); err == nil && failed != nil {
		return 0, false
	}
	return p.taken + int64(waiting), true
}
