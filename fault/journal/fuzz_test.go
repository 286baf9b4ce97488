package journal_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"example.org/microblog/fault/journal"
)

// FuzzScan reads any content as a segment: what it finds is there, in order, and apart.
func FuzzScan(f *testing.F) {
	good := journal.Segment("one", "two", "three")
	f.Add(good)
	f.Add(good[:len(good)-3])
	f.Add(good[20:])
	f.Add(append(slices.Clone(good), make([]byte, 100)...))
	f.Add(slices.Concat(good[:70], good[60:]))
	f.Add(journal.NewerHeader())
	f.Add(bytes.Repeat([]byte{0xfb, 0xfe, 0xfa, 0xff}, 100))
	f.Add([]byte(nil))
	f.Add(journal.Counts(3))
	f.Add(append(journal.Counts(9), journal.Counts(2)...))
	f.Add(append(journal.Counts(9)[64+2:], journal.Counts(2)[32:]...))
	f.Fuzz(func(t *testing.T, data []byte) {
		found, end, gaps, err := journal.Scan(data)
		if err != nil && (len(found) > 0 || len(gaps) > 0) {
			t.Fatalf("%v, and yet %d are found", err, len(found))
		}
		if records, failures, ordered := journal.CountRecords(data); records > len(found) || failures < int64(records) || !ordered {
			t.Fatalf("%d records of %d failures in %d frames, in order: %v", records, failures, len(found), ordered)
		}
		at := 0
		for _, payload := range found {
			i := bytes.Index(data[at:], payload)
			if i < 0 {
				t.Fatalf("%q is not there, or not in this place", payload)
			}
			at += i + len(payload)
		}
		if at > end || end > len(data) {
			t.Fatalf("%d bytes of %d are used up to %d", end, len(data), at)
		}
		last := 0
		for i, g := range gaps {
			if g[0] < last || g[0] >= g[1] || g[1] > len(data) {
				t.Fatalf("gaps %v of %d bytes", gaps, len(data))
			}
			last = g[1]
			if tail := g[0] >= end; tail != (i == len(gaps)-1 && g[1] > end) {
				t.Fatalf("gaps %v, end %d", gaps, end)
			}
		}
	})
}

// The first of what is counted may be lost; the others count all the same.
func TestCountsWithoutFirst(t *testing.T) {
	t.Parallel()
	if records, failures, ordered := journal.CountRecords(journal.Counts(5)); records != 2 || failures != 10 || !ordered {
		t.Errorf("%d records of %d failures, in order: %v", records, failures, ordered)
	}
}

// FuzzDamage overwrites a part of a segment: every record outside of it is found.
func FuzzDamage(f *testing.F) {
	f.Add([]byte("one"), uint16(40), []byte("x"))
	f.Add([]byte{0xfb, 0xfe, 0xfa, 0xff, 0, 0}, uint16(100), []byte{0, 0, 0, 0})
	f.Add([]byte(nil), uint16(0), []byte("faultjnl"))
	f.Fuzz(func(t *testing.T, payload []byte, at uint16, noise []byte) {
		var all []string
		for i := range 5 {
			all = append(all, fmt.Sprint(i, string(payload)))
		}
		data := journal.Segment(all...)
		size := 32 + len(all[0]) // of a frame
		end := min(len(data), int(at)+len(noise))
		copy(data[min(int(at), len(data)):], noise)
		found, _, _, err := journal.Scan(data)
		if err != nil {
			return // The noise is a header of another version, then.
		}
		for i, want := range all {
			from := 32 + i*size
			if from+size <= int(at) || from >= end {
				if !slices.ContainsFunc(found, func(p []byte) bool { return string(p) == want }) {
					t.Errorf("record %d of %d bytes is not found; bytes %d to %d are noise", i, size, at, end)
				}
			}
		}
	})
}
