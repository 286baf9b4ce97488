package logfile

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"example.org/microblog/fault/internal/filelock"
)

const (
	// patience is how long to wait for another process' lock. They are held
	// for microseconds, unless somebody is stopped while holding one.
	patience = 2 * time.Second

	// overrun is how many times its limit the file may grow to while it cannot
	// be rotated.
	overrun = 10

	dirMode  = 0o750
	fileMode = 0o640
)

var (
	errDirectory = errors.New("it is a directory")
	errRestless  = errors.New("it keeps being moved away")
)

// disk appends records to the file that has the name at the time, under the
// lock that all processes take. It is not safe for concurrent use.
type disk struct {
	path    string
	max     int64
	backups int

	file       *os.File    // nil: not open
	id         os.FileInfo // of file, for os.SameFile
	regular    bool        // others are neither locked nor rotated
	unlockable bool        // the file system refused to lock

	locked bool
	now    os.FileInfo // of file, while it is locked
	size   int64       // of file when we last wrote whole records to it; else -1
	torn   bool        // half a record lies in a device or pipe, which cannot be asked

	stuck    error     // why the file could not be rotated the last time; nil: it could
	rotateAt time.Time // until then it is not tried again
}

// limit is the size up to which the file may grow now.
func (d *disk) limit() int64 {
	if !time.Now().Before(d.rotateAt) {
		return d.max
	}
	if d.max > math.MaxInt64/overrun {
		return math.MaxInt64
	}
	return d.max * overrun
}

// append writes the records of b in order and returns how many it has written
// whole, and why not the others.
func (d *disk) append(b *batch) (n int, err error) {
	for vain := 0; n < b.len(); vain++ {
		if err := d.lock(); err != nil {
			return n, err
		}
		before := n
		var full bool
		n, full, err = d.fill(b, n)
		if full && err == nil {
			err = d.makeRoom()
		}
		d.unlock()
		if err != nil {
			return n, err
		}
		if n > before {
			vain = 0
		}
		if vain == 1000 {
			return n, errRestless
		}
	}
	return n, nil
}

// fill writes the records from n on that fit into the locked file. It returns
// the first one not written, and whether that is because the file is full.
func (d *disk) fill(b *batch, n int) (_ int, full bool, err error) {
	size, limit := d.now.Size(), d.limit()
	if !d.endsLine(size) { // somebody was killed or ran out of space in the middle of a record
		if !d.regular || d.max == 0 || size < limit {
			if _, err := d.write([]byte{'\n'}); err != nil {
				return n, false, err
			}
			size++
		}
		d.torn = false
	}
	for n < b.len() {
		end := b.len()
		if d.max > 0 && d.regular {
			end = b.fit(n, limit-size)
			if end == n && size > 0 {
				return n, true, nil
			}
			end = max(end, n+1) // longer than any file may be: a file of its own
		}
		from := b.start(n)
		k, err := d.write(b.buf[from:b.ends[end-1]])
		if err != nil {
			whole := n
			for whole < end && b.ends[whole]-from <= k {
				whole++
			}
			d.takeBack(int64(k - (b.start(whole) - from)))
			return whole, false, err
		}
		n, size = end, size+int64(k)
		d.size = size
	}
	return n, false, nil
}

// write appends p. The file's size is then unknown until the caller says so.
func (d *disk) write(p []byte) (int, error) {
	d.size = -1
	if !d.regular { // a pipe that nobody reads blocks
		d.file.SetWriteDeadline(time.Now().Add(patience)) // not all have one, nor need it
	} else if err := toEnd(d.file); err != nil {
		return 0, err
	}
	return d.file.Write(p)
}

// takeBack removes the last n bytes, which are a part of a record. If that
// fails, the next record begins on a new line.
func (d *disk) takeBack(n int64) {
	if n == 0 {
		return
	}
	if !d.regular {
		d.torn = true
		return
	}
	// The size is asked anew, since the file may have been emptied from outside.
	if info, err := d.file.Stat(); err == nil && info.Size() >= n {
		d.file.Truncate(info.Size() - n) // the next append looks
	}
}

// endsLine reports whether the next record can follow what is there.
func (d *disk) endsLine(size int64) bool {
	if !d.regular {
		return !d.torn
	}
	if size == 0 || size == d.size {
		return true
	}
	var last [1]byte
	if _, err := d.file.ReadAt(last[:], size-1); err != nil {
		return true // emptied from outside just now, or unreadable
	}
	return last[0] == '\n'
}

// lock opens the file if necessary and locks it, making sure that it still has
// the name. It gives up when its patience is at an end.
func (d *disk) lock() error {
	for deadline := time.Now().Add(patience); ; {
		if err := d.open(); err != nil {
			return err
		}
		if d.regular {
			switch err := lockUntil(d.file, deadline); {
			case errors.Is(err, errors.ErrUnsupported):
				d.unlockable = true
			case err != nil:
				return err
			default:
				d.locked = true
			}
		}
		info, err := os.Stat(d.path)
		if err == nil && os.SameFile(info, d.id) {
			d.now = info
			return nil
		}
		d.close() // rotated by another process, or moved away
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if time.Now().After(deadline) {
			return errRestless
		}
	}
}

func (d *disk) unlock() {
	if !d.locked {
		return
	}
	d.locked = false
	if err := filelock.Unlock(d.file); err != nil {
		d.file.Close() // closing unlocks, too
		d.file = nil
	}
}

// close closes the file and so unlocks it.
func (d *disk) close() {
	if d.file == nil {
		return
	}
	d.unlock() // a child between fork and exec may hold a copy that keeps the lock
	if d.file != nil {
		d.file.Close() // all has been handed over by write
		d.file = nil
	}
	d.size, d.torn = -1, false
}

// open opens the file if it is not open, and creates it and its directory if
// there are none.
func (d *disk) open() error {
	if d.file != nil {
		return nil
	}
	for try := 0; ; try++ {
		f, regular, err := openExisting(d.path)
		created := false
		if errors.Is(err, fs.ErrNotExist) {
			f, err = openNew(d.path, try < 2) // then it may be a symbolic link to nothing
			created, regular = true, true
			switch {
			case errors.Is(err, fs.ErrExist) && try < 2:
				continue // somebody else has just created it
			case errors.Is(err, fs.ErrNotExist) && try < 2:
				if err := os.MkdirAll(filepath.Dir(d.path), dirMode); err != nil {
					return err
				}
				continue
			}
		}
		if err != nil {
			return err
		}
		if created {
			d.giveToService(f)
		}
		return d.use(f, regular)
	}
}

// use makes f the file to write to.
func (d *disk) use(f *os.File, regular bool) error {
	info, err := f.Stat()
	if err != nil {
		f.Close() // nothing was written
		return err
	}
	d.file, d.id, d.regular, d.size = f, info, regular, -1
	d.rotateAt = time.Time{}
	return nil
}

// openExisting opens a file for appending and says whether it is a regular one.
func openExisting(path string) (*os.File, bool, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, false, err
	}
	if info.IsDir() {
		return nil, false, &fs.PathError{Op: "open", Path: path, Err: errDirectory}
	}
	if !info.Mode().IsRegular() || isDeviceName(path) {
		f, err := openSpecial(path)
		return f, false, err
	}
	f, err := openRegular(path)
	return f, true, err
}

// giveToService gives a file that root has created to the directory's owner, so
// that a command run by root does not shut the service out of its own log.
func (d *disk) giveToService(f *os.File) {
	if info, err := os.Stat(filepath.Dir(d.path)); err == nil {
		takeOwner(f, info)
	}
}

// lockUntil locks f, waiting until the deadline.
func lockUntil(f *os.File, deadline time.Time) error {
	for wait := 20 * time.Microsecond; ; wait = min(2*wait, 2*time.Millisecond) {
		err := filelock.Try(f)
		if !errors.Is(err, filelock.ErrLocked) {
			return err
		}
		if time.Now().After(deadline) {
			return &fs.PathError{Op: "lock", Path: f.Name(), Err: filelock.ErrLocked}
		}
		time.Sleep(wait)
	}
}
