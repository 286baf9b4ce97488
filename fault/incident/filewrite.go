package incident

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

func randomName() string { return strings.ToLower(rand.Text()[:10]) }

// append writes a transaction at the end of the file, all of it or nothing.
func (s *fileStore) append(f *os.File, ch *changes) error {
	begins := s.size == 0
	data, err := s.header.frames(ch, s.size)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(data, s.size)
	if err == nil {
		err = f.Sync()
	}
	if err == nil && begins {
		err = syncDir(s.dir)
	}
	if err != nil {
		// So that it does not count although this says that it failed.
		return errors.Join(err, f.Truncate(s.size))
	}
	s.size += int64(len(data))
	s.mem.apply(ch)
	return nil
}

// frames returns a transaction as it is written at an offset of a file with that header, and notes in
// the changes where their samples are.
func (h fileHeader) frames(ch *changes, offset int64) ([]byte, error) {
	var data []byte
	if offset == 0 {
		payload, err := json.Marshal(h)
		if err != nil {
			return nil, err
		}
		data = appendFrame(data, frameHeader, payload)
	}
	for i := range ch.Samples {
		s := &ch.Samples[i]
		s.Ref = extent{offset + int64(len(data)) + frameOverhead, int64(len(s.Data))}
		data = appendFrame(data, frameSample, s.Data)
	}
	payload, err := json.Marshal(ch)
	if err != nil {
		return nil, err
	}
	return appendFrame(data, frameChanges, payload), nil
}

// rewrite writes the file anew, without what is no longer of use. It closes the old one.
func (s *fileStore) rewrite(old *os.File, now time.Time) error {
	h := s.header
	h.Generation = randomName()
	temporary := s.path() + ".new"
	size, err := s.writeSnapshot(temporary, h, old, now)
	_ = old.Close() // It was only read since it was synced.
	if err == nil {
		err = rename(temporary, s.path())
	}
	if err != nil {
		// The old one is still there and whole. Later again.
		s.compact = s.size
		return nil
	}
	if err := syncDir(s.dir); err != nil {
		return err
	}
	f, err := s.open(os.O_RDONLY) // which has another generation and is read from its beginning
	if err != nil || f == nil {
		return err
	}
	s.compact = size
	return f.Close()
}

func (s *fileStore) writeSnapshot(path string, h fileHeader, old io.ReaderAt, now time.Time) (size int64, err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, err
	}
	w := bufio.NewWriter(f)
	err = s.mem.snapshot(now, func(ch *changes) error {
		for i := range ch.Samples {
			data := make([]byte, ch.Samples[i].Ref.Length)
			if _, err := old.ReadAt(data, ch.Samples[i].Ref.Offset); err != nil {
				return err
			}
			ch.Samples[i].Data = data
		}
		data, err := h.frames(ch, size)
		if err != nil {
			return err
		}
		size += int64(len(data))
		_, err = w.Write(data)
		return err
	})
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	return size, errors.Join(err, f.Close())
}

// clear removes the file. The lock is held.
func (s *fileStore) clear() error {
	err := insist(func() error { return os.Remove(s.path()) })
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	s.header, s.size, s.compact, s.mem = fileHeader{}, 0, 0, newMemory()
	return syncDir(s.dir)
}

func rename(from, to string) error {
	return insist(func() error { return os.Rename(from, to) })
}

// insist tries for a moment on Windows, where a file that another process reads cannot be replaced or
// removed.
func insist(fn func() error) error {
	for attempt := 1; ; attempt++ {
		err := fn()
		if err == nil || errors.Is(err, fs.ErrNotExist) || runtime.GOOS != "windows" || attempt == 20 {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// syncDir makes what was created, renamed or removed in a directory durable. Windows has no such thing.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(filepath.Clean(dir))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
