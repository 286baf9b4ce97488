package journal

import (
	"encoding/binary"
	"hash/crc32"
	"sync"
	"sync/atomic"
	"time"
)

// FaultyDisk is the operating system's disk, but for what a test makes of it. Unless it is Durable, it
// leaves out what only the end of the machine would show, which is slow where others use the disk.
type FaultyDisk struct {
	osDisk
	Durable bool
	Syncs   atomic.Int64 // of files

	mu    sync.Mutex
	err   error         // of everything that writes
	dirs  error         // of making durable which files a directory has
	room  int64         // with err: bytes that are written before it
	stuck chan struct{} // writing waits until it is closed
}

// OpenOn is Open on that disk.
func OpenOn(o Options, d *FaultyDisk) (*Journal, error) { return openOn(o, d) }

// Fail makes all writing fail after so many bytes, or with nil work again.
func (d *FaultyDisk) Fail(err error, after int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err, d.room = err, after
}

// FailDirs makes syncing directories fail, or with nil work again.
func (d *FaultyDisk) FailDirs(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dirs = err
}

func (d *FaultyDisk) syncDir(path string) error {
	d.mu.Lock()
	err := d.dirs
	d.mu.Unlock()
	if err != nil || !d.Durable {
		return err
	}
	return d.osDisk.syncDir(path)
}

// Stick makes all writing wait until the returned function is called.
func (d *FaultyDisk) Stick() (release func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	stuck := make(chan struct{})
	d.stuck = stuck
	return sync.OnceFunc(func() {
		d.mu.Lock()
		d.stuck = nil
		d.mu.Unlock()
		close(stuck)
	})
}

// take returns how many of n bytes may be written, and the error for the others.
func (d *FaultyDisk) take(n int64) (int64, error) {
	d.mu.Lock()
	stuck := d.stuck
	d.mu.Unlock()
	if stuck != nil {
		<-stuck
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err == nil || n > 0 && n <= d.room {
		d.room -= n
		return n, nil
	}
	n = max(0, min(n, d.room))
	d.room = 0
	return n, d.err
}

func (d *FaultyDisk) mkdir(path string) error {
	if _, err := d.take(0); err != nil {
		return err
	}
	return d.osDisk.mkdir(path)
}

func (d *FaultyDisk) create(path string) (file, error) {
	if _, err := d.take(0); err != nil {
		return nil, err
	}
	f, err := d.osDisk.create(path)
	return d.wrap(f, err)
}

func (d *FaultyDisk) open(path string) (file, error) {
	f, err := d.osDisk.open(path)
	return d.wrap(f, err)
}

func (d *FaultyDisk) wrap(f file, err error) (file, error) {
	if err != nil {
		return nil, err
	}
	return &faultyFile{file: f, disk: d}, nil
}

func (d *FaultyDisk) rename(from, to string) error {
	if _, err := d.take(0); err != nil {
		return err
	}
	return d.osDisk.rename(from, to)
}

type faultyFile struct {
	file
	disk *FaultyDisk
}

func (f *faultyFile) WriteAt(p []byte, off int64) (int, error) {
	n, err := f.disk.take(int64(len(p)))
	if n > 0 {
		if m, err := f.file.WriteAt(p[:n], off); err != nil {
			return m, err
		}
	}
	return int(n), err
}

func (f *faultyFile) Truncate(size int64) error {
	if _, err := f.disk.take(0); err != nil {
		return err
	}
	return f.file.Truncate(size)
}

func (f *faultyFile) Sync() error {
	f.disk.Syncs.Add(1)
	if _, err := f.disk.take(0); err != nil || !f.disk.Durable {
		return err
	}
	return f.file.Sync()
}

// NewerHeader returns the header of a file of a version that is not known.
func NewerHeader() []byte {
	b := appendHeader(nil, 1, time.Now())
	binary.LittleEndian.PutUint16(b[8:], version+1)
	binary.LittleEndian.PutUint32(b[headerSize-4:], crc32.Checksum(b[:headerSize-4], table))
	return b
}

const testStream = "20260101T000000Z-0000000000000001"

// Segment returns the content of a segment with these payloads.
func Segment(payloads ...string) []byte {
	b := appendHeader(nil, salt(testStream), time.Unix(1, 0))
	for i, p := range payloads {
		b = appendFrame(b, salt(testStream), frame{kind: kindFailure, seq: int64(i + 1), time: time.Unix(1, 0), payload: []byte(p)})
	}
	return b
}

// CountRecords returns how many records the content of a file holds, how many failures those stand for,
// and whether each has a number of its own, in order.
func CountRecords(data []byte) (records int, failures int64, ordered bool) {
	all, _, _, _ := parse(data, salt(testStream))
	ordered = true
	for i, r := range all {
		failures += r.count
		ordered = ordered && (i == 0 || r.seq > all[i-1].seq)
	}
	return len(all), failures, ordered
}

// Counts returns the content of a file of counts: n of one kind, and of another whose first is lost.
func Counts(n int64) []byte {
	b := appendHeader(nil, salt(testStream), time.Unix(1, 0))
	b = appendFrame(b, salt(testStream), frame{kind: kindFirst, seq: 1, time: time.Unix(1, 0), payload: []byte("{}")})
	b = appendFrame(b, salt(testStream), frame{kind: kindMore, seq: 1, payload: appendMore(nil, n-1, time.Unix(2, 0))})
	return appendFrame(b, salt(testStream), frame{kind: kindMore, seq: 2, payload: appendMore(nil, n, time.Unix(3, 0))})
}

// Scan returns the payloads found in the content of a segment, the offset behind the last one, and
// what is between and behind them, from and to.
func Scan(data []byte) (payloads [][]byte, end int, gaps [][2]int, err error) {
	end, all, err := scan(data, salt(testStream), func(f frame) { payloads = append(payloads, f.payload) })
	for _, g := range all {
		gaps = append(gaps, [2]int{g.from, g.to})
	}
	return payloads, end, gaps, err
}
