package journal_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"example.org/microblog/fault/journal"
)

// written returns the content of a segment with n very short failures, "0" and so on, and where each
// begins.
func written(n int) (content []byte, starts []int) {
	var payloads []string
	for i := range n {
		payloads = append(payloads, fmt.Sprintf(`{"message":"%d"}`, i))
	}
	content = journal.Segment(payloads...)
	for at := 32; at < len(content); at += 32 + len(payloads[0]) {
		starts = append(starts, at)
	}
	return content, starts
}

// dead makes the stream of a dead process with one segment.
func dead(t testing.TB, dir string, number int, content []byte) (name string) {
	t.Helper()
	name = fmt.Sprintf("20260101T000000Z-%016x", number)
	stream := filepath.Join(dir, name)
	if err := errors.Join(
		os.Mkdir(stream, 0o700),
		os.WriteFile(filepath.Join(stream, "lock"), nil, 0o600),
		os.WriteFile(filepath.Join(stream, "00000001.seg"), content, 0o600),
	); err != nil {
		t.Fatal(err)
	}
	return name
}

// read returns what each stream gives.
func read(t testing.TB, j *journal.Journal) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, c := range drain(t, j) {
		all[c.At.Stream] = append(all[c.At.Stream], c.Failure.Message)
	}
	return all
}

// Wherever the end of a segment was torn off, the records before are whole.
func TestTornTail(t *testing.T) {
	t.Parallel()
	content, starts := written(3)
	starts = append(starts, len(content))
	tails := []struct {
		name  string
		tail  []byte
		every int // how many bytes apart the ends are
	}{
		{"nothing", nil, 1},
		{"zeros", make([]byte, 5000), 10},
		{"noise", bytes.Repeat([]byte{0xfb, 0xfe, 0xfa, 0xff, 0x55, 0, 1}, 50), 1},
	}
	dir := t.TempDir()
	want := map[string][]string{}
	number, noisy := 0, 0
	for _, tt := range tails {
		for size := 0; size <= len(content); size += tt.every {
			number++
			name := dead(t, dir, number, append(slices.Clip(content[:size]), tt.tail...))
			for i := 0; i < 3 && starts[i+1] <= size; i++ {
				want[name] = append(want[name], fmt.Sprint(i))
			}
			if tt.name == "noise" {
				noisy++
			}
		}
	}
	log := &logbook{}
	j := openJournal(t, journal.Options{Dir: dir, Logger: log.logger()})
	got := read(t, j)
	for name, m := range got {
		if !slices.Equal(m, want[name]) {
			t.Errorf("%s: %q, want %q", name, m, want[name])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d streams, want %d", len(got), len(want))
	}
	if log.count("ERROR") != 0 || log.count("torn end") < noisy {
		t.Errorf("%d torn ends, at least %d were there; %d errors", log.count("torn end"), noisy, log.count("ERROR"))
	}
	// They are cut: the next process finds nothing wrong with them.
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	log = &logbook{}
	j = openJournal(t, journal.Options{Dir: dir, Logger: log.logger()})
	if again := read(t, j); len(again) != len(want) || log.count("torn end") != 0 {
		t.Errorf("%d streams the next time, %d torn ends", len(again), log.count("torn end"))
	}
}

// Whichever byte of a segment is damaged, only the record that it is in is lost.
func TestDamage(t *testing.T) {
	t.Parallel()
	content, starts := written(3)
	dir := t.TempDir()
	want := map[string][]string{}
	for i := starts[0]; i < len(content); i++ {
		damaged := slices.Clone(content)
		damaged[i] ^= 0x41
		name := dead(t, dir, i, damaged)
		for n := range 3 {
			if inside := i >= starts[n] && (n == 2 || i < starts[n+1]); !inside {
				want[name] = append(want[name], fmt.Sprint(n))
			}
		}
	}
	if st, err := journal.Inspect(dir); err != nil || st.Damaged == 0 || st.Waiting != int64(2*len(want)) {
		t.Errorf("%+v, %v", st, err)
	}
	log := &logbook{}
	j := openJournal(t, journal.Options{Dir: dir, Logger: log.logger()})
	got := read(t, j)
	for name, m := range got {
		if !slices.Equal(m, want[name]) {
			t.Errorf("%s: %q, want %q", name, m, want[name])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d streams, want %d", len(got), len(want))
	}
	if n := log.count("is damaged"); n != starts[2]-starts[0] {
		t.Errorf("the log tells of damage %d times, not %d", n, starts[2]-starts[0])
	}
}

// A file's header is not needed, nor is it believed when it is of a version that is not known: then the
// file is kept for the program that knows it.
func TestHeader(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := openJournal(t, journal.Options{Dir: dir})
	record(t, j, "a")
	record(t, j, "b")
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	name := journalFiles(t, dir, ".seg")[0]
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	content[3] ^= 1
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	j = openJournal(t, journal.Options{Dir: dir})
	if m := messages(drain(t, j)); !slices.Equal(m, []string{"a", "b"}) {
		t.Errorf("without a header: %q", m)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}

	newer := journal.NewerHeader()
	content = append(newer, content[len(newer):]...)
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	log := &logbook{}
	j = openJournal(t, journal.Options{Dir: dir, Logger: log.logger()})
	if m := messages(drain(t, j)); len(m) != 0 {
		t.Errorf("of a newer version: %q", m)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if kept, err := os.ReadFile(name); err != nil || !bytes.Equal(kept, content) || log.count("newer version") != 1 {
		t.Errorf("%d bytes are left, %v; the log: %s", len(kept), err, log.b.String())
	}
	if st, err := journal.Inspect(dir); err != nil || len(st.Unreadable) != 1 {
		t.Errorf("%+v, %v", st, err)
	}
}

// A directory whose removal was cut short is removed; one that has lost its lock only is left alone for a
// while.
func TestLeftovers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var streams []string
	for i := range 2 {
		streams = append(streams, filepath.Join(dir, dead(t, dir, i, journal.Segment(fmt.Sprintf(`{"message":"%d"}`, i)))))
		if err := os.Remove(filepath.Join(streams[i], "lock")); err != nil {
			t.Fatal(err)
		}
	}
	past := time.Now().Add(-time.Hour)
	if err := os.Chtimes(streams[0], past, past); err != nil {
		t.Fatal(err)
	}
	empty, other := filepath.Join(dir, "20260101T000000Z-0000000000000002"), filepath.Join(dir, "lost+found")
	if err := errors.Join(os.Mkdir(empty, 0o700), os.Mkdir(other, 0o700)); err != nil {
		t.Fatal(err)
	}
	j := openJournal(t, journal.Options{Dir: dir})
	if m := messages(drain(t, j)); !slices.Equal(m, []string{"0"}) {
		t.Errorf("%q", m)
	}
	if exists(empty) || !exists(streams[1]) || !exists(other) {
		t.Errorf("the empty one is there: %v, the one without a lock: %v, another: %v", exists(empty), exists(streams[1]), exists(other))
	}
}

// Somebody removes the whole directory under a running process: only what was in it is lost.
func TestRemovedMeanwhile(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "journal")
	j := openJournal(t, journal.Options{Dir: dir, SegmentBytes: 16 << 10})
	record(t, j, "before")
	if err := os.RemoveAll(dir); err != nil {
		t.Skip("SKIPPED: files in use cannot be removed here:", err)
	}
	for i := range 20 {
		record(t, j, fmt.Sprint(i))
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = openJournal(t, journal.Options{Dir: dir})
	m := messages(drain(t, j))
	if len(m) < 10 || m[len(m)-1] != "19" {
		t.Errorf("%q", m)
	}
}

// Inspect tells of a directory that is not there.
func TestInspectNothing(t *testing.T) {
	t.Parallel()
	if _, err := journal.Inspect(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if st, err := journal.Inspect(t.TempDir()); err != nil || st.Waiting != 0 || st.Streams != 0 {
		t.Errorf("%+v, %v", st, err)
	}
}
