package journal

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.org/microblog/fault"
)

// The files of a stream are numbered in the order of what they hold: segments with failures, and files
// with failures that are only counted.
const (
	segmentSuffix = ".seg"
	countsSuffix  = ".cnt"
	rewriteSuffix = ".new" // of a file of counts that is being rewritten
)

func fileName(number int, counts bool) string {
	if counts {
		return fmt.Sprintf("%08d%s", number, countsSuffix)
	}
	return fmt.Sprintf("%08d%s", number, segmentSuffix)
}

// parseFileName is the reverse of fileName.
func parseFileName(name string) (number int, counts, ok bool) {
	digits, isSegment := strings.CutSuffix(name, segmentSuffix)
	if !isSegment {
		if digits, counts = strings.CutSuffix(name, countsSuffix); !counts {
			return 0, false, false
		}
	}
	n, err := strconv.ParseUint(digits, 10, 31)
	if err != nil || n == 0 || len(digits) != 8 {
		return 0, false, false
	}
	return int(n), counts, true
}

// record is one failure in a file, or several that are only counted.
type record struct {
	seq     int64
	counted bool
	count   int64
	time    time.Time // of the first
	last    time.Time // of the last
	payload []byte    // JSON; nil if it is lost
}

// captured turns a record into what Next gives.
func (r record) captured(stream string) fault.Captured {
	c := fault.Captured{Count: r.count, At: fault.Position{Stream: stream, Offset: r.seq}}
	if r.counted {
		c.Last = r.last
	}
	var err error
	if c.Failure, err = decode(r.payload); err != nil {
		c.Failure = substitute("a failure that was kept and cannot be read: " + err.Error())
		c.Failure.Time = r.time
	}
	return c
}

// load reads a file of a stream.
func load(path string, salt uint32) (records []record, end int, gaps []gap, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, 0, nil, err
	}
	return parse(data, salt)
}

// parse returns the records in a file's content, by number, and beside them what scan does. Frames
// that repeat a number are left out: they were written again because it was not certain that they were
// written. The records' payloads are parts of data.
func parse(data []byte, salt uint32) (records []record, end int, gaps []gap, err error) {
	byNumber := map[int64]int{}
	var seq int64
	end, gaps, err = scan(data, salt, func(f frame) {
		i, known := byNumber[f.seq]
		if !known {
			if f.kind != kindMore && f.seq < seq {
				return
			}
			i = len(records)
			byNumber[f.seq] = i
			records = append(records, record{seq: f.seq, counted: f.kind != kindFailure, time: f.time})
		}
		r := &records[i]
		switch {
		case f.kind == kindMore && r.counted: // The first may be lost; the others are not for that.
			n, last := f.more()
			if r.count += n; last.After(r.last) {
				r.last = last
			}
		case f.kind != kindMore && r.payload == nil:
			r.payload, r.time = f.payload, f.time
			if r.count++; f.time.After(r.last) {
				r.last = f.time
			}
			seq = f.seq
		}
	})
	slices.SortStableFunc(records, func(a, b record) int { return cmp.Compare(a.seq, b.seq) })
	return records, end, gaps, err
}

// extent is what is known of a file without reading it.
type extent struct {
	number         int
	counts         bool
	first, last    int64 // sequence numbers
	bytes          int64 // of frames and header
	oldest, newest time.Time
	// marks are the counts by number, in order; nil if each number from first to last is one failure.
	marks []mark
}

type mark struct{ seq, count int64 }

// extentOf returns the extent of a file, without the records up to the number after.
func extentOf(number int, counts bool, records []record, bytes, after int64) extent {
	e := extent{number: number, counts: counts, bytes: bytes}
	even := true
	for _, r := range records {
		if r.seq <= after {
			continue
		}
		if e.first == 0 {
			e.first = r.seq
		} else if r.seq != e.last+1 {
			even = false
		}
		e.last = r.seq
		even = even && r.count == 1
		e.marks = append(e.marks, mark{r.seq, r.count})
		e.saw(r.time, r.last)
	}
	if even {
		e.marks = nil
	}
	return e
}

// saw widens the extent's time.
func (e *extent) saw(first, last time.Time) {
	if e.oldest.IsZero() || first.Before(e.oldest) {
		e.oldest = first
	}
	if last.After(e.newest) {
		e.newest = last
	}
}

// after returns how many failures it has with numbers greater than seq.
func (e *extent) after(seq int64) (n int64) {
	if e.last <= seq {
		return 0
	}
	if e.marks == nil {
		return e.last - max(seq, e.first-1)
	}
	for _, m := range e.marks {
		if m.seq > seq {
			n += m.count
		}
	}
	return n
}

// found is a file of a stream.
type found struct {
	name   string
	number int
	counts bool
	bytes  int64
}

// files lists a stream's files by number. A file that goes meanwhile is left out.
func files(dir string) ([]found, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []found
	for _, e := range entries {
		number, counts, ok := parseFileName(e.Name())
		if !ok {
			continue
		}
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		all = append(all, found{name: filepath.Join(dir, e.Name()), number: number, counts: counts, bytes: info.Size()})
	}
	slices.SortFunc(all, func(a, b found) int { return cmp.Compare(a.number, b.number) })
	return all, nil
}
