package process

import (
	"bytes"
	"regexp"
	"sync"
)

// maxTail bounds what is kept of what a process writes, in bytes.
const maxTail = 64 << 10

// A record keeps the end of what a process writes, and apart from that what the Go runtime says about a
// crash: from its beginning, which tells most and may be followed by thousands of stacks.
type record struct {
	mu    sync.Mutex
	tail  []byte // at most twice maxTail
	cut   bool   // something before it is missing
	crash crashText
}

func (r *record) write(b []byte, errors bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if errors {
		r.crash.write(b)
	}
	if len(b) > maxTail {
		b = b[len(b)-maxTail:]
		r.cut = true
	}
	if len(r.tail)+len(b) > 2*maxTail {
		r.tail = append(r.tail[:0], r.tail[len(r.tail)-maxTail:]...)
		r.cut = true
	}
	r.tail = append(r.tail, b...)
}

// texts returns the last 64 KiB, from the beginning of a line on where there are lines, and the crash.
func (r *record) texts() (tail, crash string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.tail
	if len(b) > maxTail || r.cut {
		b = b[max(0, len(b)-maxTail):]
		if end := bytes.IndexByte(b, '\n'); end >= 0 && end < len(b)-1 {
			b = b[end+1:]
		}
	}
	return string(b), string(r.crash.text)
}

// crashText finds what the Go runtime says about a crash in what a process writes. A later one takes the
// place of an earlier one, which was something like it.
type crashText struct {
	line  []byte // the beginning of the line that is being written
	found bool
	text  []byte // at most maxTail
}

var crashLine = regexp.MustCompile(`^(?:panic|fatal error|SIG[A-Z0-9]{2,8}): `)

// crashLineLimit is how much of a line tells whether it begins a crash.
const crashLineLimit = len("fatal error: ")

func (c *crashText) write(b []byte) {
	for len(b) > 0 {
		piece := b
		if end := bytes.IndexByte(b, '\n'); end >= 0 {
			piece = b[:end+1]
		}
		b = b[len(piece):]
		if before := len(c.line); before < crashLineLimit {
			c.line = append(c.line, piece[:min(len(piece), crashLineLimit-before)]...)
			if c.begins(c.line) && !c.begins(c.line[:before]) {
				c.text = append(c.text[:0], c.line[:before]...)
				c.found = true
			}
		}
		if c.found {
			c.text = append(c.text, piece[:min(len(piece), maxTail-len(c.text))]...)
		}
		if piece[len(piece)-1] == '\n' {
			c.line = c.line[:0]
		}
	}
}

// begins tells whether a line begins a crash. With GOTRACEBACK=crash, SIGABRT is how the runtime ends after
// what it has said.
func (c *crashText) begins(line []byte) bool {
	return crashLine.Match(line) && !(c.found && bytes.HasPrefix(line, []byte("SIGABRT")))
}
