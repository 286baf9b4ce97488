package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"
)

// Status is what a journal holds, of all processes that use its directory.
type Status struct {
	Dir      string
	Streams  int   // of this process, of others, and of those that are dead
	Segments int   // files of all streams, those with counts included
	Bytes    int64 // of all files, the room included that was made ahead in them
	MaxBytes int64 // 0 from Inspect, which does not know
	// Waiting is how many failures are not done, and Counted how many of those are only counted. From
	// Inspect that is of what is on disk.
	Waiting, Counted int64
	// Oldest and Newest are about when the first and the last of those happened; zero if there are none.
	Oldest, Newest time.Time
	// Damaged is how many bytes in the middle of files could not be read. 0 in what this process has
	// taken over, of which the log tells.
	Damaged int64

	// Of this process, and zero from Inspect:

	Captured   int64  // failures since Open
	NotDurable int64  // of those, in memory only as yet
	Full       bool   // failures are only counted
	Err        string // why the disk cannot be written; "" if it can

	// Unreadable says what could not be looked at, such as files of a newer version. It counts as none.
	Unreadable []string

	counted map[string]int64 // see InspectAfter
}

// Status tells what the journal holds. It reads the files of other processes.
func (j *Journal) Status() Status {
	st := Status{Dir: j.dir, MaxBytes: j.maxBytes}
	j.mu.Lock()
	mine := []string{j.own.name}
	for _, s := range append([]*stream{j.own}, j.adopted...) {
		mine = append(mine, s.name)
		st.Counted += s.counted()
		for i := range s.extents {
			if e := &s.extents[i]; e.last > s.done {
				st.saw(e.oldest, e.newest)
			}
		}
	}
	for _, e := range j.held {
		st.saw(e.failure.Time, e.failure.Time)
	}
	for _, t := range []*tallies{j.counts, j.overflow} {
		if t != nil {
			st.Counted += t.total()
			for _, c := range t.order {
				st.saw(c.first, c.last)
			}
		}
	}
	st.Captured, st.NotDurable, st.Full = j.captured, j.unwritten(), j.counting.Load()
	if j.outage != nil {
		st.Err = j.outage.err.Error()
	}
	j.mu.Unlock()
	st.Waiting = j.Waiting()
	if err := st.look(mine); err != nil {
		st.Unreadable = append(st.Unreadable, err.Error())
	}
	return st
}

// Inspect tells what the journal in a directory holds, from outside and without changing anything,
// also while processes write to it. Its error wraps fs.ErrNotExist if there is no such directory.
func Inspect(dir string) (Status, error) { return InspectAfter(dir, nil) }

// InspectAfter is Inspect for who knows from elsewhere how far streams are counted: what a killed
// process had counted but not called Done is not waiting. A stream that is not named is counted as
// far as it is Done.
func InspectAfter(dir string, counted map[string]int64) (Status, error) {
	st := Status{Dir: dir, counted: counted}
	if err := st.look(nil); err != nil {
		return st, fmt.Errorf("reading the journal's directory: %w", err)
	}
	return st, nil
}

func (st *Status) saw(first, last time.Time) {
	if st.Oldest.IsZero() || first.Before(st.Oldest) {
		st.Oldest = first
	}
	if last.After(st.Newest) {
		st.Newest = last
	}
}

// look adds what the directory's files take, and what the streams hold that are not known.
func (st *Status) look(known []string) error {
	names, err := streamNames(st.Dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		s := newStream(st.Dir, name)
		all, err := files(s.dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue // It was removed just now.
		}
		if err != nil {
			st.Unreadable = append(st.Unreadable, err.Error())
			continue
		}
		st.Streams++
		st.Segments += len(all)
		for _, f := range all {
			st.Bytes += f.bytes
		}
		if !slices.Contains(known, name) {
			st.lookAt(s, all)
		}
	}
	return nil
}

// lookAt adds what a stream holds.
func (st *Status) lookAt(s *stream, all []found) {
	done := max(readDone(s.dir, s.salt), st.counted[s.name])
	last := done
	for _, f := range all {
		records, _, gaps, err := load(f.name, s.salt)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			st.Unreadable = append(st.Unreadable, filepath.Base(f.name)+" of "+s.name+": "+err.Error())
			continue
		}
		for _, g := range gaps {
			if !g.tail { // At the end somebody may be writing, or have been killed.
				st.Damaged += int64(g.to - g.from)
			}
		}
		e := extentOf(f.number, f.counts, records, f.bytes, last)
		last = max(last, e.last)
		if n := e.after(done); n > 0 {
			st.Waiting += n
			st.saw(e.oldest, e.newest)
			if e.counts {
				st.Counted += n
			}
		}
	}
}
