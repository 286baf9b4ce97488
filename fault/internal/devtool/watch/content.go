package watch

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// state is what is at a path.
type state uint8

const (
	unknown state = iota // nothing was read yet: it differs from all that may be read
	absent
	present
	unreadable
)

// hashedSize is the size in bytes above which a file is told apart by its size and its time alone.
const hashedSize = 8 << 20

// parsedSize is the size in bytes above which a Go file is not parsed to see whether it is whole.
const parsedSize = 1 << 20

// A fingerprint is equal for equal contents.
type fingerprint struct {
	state state
	size  int64
	sum   [sha256.Size]byte
}

// A stamp tells without reading that a file has most likely not been written to.
type stamp struct {
	size           int64
	mtime, changed int64 // nanoseconds
	node           uint64
}

// A file is one whose content counts.
type file struct {
	path     string
	kind     Kind
	reported fingerprint // what was told of it
	current  fingerprint // what was read last
	read     bool        // nothing was heard of it since
	content  []byte      // until it is judged
	whole    bool        // what was read is the complete file, by its looks
	newline  bool        // what was told of ended with one
	ended    bool        // what was read last ends with one
	stamp    stamp
	readAt   time.Time
	touched  time.Time
	toldAt   time.Time
	differed time.Time // when it was last seen to be another than what was told of it
	doubted  bool      // it is told once it has settled, even if it is what was told; see Doubt
	seen     uint64    // the last walk through everything that it was of interest to
	hops     []string  // where symbolic links lead to
	astray   bool      // a directory on that way is missing
}

// load reads the file's content.
func (f *file) load() {
	f.readAt = time.Now()
	f.stamp, f.content, f.ended = stamp{}, nil, false
	f.current = fingerprint{state: absent}
	opened, err := os.OpenFile(f.path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a named pipe must not be waited for
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) && !errors.Is(err, syscall.ELOOP) {
			f.current.state = unreadable
		}
		return
	}
	defer opened.Close()
	info, err := opened.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return
	}
	f.stamp = stampOf(info)
	f.current = fingerprint{state: present, size: info.Size()}
	if info.Size() > hashedSize {
		f.current.sum = sha256.Sum256(info.ModTime().AppendFormat(nil, time.RFC3339Nano))
		return
	}
	content, err := io.ReadAll(io.LimitReader(opened, 2*hashedSize))
	if err != nil {
		f.current = fingerprint{state: unreadable}
		return
	}
	f.current.size, f.current.sum = int64(len(content)), sha256.Sum256(content)
	f.ended = bytes.HasSuffix(content, []byte("\n"))
	f.content = content
}

// judge decides, if the file differs from what was told of it, whether it looks whole.
func (f *file) judge() {
	f.whole = f.current != f.reported && f.current.size == f.stamp.size && f.looksWhole(f.content)
	f.content = nil
}

// looksWhole reports whether the content is likely all that is being written.
func (f *file) looksWhole(content []byte) bool {
	switch {
	case len(content) == 0:
		return false
	case f.kind == Go && filepath.Ext(f.path) == ".go":
		if len(content) > parsedSize {
			return false
		}
		_, err := parser.ParseFile(token.NewFileSet(), f.path, content, parser.SkipObjectResolution)
		return err == nil
	case f.kind == Asset:
		return true
	}
	// Of a text that is written in pieces a piece seldom ends where a line does. What had no newline at its
	// end before need not have one now.
	return f.ended || f.reported.state == present && !f.newline
}

// unchanged reports whether the file is surely what it was when it was read, without reading it.
func (f *file) unchanged() bool {
	info, err := os.Stat(f.path)
	if err != nil || !info.Mode().IsRegular() {
		return f.current.state != present && f.current.state != unreadable && f.read
	}
	// The clock of a file system may be as coarse as two seconds.
	const coarse = 2 * time.Second
	now := stampOf(info)
	return now == f.stamp && f.readAt.UnixNano()-max(now.mtime, now.changed) > int64(coarse)
}

// writtenAfter reports whether the file came to be what it is after that time.
func (f *file) writtenAfter(t time.Time) bool {
	const tick = 20 * time.Millisecond // of the file system's clock
	return f.current.state == present && max(f.stamp.mtime, f.stamp.changed) > t.Add(-tick).UnixNano()
}
