package journal

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"example.org/microblog/fault/internal/filelock"
)

// A stream is a directory of its own within the journal's, made by one process and locked for as long
// as that lives.
const (
	lockName = "lock"
	doneName = "done"
	doneSize = 12
)

// unlockedFor is how long a stream's directory must have been unchanged before it is taken over without
// a lock file, which somebody must have removed.
const unlockedFor = time.Minute

// streamName is what newStreamName returns.
var streamName = regexp.MustCompile(`^\d{8}T\d{6}Z-[0-9a-f]{16}$`)

// newStreamName returns a name that no other stream has, ever. Names sort by time.
func newStreamName() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // It never fails: without randomness the process ends.
	return time.Now().UTC().Format("20060102T150405Z-") + hex.EncodeToString(b[:])
}

// stream is one that this process writes or has taken over. Journal.mu guards extents, given and done;
// the rest belongs to whoever holds Journal.reading.
type stream struct {
	name, dir string
	salt      uint32
	extents   []extent // by number; of an own stream those that are durable
	given     int64    // up to where Next has given it
	done      int64
	doneFile  *os.File
	lock      *os.File // nil where the file system has no locks, or before the own one was made
	lockless  bool     // the file system has no locks
	aside     time.Time
	keep      bool     // something of it cannot be read here; it is not removed
	gone      []extent // done, but their files could not be removed yet
	ended     bool     // it is not written any more

	loaded       []record // of the file of that number, which Next reads at the time
	loadedNumber int
}

func newStream(dir, name string) *stream {
	return &stream{name: name, dir: filepath.Join(dir, name), salt: salt(name)}
}

func (s *stream) path(number int, counts bool) string {
	return filepath.Join(s.dir, fileName(number, counts))
}

// create makes the stream's directory and locks it.
func (s *stream) create(d disk) error {
	for range 5 {
		if err := d.mkdir(s.dir); err != nil {
			return err
		}
		f, err := os.OpenFile(filepath.Join(s.dir, lockName), os.O_RDWR|os.O_CREATE, fileMode)
		if errors.Is(err, fs.ErrNotExist) {
			continue // Another process took it for a dead one and has removed it.
		}
		if err != nil {
			return err
		}
		switch err := lockNamed(f); {
		case err == nil:
			s.lock = f
		case errors.Is(err, errors.ErrUnsupported):
			f.Close() // nothing was written
			s.lockless = true
		default:
			f.Close() // likewise
			time.Sleep(time.Millisecond)
			continue
		}
		for _, dir := range []string{s.dir, filepath.Dir(s.dir)} {
			if err := d.syncDir(dir); err != nil {
				s.unlock() // All of it is tried again.
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("its directory %s is removed by something again and again", s.dir)
}

// errGone is a lock file that has lost its name.
var errGone = errors.New("it was removed meanwhile")

// lockNamed locks a file and makes sure that it still has its name.
func lockNamed(f *os.File) error {
	if err := filelock.Try(f); err != nil {
		return err
	}
	opened, err := f.Stat()
	if err != nil {
		return err
	}
	named, err := os.Stat(f.Name())
	if err != nil || !os.SameFile(opened, named) {
		return errGone
	}
	return nil
}

// adopt takes over the stream of a process that is dead. It returns filelock.ErrLocked if that is
// not, errGone if another process was faster, and errors.ErrUnsupported, having taken it over, where
// there are no locks.
func (s *stream) adopt() error {
	s.ended = true
	name := filepath.Join(s.dir, lockName)
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		if os.Remove(s.dir) == nil { // It was empty. Who is just making it makes it again.
			return errGone
		}
		info, statErr := os.Stat(s.dir)
		if statErr != nil || time.Since(info.ModTime()) < unlockedFor {
			return errGone
		}
		f, err = os.OpenFile(name, os.O_RDWR|os.O_CREATE, fileMode)
	}
	if err != nil {
		return err
	}
	err = lockNamed(f)
	if err != nil {
		f.Close() // nothing was written
		return err
	}
	s.lock = f
	return nil
}

// damage is something in a file that could not be read.
type damage struct {
	file  string
	bytes int
	tail  bool
	err   error
}

// index reads what the files of an adopted stream hold, and cuts their ends off behind the last
// record. It returns what could not be read.
func (s *stream) index() ([]damage, error) {
	all, err := files(s.dir)
	if err != nil {
		return nil, err
	}
	var bad []damage
	var last int64
	for _, f := range all {
		records, end, gaps, err := load(f.name, s.salt)
		if err != nil {
			s.keep = true
			bad = append(bad, damage{file: f.name, bytes: int(f.bytes), err: err})
			continue
		}
		for _, g := range gaps {
			bad = append(bad, damage{file: f.name, bytes: g.to - g.from, tail: g.tail})
		}
		if int64(end) < f.bytes {
			_ = os.Truncate(f.name, int64(end)) // Room is all it takes.
		}
		e := extentOf(f.number, f.counts, records, int64(end), last)
		last = max(last, e.last)
		s.extents = append(s.extents, e)
	}
	s.done = min(readDone(s.dir, s.salt), last)
	s.given = s.done
	return bad, nil
}

// grow adds what was written to an own stream. Journal.mu is held.
func (s *stream) grow(more []extent) {
	for _, e := range more {
		if n := len(s.extents); n > 0 && s.extents[n-1].number == e.number {
			known := &s.extents[n-1]
			known.last, known.bytes = e.last, e.bytes
			known.saw(e.oldest, e.newest)
			continue
		}
		s.extents = append(s.extents, e)
	}
}

// forget lets go of the extents that are done, but for the last segment of a stream that is still
// written, and returns them. Journal.mu is held.
func (s *stream) forget() (gone []extent) {
	active := 0
	if !s.ended {
		for _, e := range s.extents {
			if !e.counts {
				active = max(active, e.number)
			}
		}
	}
	s.extents = slices.DeleteFunc(s.extents, func(e extent) bool {
		if e.last > s.done || e.number == active {
			return false
		}
		gone = append(gone, e)
		return true
	})
	return gone
}

// waiting returns how many failures are not done.
func (s *stream) waiting() (n int64) {
	for i := range s.extents {
		n += s.extents[i].after(s.done)
	}
	return n
}

// counted returns how many of those are only counted.
func (s *stream) counted() (n int64) {
	for i := range s.extents {
		if s.extents[i].counts {
			n += s.extents[i].after(s.done)
		}
	}
	return n
}

// last returns the last number that is durable.
func (s *stream) last() int64 {
	var last int64
	for i := range s.extents {
		last = max(last, s.extents[i].last)
	}
	return last
}

// saveDone writes down what is done. It is not synced: after the end of the machine some may be given
// again, which the reader's books must know to tell anyway.
func (s *stream) saveDone(done int64) error {
	if s.doneFile == nil {
		f, err := os.OpenFile(filepath.Join(s.dir, doneName), os.O_RDWR|os.O_CREATE, fileMode)
		if err != nil {
			return err
		}
		s.doneFile = f
	}
	b := binary.LittleEndian.AppendUint64(make([]byte, 0, doneSize), uint64(done))
	b = binary.LittleEndian.AppendUint32(b, crc32.Update(s.salt, table, b))
	_, err := s.doneFile.WriteAt(b, 0)
	return err
}

// readDone returns what saveDone has written, 0 if that cannot be read: nothing is done then.
func readDone(dir string, salt uint32) int64 {
	b, err := os.ReadFile(filepath.Join(dir, doneName))
	if err != nil || len(b) != doneSize || crc32.Update(salt, table, b[:8]) != binary.LittleEndian.Uint32(b[8:]) {
		return 0
	}
	return max(0, int64(binary.LittleEndian.Uint64(b)))
}

// release lets another process take the stream over.
func (s *stream) release() {
	if s.doneFile != nil {
		s.doneFile.Close() // All was handed over by write.
		s.doneFile = nil
	}
	s.unlock()
}

func (s *stream) unlock() {
	if s.lock != nil {
		_ = filelock.Unlock(s.lock) // A child between fork and exec may hold a copy that keeps the lock.
		s.lock.Close()              // It holds nothing; closing unlocks.
		s.lock = nil
	}
}

// remove removes the stream, the lock last. What is left after a failure is removed by the next who
// finds it.
func (s *stream) remove() error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	if s.doneFile != nil {
		s.doneFile.Close() // All was handed over by write.
		s.doneFile = nil
	}
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return removalOrder(a.Name()) - removalOrder(b.Name()) })
	for _, e := range entries {
		name := filepath.Join(s.dir, e.Name())
		err := os.Remove(name)
		if err != nil && e.Name() == lockName { // Not while it is open, on Windows.
			s.release()
			err = os.Remove(name)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.release()
			return err
		}
	}
	err = os.Remove(s.dir)
	s.release()
	return err
}

func removalOrder(name string) int {
	switch name {
	case lockName:
		return 2
	case doneName:
		return 1
	}
	return 0
}

// streamNames returns the names of the streams in a journal's directory, the oldest first.
func streamNames(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && streamName.MatchString(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// usage is how much room a journal's files take.
type usage struct {
	segments                    int
	segmentBytes, countingBytes int64
}

// use measures a journal's directory.
func use(dir string) (u usage, err error) {
	names, err := streamNames(dir)
	if err != nil {
		return u, err
	}
	for _, name := range names {
		all, err := files(filepath.Join(dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return u, err
		}
		for _, f := range all {
			if f.counts {
				u.countingBytes += f.bytes
				continue
			}
			u.segments++
			u.segmentBytes += f.bytes
		}
	}
	return u, nil
}
