package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"example.org/microblog/fault"
)

// entryBytes is about what a failure takes in memory beside its payload.
const entryBytes = 4 << 10

// entry is a failure on its way to the disk and to Next, or several that are only counted.
type entry struct {
	seq     int64 // 0 until it has its place
	failure *fault.Failure
	payload *bytes.Buffer // until it is durable; nil if it is to be counted only
	size    int64         // of the payload
	key     string        // of one to be counted; "" if that is not known yet
	counted bool
	count   int64     // of a counted one
	last    time.Time // of a counted one
	durable bool      // Journal.mu guards it
	err     error     // why it is not, for Record; written before its batch is done
}

// frameBytes is what the entry takes in a segment.
func (e *entry) frameBytes() int64 { return frameSize + e.size }

func (e *entry) captured(stream string) fault.Captured {
	c := fault.Captured{Failure: e.failure, Count: 1, At: fault.Position{Stream: stream, Offset: e.seq}}
	if e.counted {
		c.Count, c.Last = e.count, e.last
	}
	return c
}

// batch is what is made durable by one sync.
type batch struct{ done chan struct{} }

// errLate is a failure that was not on disk when its Record had to return.
var errLate = errors.New("it is not on disk yet; it is still being written")

// Record keeps a failure. It returns when that is durable, when the disk has failed, or when ctx ends;
// if it is not durable then, it is kept in memory and written as soon as that is possible, and the
// receipt's Err tells why. In a journal that is full, only its number and the first of its kind are
// durable. The failure must not be changed any more.
func (j *Journal) Record(ctx context.Context, f *fault.Failure) fault.Receipt {
	if f == nil {
		return fault.Receipt{Err: errors.New("recording a failure: there is none")}
	}
	e := &entry{failure: f}
	if j.counting.Load() {
		e.key = j.keyOf(f)
	} else {
		j.encode(e)
	}
	b, err := j.enqueue(e)
	if err != nil {
		return fault.Receipt{Err: err}
	}
	j.nudge()
	select {
	case <-b.done:
	case <-ctx.Done():
		select {
		case <-b.done: // Just in time.
		default:
			return fault.Receipt{Err: errLate}
		}
	}
	if e.err != nil {
		return fault.Receipt{Err: e.err}
	}
	return fault.Receipt{Durable: true, Notified: j.notified != nil && j.notified()}
}

// encode gives an entry its payload.
func (j *Journal) encode(e *entry) {
	e.payload = j.buffers.get()
	e.failure = encodeAny(e.payload, e.failure, int(j.recordLimit))
	e.size = int64(e.payload.Len())
}

// enqueue puts an entry before the committer, or counts it if too many are there already.
func (j *Journal) enqueue(e *entry) (*batch, error) {
	need := e.frameBytes() + entryBytes
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.queued+need > j.memory && e.key == "" && !j.closed {
		j.mu.Unlock()
		e.key = j.keyOf(e.failure) // The application's function is not called with the lock held.
		j.mu.Lock()
	}
	if j.closed {
		return nil, ErrClosed
	}
	j.captured++
	if j.queued+need > j.memory && e.key != "" {
		if j.overflow == nil {
			j.overflow = newTallies(j.tableLimit)
		}
		j.overflow.add(e.key, e.failure, func() int64 { return 0 })
		return nil, fmt.Errorf("the disk is slow: %d bytes wait for it already; the failure is only counted", j.queued)
	}
	if j.gathering == nil {
		j.gathering = &batch{done: make(chan struct{})}
	}
	j.queue = append(j.queue, e)
	j.queued += need
	return j.gathering, nil
}

// keyOf returns what a failure is counted under.
func (j *Journal) keyOf(f *fault.Failure) (key string) {
	defer func() {
		if v := recover(); v != nil { // The application's function; a failure is counted all the same.
			key = defaultKey(f)
		}
	}()
	return "k" + j.key(f) // never empty
}
