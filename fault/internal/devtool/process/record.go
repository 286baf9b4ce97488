package process

import (
	"bytes"
	"regexp"
	"sync"
	"time"
)

// maxTail bounds what is kept of what a process writes, in bytes.
const maxTail = 64 << 10

// A record keeps the end of what a process writes, and apart from that what the Go runtime says about a
// crash: from its beginning, which tells most and may be followed by thousands of stacks.
type record struct {
	mu    sync.Mutex
	tail  []byte // at most twice maxTail
	cut   bool   // something before it is missing
	total int64  // how much was written, in bytes
	marks []mark // the newest at the end; as many as lastly may need
	crash crashText
}

// A mark says that what was written before from is older than since.
type mark struct {
	since time.Time
	from  int64
}

const (
	// lastly is how long before the end something may have been written that says why.
	lastly = time.Second
	// markEvery is how exactly it is known when something was written.
	markEvery = 100 * time.Millisecond
	// markedFor is for how long that is kept: what is read late, when the process has ended, takes nothing away.
	markedFor = lastly + 2*drainLimit + markEvery
)

func (r *record) write(b []byte, errors bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if errors {
		r.crash.write(b)
	}
	r.mark(time.Now())
	r.total += int64(len(b))
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

// mark notes the time of what is written next, and forgets times that are too old to matter.
func (r *record) mark(now time.Time) {
	if n := len(r.marks); n > 0 && now.Sub(r.marks[n-1].since) < markEvery {
		return
	}
	old := 0
	for old < len(r.marks) && now.Sub(r.marks[old].since) > markedFor {
		old++
	}
	r.marks = append(r.marks[:copy(r.marks, r.marks[old:])], mark{now, r.total})
}

// texts returns the last 64 KiB, from the beginning of a line on where there are lines, what of it was written lately at the end,
// and the crash.
func (r *record) texts(end time.Time) (tail, lately, crash string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.tail
	if len(b) > maxTail || r.cut {
		b = b[max(0, len(b)-maxTail):]
		if end := bytes.IndexByte(b, '\n'); end >= 0 && end < len(b)-1 {
			b = b[end+1:]
		}
	}
	late := int64(0)
	for _, m := range r.marks {
		if end.Sub(m.since) < lastly+markEvery { // some of it may be of the last second
			late = r.total - m.from
			break
		}
	}
	return string(b), string(b[max(0, int64(len(b))-late):]), string(r.crash.text)
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
