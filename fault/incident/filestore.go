package incident

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"example.org/microblog/fault/internal/filelock"
)

const (
	stateName = "incidents.state"
	lockName  = "incidents.lock"
	// lockPoll is how often a lock is tried that another process has.
	lockPoll = 5 * time.Millisecond
	// compactAfter is how much longer the file may be than three times what it was when it was written
	// anew the last time, in bytes.
	compactAfter = 1 << 20
)

// fileStore keeps the incidents in a file of its own: always, or while the database is gone. Several
// processes may use the file at the same time.
type fileStore struct {
	dir  string
	seed func() *known // what the database knew; nil: there is none

	mu      sync.Mutex
	header  fileHeader // of the file that mem was read from; zero: there was none
	size    int64      // up to where it was read
	compact int64      // its size when it was written anew
	mem     *memory
}

var _ store = (*fileStore)(nil)

// errImporting says that the state file cannot be used until the database answers.
var errImporting = errors.New("the database was about to take it over and has not answered; it is not known whether it has")

func newFileStore(dir string, seed func() *known) *fileStore {
	return &fileStore{dir: dir, seed: seed, mem: newMemory()}
}

func (s *fileStore) path() string { return filepath.Join(s.dir, stateName) }

// exists tells whether the file holds anything.
func (s *fileStore) exists() bool {
	_, err := os.Stat(s.path())
	return err == nil
}

// lock keeps other processes from writing the file.
func (s *fileStore) lock(ctx context.Context) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(s.dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := filelock.Try(f)
		if err == nil || errors.Is(err, errors.ErrUnsupported) {
			return func() { _ = f.Close() }, nil // Which gives the lock up.
		}
		select {
		case <-time.After(lockPoll):
		case <-ctx.Done():
			_ = f.Close()
			return nil, fmt.Errorf("waiting for another process: %w", ctx.Err())
		}
	}
}

func (s *fileStore) update(ctx context.Context, fn func(context.Context, txn) (*changes, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.updateLocked(ctx, fn); err != nil {
		return fmt.Errorf("state file %s: %w", s.path(), err)
	}
	return nil
}

func (s *fileStore) updateLocked(ctx context.Context, fn func(context.Context, txn) (*changes, error)) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	f, err := s.open(os.O_RDWR)
	if err != nil {
		return err
	}
	defer func() {
		if f != nil {
			_ = f.Close() // What was written is on the disk by then.
		}
	}()
	if s.mem.importing {
		return errImporting
	}
	if f == nil || s.size == 0 {
		s.header = fileHeader{Format: fileFormat, Ledger: randomName(), Generation: randomName()}
	}
	t := &fileTxn{m: s.mem, ledger: s.header.Ledger}
	if s.seed != nil {
		t.seed = s.seed()
	}
	ch, err := fn(ctx, t)
	if err != nil || ch.empty() {
		return err
	}
	if f == nil {
		if f, err = os.OpenFile(s.path(), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
			return err
		}
	}
	if err := s.append(f, ch); err != nil {
		return err
	}
	if s.size > compactAfter+3*s.compact {
		err := s.rewrite(f, ch.Now)
		f = nil
		return err
	}
	return nil
}

// open opens the file and reads what was added since; nil if there is none. With os.O_RDWR, which
// needs the lock, what is torn at its end is cut off.
func (s *fileStore) open(flag int) (*os.File, error) {
	f, err := os.OpenFile(s.path(), flag, 0)
	if errors.Is(err, fs.ErrNotExist) {
		s.header, s.size, s.compact, s.mem = fileHeader{}, 0, 0, newMemory()
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := s.catchUp(f); err != nil {
		_ = f.Close()
		return nil, err
	}
	if flag == os.O_RDWR {
		if err := s.cut(f); err != nil {
			_ = f.Close()
			return nil, err
		}
	}
	return f, nil
}

func (s *fileStore) cut(f *os.File) error {
	info, err := f.Stat()
	if err != nil || info.Size() == s.size {
		return err
	}
	return f.Truncate(s.size)
}

// catchUp reads what the file has more than was read before.
func (s *fileStore) catchUp(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	h, end, err := readStart(f, info.Size())
	if err != nil {
		return err
	}
	if h != s.header || info.Size() < s.size {
		s.header, s.size, s.mem, s.compact = h, end, newMemory(), 0
	}
	for h.Format != 0 {
		kind, payload, err := readFrame(f, s.size, info.Size())
		if errors.Is(err, errTorn) {
			// Most likely the end. Otherwise what is damaged is left out: what comes after it says how
			// far everything has come.
			at, err := nextFrame(f, s.size, info.Size())
			if errors.Is(err, errTorn) {
				return nil
			}
			if err != nil {
				return err
			}
			s.size = at
			continue
		}
		if err != nil {
			return err
		}
		if kind == frameChanges {
			ch, err := decodeChanges(payload)
			if err != nil {
				return fmt.Errorf("at byte %d: %w", s.size, err)
			}
			s.mem.apply(ch)
		}
		s.size += frameOverhead + int64(len(payload))
	}
	return nil
}

// takeOver calls fn with what the file holds, while no other process can write it, and removes it if
// that went well. f is nil if there is no file. If fn's error leaves in doubt whether it has done it, or
// the process ends, nothing is added to the file until takeOver is called again.
func (s *fileStore) takeOver(ctx context.Context, fn func(m *memory, ledger string, f *os.File) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	f, err := s.open(os.O_RDWR)
	if err != nil || f == nil {
		return err
	}
	if s.size == 0 { // It was never finished, nothing is in it.
		_ = f.Close()
		return s.clear()
	}
	before, marked := s.size, s.mem.importing
	if !marked {
		err = s.append(f, &changes{Importing: true})
	}
	if err == nil {
		err = fn(s.mem, s.header.Ledger, f)
	}
	var doubt *inDoubt
	if err != nil && !marked && !errors.As(err, &doubt) {
		s.mem.importing = false
		s.size = before
		err = errors.Join(err, f.Truncate(before))
	}
	_ = f.Close() // What matters was synced.
	if err != nil {
		return err
	}
	return s.clear()
}
