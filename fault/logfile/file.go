package logfile

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

const (
	defaultDelay = 50 * time.Millisecond

	// batchLimit is the size in bytes at which a batch is written without
	// waiting for its delay.
	batchLimit = 64 << 10

	// retryEvery is how often writing is tried again while it fails.
	retryEvery = time.Second
)

// ErrClosed is returned for a record that came after Close.
var ErrClosed = errors.New("logfile: the log file is closed")

// Options says where a [File] lies and how it rotates. Processes that share a
// file must agree on all but Stderr and Delay.
type Options struct {
	// Path is the file's name, made absolute by Open. Missing directories are
	// created with mode 0750, the file with 0640; a rotated file hands its mode
	// and, where permitted, its owner on to the next. A device or a named pipe is
	// written to as it is and never rotated.
	Path string

	// MaxBytes is the greatest size of the file in bytes: a record that does
	// not fit goes to a new file. A single record that is longer is written
	// whole, to a file of its own. 0 means that the file never rotates. While it
	// cannot be rotated, because the directory may not be written, say, the file
	// grows to at most ten times this; rotating is tried again once a second.
	MaxBytes int64

	// Backups is how many rotated files are kept, PATH.1 being the newest. With
	// 0 the file is emptied when it is full. A gap in the numbers is filled by
	// the next rotation. Files with greater numbers are left alone.
	Backups int

	// Stderr is told when writing fails and when it works again; nil means
	// os.Stderr. It gets whole lines, one Write each.
	Stderr io.Writer

	// Delay is how long a record below WARNING may wait for others, so that
	// they are written together: 0 means 50 ms, negative not at all. 64 KiB of
	// records are written without waiting. What still waits when the process
	// ends without Close is lost.
	Delay time.Duration
}

// File is a rotating log file. All methods may be called concurrently.
type File struct {
	path   string
	delay  time.Duration
	stderr io.Writer

	lost    atomic.Int64            // records that were not written, ever
	failing atomic.Pointer[outage]  // nil while writing works
	format  atomic.Pointer[formats] // of the note about lost records

	mu      sync.Mutex // guards what follows; never held while touching the disk
	pending *batch
	closed  bool
	timer   *time.Timer   // calls tick
	armed   time.Duration // tick comes within this time; 0: it does not come
	ticks   sync.WaitGroup

	io    sync.Mutex // one writer to the disk; locked before mu
	disk  disk
	spare batch // whose memory is used again
	news  bulletin

	tell sync.Mutex // one writer to stderr
}

type formats func(*scratch, slog.Record)

// Open returns the log file that o describes and creates it where it is
// missing. Its error means that the options make no sense; a disk in trouble is
// told on Stderr and tried again.
func Open(o Options) (*File, error) {
	switch {
	case o.Path == "":
		return nil, errors.New("opening the log file: the path is empty; name a file")
	case o.MaxBytes < 0:
		return nil, fmt.Errorf("opening the log file: MaxBytes is %d; allowed are 0 (never rotate) and above", o.MaxBytes)
	case o.Backups < 0:
		return nil, fmt.Errorf("opening the log file: Backups is %d; allowed are 0 (keep none) and above", o.Backups)
	}
	path, err := filepath.Abs(o.Path)
	if err != nil {
		return nil, fmt.Errorf("opening the log file: finding the working directory: %w", err)
	}
	f := &File{path: path, delay: o.Delay, stderr: o.Stderr, pending: &batch{}}
	f.disk = disk{path: path, max: o.MaxBytes, backups: o.Backups}
	if f.delay == 0 {
		f.delay = defaultDelay
	}
	if f.stderr == nil {
		f.stderr = os.Stderr
	}
	f.setFormat((&textHandler{common: common{sources: &sources{}}}).format)
	f.Reopen()
	return f, nil
}

func (f *File) setFormat(format formats) { f.format.Store(&format) }

// WriteRecord appends one record, a line or more; a missing final newline is
// added. From WARNING on it returns when the record and all before it are with
// the operating system; below, the record may wait for Options.Delay. The
// record is not kept.
//
// The error is for information: the record is counted, Stderr is told, and
// there is nothing for the caller to do. While writing fails, records are
// dropped at once; another process' lock is waited for two seconds at most.
func (f *File) WriteRecord(level slog.Level, record []byte) error {
	if len(record) == 0 {
		return nil
	}
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		f.lost.Add(1)
		return ErrClosed
	}
	if out := f.failing.Load(); out != nil {
		f.mu.Unlock()
		f.lost.Add(1)
		return out.err
	}
	b := f.pending
	i := b.add(record)
	if level < slog.LevelWarn && f.delay > 0 && len(b.buf) < batchLimit {
		f.arm(f.delay)
		f.mu.Unlock()
		return nil
	}
	f.mu.Unlock()

	f.io.Lock()
	if !b.done { // otherwise somebody else has written it along with theirs
		f.writePending()
	}
	f.unlock()
	if i < b.written {
		return nil
	}
	return b.err
}

// Write appends p as one record of level WARNING, so that a File can serve as
// the writer of a [log.Logger].
func (f *File) Write(p []byte) (int, error) {
	if err := f.WriteRecord(slog.LevelWarn, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush writes what is batched and returns when that is done.
func (f *File) Flush() {
	f.io.Lock()
	defer f.unlock()
	f.writePending()
}

// Reopen closes the file, opens the one that now has the name, or creates it,
// and writes there what is batched. When it returns, nothing more will go to
// the old file. While writing fails it tries again at once.
func (f *File) Reopen() {
	f.io.Lock()
	defer f.unlock()
	f.mu.Lock()
	closed := f.closed
	f.mu.Unlock()
	if closed {
		return
	}
	f.disk.close()
	f.probe()
}

// Close writes what is batched and closes the file; its error says that writing
// fails. Stderr is told of lost records it does not know of yet.
// A second Close does nothing.
func (f *File) Close() error {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return nil
	}
	f.closed = true
	if f.armed != 0 && f.timer.Stop() {
		f.armed = 0
		f.ticks.Done()
	}
	f.mu.Unlock()
	f.ticks.Wait()

	f.io.Lock()
	defer f.unlock()
	var err error
	if f.failing.Load() != nil {
		err = f.probe()
	}
	if e := f.writePending(); e != nil {
		err = e
	}
	f.disk.close()
	f.sayLast()
	return err
}

// NotWritten returns how many records could not be written since Open.
func (f *File) NotWritten() int64 { return f.lost.Load() }

// arm makes tick come within d. f.mu is held.
func (f *File) arm(d time.Duration) {
	switch {
	case f.closed:
	case f.armed == 0:
		f.armed = d
		f.ticks.Add(1)
		if f.timer == nil {
			f.timer = time.AfterFunc(d, f.tick)
		} else {
			f.timer.Reset(d)
		}
	case d < f.armed && f.timer.Stop():
		f.armed = d
		f.timer.Reset(d)
	}
}

// tick writes the batch whose time has come, or finds out whether writing works
// again.
func (f *File) tick() {
	defer f.ticks.Done()
	f.mu.Lock()
	f.armed = 0
	f.mu.Unlock()
	f.io.Lock()
	defer f.unlock()
	if f.failing.Load() != nil {
		f.probe()
		return
	}
	f.writePending()
}

// writePending appends the batch, or drops it while writing fails, and returns
// why not all of it was written. f.io is held.
func (f *File) writePending() error {
	b := f.take()
	if b == nil {
		return nil
	}
	if out := f.failing.Load(); out != nil {
		b.done, b.err = true, out.err
		f.lost.Add(int64(b.len()))
		f.recycle(b)
		return b.err
	}
	return f.append(b)
}

// take returns the batch and begins a new one; nil if there is nothing to
// write. f.io is held.
func (f *File) take() *batch {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.pending
	if b.len() == 0 {
		return nil
	}
	f.pending = &batch{buf: f.spare.buf, ends: f.spare.ends}
	f.spare = batch{}
	return b
}

// recycle keeps the memory of a batch that has been written.
func (f *File) recycle(b *batch) {
	if cap(b.buf) <= 2*batchLimit {
		f.spare = batch{buf: b.buf[:0], ends: b.ends[:0]}
	}
	b.buf, b.ends = nil, nil
}

// append writes b to the disk, behind a note where records are missing before
// it, and counts what could not be written. f.io is held.
func (f *File) append(b *batch) error {
	all, notes, lost := b, 0, f.lost.Load()
	if lost > f.news.noted {
		all, notes = f.withNote(b, lost-f.news.noted), 1
	}
	n, err := f.disk.append(all)
	f.rotates()
	if n >= notes {
		f.news.noted = lost
		b.written = n - notes
	}
	b.done, b.err = true, err
	f.lost.Add(int64(b.len() - b.written))
	f.recycle(b)
	if err != nil {
		f.fails(err)
		return err
	}
	f.works()
	return nil
}

// probe finds out whether the file can be written: it opens it, and writes what
// there is to write. f.io is held.
func (f *File) probe() error {
	if err := f.disk.open(); err != nil {
		f.fails(err)
		return err
	}
	b := f.take()
	if b == nil {
		b = &batch{}
	}
	if b.len() == 0 && f.lost.Load() == f.news.noted {
		f.works()
		return nil
	}
	return f.append(b)
}

// unlock gives up f.io and then tells stderr what has come up, so that a slow
// terminal holds up only its own caller.
func (f *File) unlock() {
	lines := f.news.lines
	f.news.lines = nil
	f.io.Unlock()
	if len(lines) == 0 {
		return
	}
	f.tell.Lock()
	defer f.tell.Unlock()
	for _, line := range lines {
		io.WriteString(f.stderr, line) // there is nowhere left to complain
	}
}
