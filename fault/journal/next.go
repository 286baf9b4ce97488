package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sort"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/filelock"
)

const (
	scanEvery  = time.Second      // how often Next looks for streams of dead processes
	asideFor   = 10 * time.Second // a stream whose files cannot be read at the time
	mostAtOnce = 1 << 16
	// A table of counts is given as soon as there is nothing else to give, but while earlier ones are
	// not done, no sooner than this for each of them, at most sealLatest.
	sealStep   = time.Second
	sealLatest = time.Minute
)

// Next waits until there are failures that it has not given yet, and returns up to max of them, of one
// stream, in order: of this process, or of one that is dead. It returns ctx's error when ctx ends, and
// ErrClosed after Close. A Failure that it returns must not be changed.
//
// Each failure is given once to all callers together, and again after Rewind or by the next process as
// long as it is not Done. In what is given again later, a failure may be missing that was never
// durable.
func (j *Journal) Next(ctx context.Context, max int) ([]fault.Captured, error) {
	max = min(max, mostAtOnce)
	if max < 1 {
		return nil, fmt.Errorf("reading the journal: at most %d failures are asked for; at least 1 must be", max)
	}
	timer := time.NewTimer(scanEvery)
	defer timer.Stop()
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		j.mu.Lock()
		wake, closed := j.wake, j.closed
		j.sleepers++
		j.mu.Unlock()
		var got []fault.Captured
		if !closed {
			got = j.take(max)
		}
		if len(got) == 0 && !closed {
			timer.Reset(scanEvery)
			select {
			case <-wake:
			case <-timer.C:
			case <-ctx.Done():
			}
		}
		j.mu.Lock()
		j.sleepers--
		j.mu.Unlock()
		switch {
		case closed:
			return nil, ErrClosed
		case len(got) > 0:
			return got, nil
		}
	}
}

// take returns what there is now, from one stream after the other.
func (j *Journal) take(max int) []fault.Captured {
	j.reading.Lock()
	defer j.reading.Unlock()
	if j.released {
		return nil
	}
	j.adopt()
	now := time.Now()
	n := 1 + len(j.adopted)
	for i := range n {
		k := (j.turn + i) % n
		s := j.own
		if k > 0 {
			s = j.adopted[k-1]
		}
		if now.Before(s.aside) {
			continue
		}
		var got []fault.Captured
		if s == j.own {
			got = j.takeOwn(max)
		} else {
			got = j.read(s, s.last(), max)
		}
		if len(got) > 0 {
			j.turn = k + 1
			return got
		}
	}
	return nil
}

// takeOwn returns what the own stream has: from its files as far as they are all there is of it, then
// from memory. j.reading is held.
func (j *Journal) takeOwn(max int) (got []fault.Captured) {
	s := j.own
	for {
		j.mu.Lock()
		j.tail.forget(s.given)
		base := j.tail.base
		if s.given < base {
			j.mu.Unlock()
			if got = j.read(s, base, max); len(got) > 0 || time.Now().Before(s.aside) {
				return got
			}
			continue
		}
		for bytes := int64(0); len(got) < max && len(j.tail.entries) > 0 && bytes < maxBatch; {
			e := j.tail.pop()
			s.given = e.seq
			bytes += e.size
			got = append(got, e.captured(s.name))
		}
		if len(got) > 0 || !j.maySeal() || !j.seal() {
			j.mu.Unlock()
			return got
		}
		j.mu.Unlock()
	}
}

// maySeal tells whether it is time to give what is only counted. j.mu and j.reading are held.
func (j *Journal) maySeal() bool {
	if j.counts == nil || j.counts.busy {
		return false
	}
	now := time.Now()
	earlier, bytes := 0, j.counts.size
	for i := range j.own.extents {
		if e := &j.own.extents[i]; e.counts && e.last > j.own.done {
			earlier++
			bytes += e.bytes
		}
	}
	if earlier > 0 && (now.Sub(j.sealedAt) < min(time.Duration(earlier)*sealStep, sealLatest) || bytes > j.countsLimit) {
		return false
	}
	j.sealedAt = now
	return true
}

// read returns failures of a stream from its files, with numbers up to upTo. j.reading is held.
func (j *Journal) read(s *stream, upTo int64, max int) (got []fault.Captured) {
	bytes := 0
	for {
		j.mu.Lock()
		given := s.given
		if given >= upTo { // The extent may go on beyond that.
			j.mu.Unlock()
			return got
		}
		i := slices.IndexFunc(s.extents, func(e extent) bool { return e.last > given })
		if i < 0 || s.extents[i].first > upTo {
			if len(got) == 0 {
				s.given = upTo // What is missing is lost, and the log has been told.
			}
			j.mu.Unlock()
			return got
		}
		e := s.extents[i]
		j.mu.Unlock()
		end := min(e.last, upTo)
		if n := len(s.loaded); s.loadedNumber != e.number || n == 0 || s.loaded[n-1].seq < end {
			if !j.load(s, e) {
				return got
			}
		}
		from := sort.Search(len(s.loaded), func(i int) bool { return s.loaded[i].seq > given })
		for _, r := range s.loaded[from:] {
			if r.seq > end {
				break
			}
			if len(got) == max || bytes >= maxBatch {
				return got
			}
			got = append(got, r.captured(s.name))
			bytes += len(r.payload)
			j.mu.Lock()
			s.given = r.seq
			j.mu.Unlock()
		}
		j.mu.Lock()
		if s.given = end; end == e.last {
			s.loaded, s.loadedNumber = nil, 0
		}
		j.mu.Unlock()
	}
}

// load reads one of a stream's files. If that fails, the stream is set aside for a while, or if the
// file is gone, what it held is given up.
func (j *Journal) load(s *stream, e extent) bool {
	records, _, _, err := load(s.path(e.number, e.counts), s.salt)
	if err == nil {
		s.loaded, s.loadedNumber = records, e.number
		return true
	}
	if errors.Is(err, fs.ErrNotExist) {
		j.logger.Error("Journal file is gone: its failures are lost", "err", err, "failures", e.after(s.given))
		j.mu.Lock()
		s.given = e.last
		j.mu.Unlock()
		return true
	}
	j.logger.Error("Journal file cannot be read; trying again later", "err", err)
	s.aside = time.Now().Add(asideFor)
	return false
}

// adopt takes over the streams of processes that have died, if it is time to look for them. j.reading
// is held.
func (j *Journal) adopt() {
	now := time.Now()
	if now.Before(j.scanAt) {
		return
	}
	j.scanAt = now.Add(scanEvery)
	names, err := streamNames(j.dir)
	if err != nil {
		j.tellOnce("", "Journal directory cannot be read; trying again", err)
		return
	}
	for name := range j.told {
		if !slices.Contains(names, name) {
			delete(j.told, name)
		}
	}
	for _, name := range names {
		if name == j.own.name || slices.ContainsFunc(j.adopted, func(s *stream) bool { return s.name == name }) {
			continue
		}
		j.adoptOne(newStream(j.dir, name))
	}
}

// adoptOne takes over a stream, if its process is dead.
func (j *Journal) adoptOne(s *stream) {
	switch err := s.adopt(); {
	case err == nil:
	case errors.Is(err, filelock.ErrLocked), errors.Is(err, errGone):
		return
	case errors.Is(err, errors.ErrUnsupported):
		j.tellOnce("locks", "Journal is on a file system without locks: only one process may use it", err)
	default:
		j.tellOnce(s.name, "Journal of a process that has ended cannot be taken over; trying again", err)
		return
	}
	bad, err := s.index()
	if err != nil {
		s.release()
		j.tellOnce(s.name, "Journal of a process that has ended cannot be read; trying again", err)
		return
	}
	for _, d := range bad {
		switch {
		case d.err != nil:
			j.logger.Error("Journal file cannot be read; it is kept", "file", d.file, "err", d.err)
		case d.tail:
			j.logger.Warn("Journal file has a torn end, which was cut", "file", d.file, "bytes", d.bytes)
		default:
			j.logger.Error("Journal file is damaged; what can be read of it is used", "file", d.file, "bytes", d.bytes)
		}
	}
	n := s.waiting()
	if n == 0 && !s.keep {
		if err := s.remove(); err != nil && !errors.Is(err, fs.ErrNotExist) {
			j.tellOnce(s.name, "Journal of a process that has ended cannot be removed; trying again", err)
		}
		return
	}
	j.mu.Lock()
	j.adopted = append(j.adopted, s)
	j.mu.Unlock()
	if n > 0 {
		j.logger.Info("Journal of a process that has ended was taken over", "stream", s.name, "failures", n)
	}
}

// tellOnce writes a line to the log unless it has been written about that thing before.
func (j *Journal) tellOnce(what, message string, err error) {
	if !j.told[what] {
		j.told[what] = true
		j.logger.Warn(message, "dir", j.dir, "err", err)
	}
}

// Done forgets the failures of a stream up to and including that position: they are kept elsewhere.
// It may be called again, and with a position that Next has not come to yet. A stream that is not
// known has nothing to forget. The error tells that something could not be written or removed; the
// failures are Done all the same, but may be given again by the next process.
func (j *Journal) Done(p fault.Position) error {
	j.reading.Lock()
	defer j.reading.Unlock()
	if j.released {
		return ErrClosed
	}
	j.mu.Lock()
	s := j.stream(p.Stream)
	if s == nil {
		j.mu.Unlock()
		return nil
	}
	last := j.seq
	if s != j.own {
		last = s.last()
	}
	p.Offset = min(p.Offset, last)
	if p.Offset <= s.done {
		j.mu.Unlock()
		return nil
	}
	s.done = p.Offset
	s.given = max(s.given, s.done)
	gone := s.forget()
	left := s.waiting()
	j.mu.Unlock()

	if s.ended && left == 0 && !s.keep {
		j.mu.Lock()
		j.adopted = slices.DeleteFunc(j.adopted, func(o *stream) bool { return o == s })
		j.mu.Unlock()
		if err := s.remove(); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing what is done of the journal: %w", err)
		}
		j.freed.Store(true)
		return nil
	}
	var errs []error
	if err := s.saveDone(p.Offset); err != nil {
		errs = append(errs, fmt.Errorf("noting what is done of the journal: %w", err))
	}
	// Also if that failed: on a full disk this is what makes room.
	s.gone = slices.DeleteFunc(append(s.gone, gone...), func(e extent) bool {
		if err := j.disk.remove(s.path(e.number, e.counts)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("removing what is done of the journal: %w", err))
			return false
		}
		j.freed.Store(true)
		return true
	})
	return errors.Join(errs...)
}

// stream returns the stream of that name, nil if it is not here. j.mu is held.
func (j *Journal) stream(name string) *stream {
	if name == j.own.name {
		return j.own
	}
	for _, s := range j.adopted {
		if s.name == name {
			return s
		}
	}
	return nil
}

// Rewind makes Next give again everything that is not Done.
func (j *Journal) Rewind() {
	j.reading.Lock()
	defer j.reading.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, s := range append([]*stream{j.own}, j.adopted...) {
		s.given = s.done
	}
	held := j.held
	for len(held) > 0 && held[0].seq <= j.own.done {
		held = held[1:]
	}
	j.tail.restore(held)
	j.rouse()
}

// Waiting returns how many failures were captured by this process, or by dead ones whose streams it has
// taken over, and are not Done.
func (j *Journal) Waiting() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := j.unwritten() + j.own.waiting()
	if j.counts != nil {
		n += j.counts.total() - j.counts.unwritten()
	}
	for _, s := range j.adopted {
		n += s.waiting()
	}
	return n
}
