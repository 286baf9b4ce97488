// Package journal keeps failures durably before their requests are answered: append-only files in a
// directory, with no database and no network.
//
// A [Journal] is a [fault.Recorder]. Many calls of [Journal.Record] share one sync of the disk: while
// one batch is being written, the next one gathers. [Journal.Next] gives what was captured to whoever
// counts it, and [Journal.Done] forgets it.
//
// Each process writes a stream of its own within the directory, in numbered segments. A stream is
// locked while its process lives; when it is dead, whoever calls Next takes the stream over, so that
// nothing waits for the same process to come back. Every record has a checksum: a torn end is cut, and
// damage in the middle is skipped up to the next record that checks, with a line in the log.
//
// The room is bounded. When it is full of what is not done, further failures are not kept in full, but
// counted, with the first of each kind; that is durable, too. When the disk fails or is full, failures
// are kept in memory, within bounds, and then counted there, until it works again. Next gives what is
// kept at once, and what is counted when the disk works again.
//
// On a file system without locks only one process may use the directory.
package journal

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"example.org/microblog/fault"
)

// ErrClosed is returned by the methods of a [Journal] after [Journal.Close].
var ErrClosed = errors.New("the journal is closed")

// Sizes in bytes.
const (
	defaultMaxBytes     = 64 << 20
	leastMaxBytes       = 1 << 20
	defaultSegmentBytes = 1 << 20
	leastSegmentBytes   = 16 << 10
	maxMemory           = 8 << 20   // of what waits for the disk
	maxRecord           = 256 << 10 // of a failure; what is longer is trimmed
	maxCounts           = 1 << 20   // of a file of counts
	maxCache            = 4 << 20   // of what is durable and kept for Next
	maxBatch            = 4 << 20   // of what Next gives at once
)

// closeWithin is how long Close waits for the disk.
const closeWithin = 5 * time.Second

// Options says where a [Journal] lies and how large it may be. Dir is required.
type Options struct {
	// Dir holds the journal's files and nothing else. It is made if it is missing, for this user only.
	Dir string
	// MaxBytes bounds the files of all processes together; 0 is 64 MiB, 1 MiB the least. Three quarters
	// are for failures in full, the rest for counts and for what waited in memory. Each process that
	// begins a segment at the same moment may exceed it by one.
	MaxBytes int64
	// SegmentBytes is how large a segment is; what is done is removed by segments. 0 is 1 MiB, or an
	// eighth of MaxBytes if that is less. A record is never split: a longer one has a segment of its own.
	SegmentBytes int64
	// Logger is told when the journal is full or cannot be written, when it can again, and of damage;
	// nil discards it.
	Logger *slog.Logger
	// Notified tells whether somebody is told of what is captured, for the receipts; nil: nobody.
	Notified func() bool
	// Key tells which failures are counted together when there is no room for them. nil: by kind, type
	// of the innermost error, and the innermost call of the application's own code. It may be called by
	// several goroutines at once.
	Key func(*fault.Failure) string
}

// Journal keeps failures. Its methods may be called by several goroutines at once.
type Journal struct {
	dir          string
	maxBytes     int64
	segmentBytes int64
	segmentLimit int64 // of the segments
	countsLimit  int64 // of the files of counts
	tableLimit   int64 // of one of them
	memory       int64 // of what is not written yet
	recordLimit  int64
	logger       *slog.Logger
	notified     func() bool
	key          func(*fault.Failure) string
	disk         disk
	buffers      pool

	kick     chan struct{} // something is in the queue
	ended    chan struct{} // closed by the committer
	counting atomic.Bool   // the room is full: failures need no encoding
	freed    atomic.Bool   // files were removed

	mu        sync.Mutex
	own       *stream
	seq       int64 // the last number given to an entry
	queue     []*entry
	queued    int64 // bytes of queue
	gathering *batch
	overflow  *tallies // what came when queue was full
	flying    int64    // failures that the committer has taken out of the queue and not placed yet
	held      []*entry // with numbers, not durable yet
	heldBytes int64
	counts    *tallies // the open table of what is only counted; nil if there is none
	tail      tail
	captured  int64
	outage    *outage
	closed    bool
	sleepers  int           // how many wait in Next
	wake      chan struct{} // closed and made anew when there may be something for them

	reading  sync.Mutex // taken before mu; for the streams' files
	released bool       // by Close
	adopted  []*stream  // mu is held as well to change it
	turn     int        // which stream Next looks at first
	scanAt   time.Time
	told     map[string]bool // streams that cannot be taken over, of which the log knows
	sealedAt time.Time
}

// Open opens a journal. It fails if the Options make no sense or the directory cannot be made or read;
// a disk that cannot be written now is no failure, but an outage that is told to the Logger.
func Open(o Options) (*Journal, error) { return openOn(o, osDisk{}) }

func openOn(o Options, d disk) (*Journal, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, dirMode); err != nil {
		return nil, fmt.Errorf("making the journal's directory: %w", err)
	}
	_ = d.syncDir(filepath.Dir(o.Dir)) // If that is lost, so is what needs it, at worst once.
	if _, err := streamNames(o.Dir); err != nil {
		return nil, fmt.Errorf("reading the journal's directory: %w", err)
	}
	j := &Journal{
		dir:          o.Dir,
		maxBytes:     o.MaxBytes,
		segmentBytes: o.SegmentBytes,
		segmentLimit: o.MaxBytes / 4 * 3,
		countsLimit:  o.MaxBytes / 8,
		tableLimit:   min(maxCounts, o.MaxBytes/16),
		memory:       min(maxMemory, o.MaxBytes/8),
		recordLimit:  min(maxRecord, o.MaxBytes/8),
		logger:       o.Logger,
		notified:     o.Notified,
		key:          o.Key,
		disk:         d,
		kick:         make(chan struct{}, 1),
		ended:        make(chan struct{}),
		wake:         make(chan struct{}),
		told:         map[string]bool{},
		own:          newStream(o.Dir, newStreamName()),
	}
	c := &committer{j: j, appender: appender{disk: d, stream: j.own, segmentBytes: j.segmentBytes}}
	if err := j.own.create(d); err != nil {
		c.tell(err) // run writes it to the log.
	}
	go c.run()
	return j, nil
}

// complete checks the options and fills in what is left to the defaults.
func (o *Options) complete() error {
	switch {
	case o.Dir == "":
		return errors.New("the journal needs a directory: Options.Dir is empty")
	case o.MaxBytes == 0:
		o.MaxBytes = defaultMaxBytes
	case o.MaxBytes < leastMaxBytes:
		return fmt.Errorf("a journal of at most %d bytes is too small; the least is %d", o.MaxBytes, leastMaxBytes)
	}
	switch {
	case o.SegmentBytes == 0:
		o.SegmentBytes = min(defaultSegmentBytes, o.MaxBytes/8)
	case o.SegmentBytes < leastSegmentBytes || o.SegmentBytes > o.MaxBytes/4:
		return fmt.Errorf("segments of %d bytes do not suit a journal of at most %d; from %d to %d would",
			o.SegmentBytes, o.MaxBytes, leastSegmentBytes, o.MaxBytes/4)
	}
	dir, err := filepath.Abs(o.Dir) // The program may change its working directory.
	if err != nil {
		return fmt.Errorf("finding the journal's directory: %w", err)
	}
	o.Dir = dir
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Key == nil {
		o.Key = defaultKey
	}
	return nil
}

// defaultKey is the default of Options.Key.
func defaultKey(f *fault.Failure) string {
	cause := f.Causes
	for len(cause.Causes) > 0 {
		cause = cause.Causes[0]
	}
	key := string(f.Kind) + "\x00" + cause.Type
	for i, frame := range f.Stack {
		if frame.App || i == len(f.Stack)-1 {
			if !frame.App {
				frame = f.Stack[0]
			}
			return fmt.Sprintf("%s\x00%s\x00%s:%d", key, frame.Function, frame.File, frame.Line)
		}
	}
	return key
}

// Close writes what is in memory, which it tries for at most five seconds, and lets go of the
// directory. It returns an error if failures are lost by that. Calls of Next end with ErrClosed.
func (j *Journal) Close() error {
	j.mu.Lock()
	again := j.closed
	j.closed = true
	j.rouse()
	j.mu.Unlock()
	if again {
		return nil
	}
	j.nudge()
	late := time.NewTimer(closeWithin)
	defer late.Stop()
	select {
	case <-j.ended:
	case <-late.C:
		j.mu.Lock()
		defer j.mu.Unlock()
		return fmt.Errorf("closing the journal: the disk has not taken %d failures within %v", j.unwritten(), closeWithin)
	}
	j.reading.Lock()
	defer j.reading.Unlock()
	j.released = true
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, s := range j.adopted {
		s.release()
	}
	lost := j.unwritten()
	if j.own.waiting() == 0 && j.counts.total() == 0 && lost == 0 {
		_ = j.own.remove() // Nothing is in it. The next who finds it removes it otherwise.
	}
	j.own.release()
	if lost == 0 {
		return nil
	}
	return fmt.Errorf("closing the journal: %d failures are lost: %w", lost, j.outage.err)
}

// unwritten returns how many failures are in memory only. j.mu is held.
func (j *Journal) unwritten() int64 {
	n := int64(len(j.queue)) + j.overflow.total() + j.flying
	for _, e := range j.held {
		if e.seq > j.own.done {
			n++
		}
	}
	return n + j.counts.unwritten()
}

// rouse wakes whoever waits in Next. j.mu is held.
func (j *Journal) rouse() {
	if j.sleepers > 0 {
		close(j.wake)
		j.wake = make(chan struct{})
	}
}

// nudge wakes the committer.
func (j *Journal) nudge() {
	select {
	case j.kick <- struct{}{}:
	default:
	}
}
