package journal

import (
	"errors"
	"io/fs"
	"time"
)

// appender writes entries to the segments of a stream. Only the committer uses it.
type appender struct {
	disk         disk
	stream       *stream
	segmentBytes int64
	number       int // of the file that was begun last, segment or not

	file file  // the segment being written, nil if there is none
	size int64 // of what is durable in it
	room int64 // up to where it may grow

	buf []byte
}

// fits tells whether a frame of that size fits behind at, or else needs a new segment.
func (a *appender) fits(at, frame int64) bool { return a.file != nil && at+frame <= a.room }

// newRoom is how large a segment must be that a frame of that size is the first of.
func (a *appender) newRoom(frame int64) int64 { return max(a.segmentBytes, headerSize+frame) }

// append writes entries and makes them durable. It returns the extents of those that are, in order,
// and their number; the others are to be written again by another call, after an error.
func (a *appender) append(entries []*entry) (durable []extent, n int, err error) {
	for n < len(entries) {
		if !a.fits(a.size, entries[n].frameBytes()) {
			if err := a.begin(a.newRoom(entries[n].frameBytes())); err != nil {
				return durable, n, err
			}
		}
		e := extent{number: a.number, first: entries[n].seq}
		a.buf = a.buf[:0]
		end := n
		for end < len(entries) && a.fits(a.size+int64(len(a.buf)), entries[end].frameBytes()) {
			next := entries[end]
			a.buf = appendFrame(a.buf, a.stream.salt, frame{
				kind: kindFailure, seq: next.seq, time: next.failure.Time, payload: next.payload.Bytes(),
			})
			e.last = next.seq
			e.saw(next.failure.Time, next.failure.Time)
			end++
		}
		if err := a.write(); err != nil {
			a.finish() // What is behind its durable part is in doubt, and is written again to another.
			return durable, n, err
		}
		e.bytes = a.size
		durable = append(durable, e)
		n = end
	}
	if cap(a.buf) > 4*maxPayload {
		a.buf = nil
	}
	return durable, n, nil
}

func (a *appender) write() error {
	if _, err := a.file.WriteAt(a.buf, a.size); err != nil {
		return err
	}
	if err := a.file.Sync(); err != nil {
		return err
	}
	a.size += int64(len(a.buf))
	return nil
}

// begin begins a segment with that much room. Zeros are written ahead, so that making what is written
// later durable need not change the file's size.
func (a *appender) begin(room int64) error {
	a.finish()
	a.number++
	path := a.stream.path(a.number, false)
	f, err := a.create(path)
	if err != nil {
		return err
	}
	header := appendHeader(make([]byte, 0, room), a.stream.salt, time.Now())
	if _, err = f.WriteAt(header[:room], 0); err != nil { // There may be room for less yet.
		if err = f.Truncate(0); err == nil {
			_, err = f.WriteAt(header, 0)
		}
	}
	if err == nil {
		err = a.disk.syncDir(a.stream.dir)
	}
	if err != nil {
		a.giveUp(f, path)
		return err
	}
	a.file, a.size, a.room = f, headerSize, room
	return nil
}

// create makes a file of the stream, and before it the stream's directory and lock where they could
// not be made before, or something has removed them.
func (a *appender) create(path string) (file, error) {
	if a.stream.lock == nil && !a.stream.lockless {
		if err := a.stream.create(a.disk); err != nil {
			return nil, err
		}
	}
	f, err := a.disk.create(path)
	if errors.Is(err, fs.ErrNotExist) {
		a.stream.unlock()
		if err = a.stream.create(a.disk); err == nil {
			f, err = a.disk.create(path)
		}
	}
	return f, err
}

// giveUp removes a file that could not be written.
func (a *appender) giveUp(f file, path string) {
	_ = f.Close() // What failed before is the error to tell.
	_ = a.disk.remove(path)
}

// finish ends the segment being written and gives back the room that it has not used.
func (a *appender) finish() {
	if a.file == nil {
		return
	}
	_ = a.file.Truncate(a.size) // If it fails, zeros stay, or frames that will be written again.
	_ = a.file.Close()          // What is durable is.
	a.file = nil
}
