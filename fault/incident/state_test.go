package incident_test

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/incident"
	"example.org/microblog/fault/incident/incidenttest"
)

// fileBook opens a Book without a database, with a Source of its own.
func fileBook(t testing.TB, dir string) (*incident.Book, *incidenttest.Source) {
	t.Helper()
	source := incidenttest.NewSource()
	b, err := incident.Open(incident.Options{Dir: dir, Source: source, Mail: true, Build: fault.Build{ID: "build1"}})
	if err != nil {
		t.Fatal(err)
	}
	return b, source
}

// capture counts failures.
func capture(t testing.TB, b *incident.Book, source *incidenttest.Source, failures ...*fault.Failure) {
	t.Helper()
	source.Add(failures...)
	stop := start(b)
	defer stop()
	for deadline := time.Now().Add(10 * time.Second); source.Waiting() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not counted: %+v", b.Status())
		}
	}
}

func failures(n int, place string) (all []*fault.Failure) {
	for range n {
		all = append(all, incidenttest.Failure(time.Now(), place, "it failed", 10))
	}
	return all
}

func captured(t testing.TB, b *incident.Book) int64 {
	t.Helper()
	totals, err := b.Totals(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return totals.Captured
}

// Whatever is at the end of the file after a crash, what was written before is there, and more can be
// added.
func TestTornStateFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, source := fileBook(t, dir)
	capture(t, b, source, failures(3, "index")...)
	path := filepath.Join(dir, "incidents.state")
	first, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	capture(t, b, source, failures(2, "profile")...)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for end := len(first); end < len(whole); end += 1 + (len(whole)-len(first))/40 {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "incidents.state"), whole[:end], 0o600); err != nil {
			t.Fatal(err)
		}
		b, source := fileBook(t, dir)
		if got := captured(t, b); got != 3 {
			t.Fatalf("cut at %d of %d: %d failures", end, len(whole), got)
		}
		capture(t, b, source, failures(1, "other")...)
		if again, _ := fileBook(t, dir); captured(t, again) != 4 {
			t.Fatalf("cut at %d of %d and written on: %d failures", end, len(whole), captured(t, again))
		}
	}
}

// One damaged place does not cost what was written after it.
func TestDamagedStateFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, source := fileBook(t, dir)
	path := filepath.Join(dir, "incidents.state")
	var ends []int
	for range 5 {
		capture(t, b, source, failures(1, "index")...)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, len(data))
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at < ends[3]; at += 97 {
		damaged := bytes.Clone(whole)
		damaged[at] ^= 0x55
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "incidents.state"), damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		b, source := fileBook(t, dir)
		if got := captured(t, b); got != 5 {
			t.Fatalf("damaged at %d of %d: %d failures", at, len(whole), got)
		}
		capture(t, b, source, failures(1, "index")...)
		if again, _ := fileBook(t, dir); captured(t, again) != 6 {
			t.Fatalf("damaged at %d and written on: %d failures", at, captured(t, again))
		}
	}
}

// The file does not grow without bound, and nothing is lost as it is written anew.
func TestStateFileIsWrittenAnew(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, source := fileBook(t, dir)
	reader, _ := fileBook(t, dir) // as another process
	path := filepath.Join(dir, "incidents.state")
	var last *fault.Failure
	anew, size := 0, int64(0)
	for n := 1; anew < 2; n++ {
		all := failures(12, "index")
		for _, f := range all {
			noise := make([]byte, 30<<10) // which cannot be packed
			_, _ = rand.Read(noise)
			f.Request.Header = map[string][]string{"X-Noise": {hex.EncodeToString(noise)}}
		}
		last = all[11]
		capture(t, b, source, all...)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() < size {
			anew++
		}
		size = info.Size()
		if size > 8<<20 {
			t.Fatalf("it has %d bytes", size)
		}
		for _, b := range []*incident.Book{b, reader} {
			page, err := b.List(t.Context(), incident.Query{})
			if err != nil || len(page.Items) != 1 || page.Items[0].Count != int64(12*n) {
				t.Fatalf("%+v, %v; want %d", page.Items, err, 12*n)
			}
			samples, err := b.Samples(t.Context(), page.Items[0].ID, 1)
			if err != nil || samples[0].ID != last.ID {
				t.Fatalf("%v, %v", samples, err)
			}
		}
	}
	if fresh, _ := fileBook(t, dir); captured(t, fresh) != captured(t, b) {
		t.Errorf("%d and %d", captured(t, fresh), captured(t, b))
	}
}

// A full disk, or a directory that was taken away, is told, and counting goes on when it is back.
func TestStateFileFails(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	b, source := fileBook(t, dir)
	capture(t, b, source, failures(1, "index")...)
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Skip(err) // An open file is in the way, on Windows.
	}
	stop := start(b)
	defer stop()
	source.Add(failures(2, "index")...)
	for deadline := time.Now().Add(10 * time.Second); b.Status().Err == ""; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no word about it")
		}
	}
	if source.Waiting() != 2 {
		t.Errorf("%d wait", source.Waiting())
	}
	if err := os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); source.Waiting() > 0 || b.Status().Err != ""; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it did not go on: %+v", b.Status())
		}
	}
	if got := captured(t, b); got != 3 {
		t.Errorf("%d failures", got)
	}
}

// Whatever is in the file, it is read without harm.
func FuzzStateFile(f *testing.F) {
	dir := f.TempDir()
	b, source := fileBook(f, dir)
	capture(f, b, source, failures(2, "index")...)
	whole, err := os.ReadFile(filepath.Join(dir, "incidents.state"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole, []byte(`{"records":[{"id":"X","count":1}]}`))
	f.Add(whole[:len(whole)/2], []byte(`{"records":[null],"keys":[null],"notices":[null],"streams":null,"window":{"hour":-1}}`))
	f.Add([]byte("{}"), []byte(`{"samples":[{"incident":"X","slot":1,"ref":{"offset":-5,"length":99999999999}}],"records":[{"id":"X","count":-3}]}`))
	f.Add([]byte{}, []byte(`{"minutes":[{"incident":"X","minute":1,"n":1}],"covers":[{"notice":"X.1","incident":"X","n":1}],"expire":{"ids":-4}}`))
	f.Fuzz(func(t *testing.T, data, changes []byte) {
		dir := t.TempDir()
		frame := binary.LittleEndian.AppendUint32(nil, uint32(len(changes)))
		frame = binary.LittleEndian.AppendUint32(frame, crc32.Checksum(append([]byte{'C'}, changes...), crc32.MakeTable(crc32.Castagnoli)))
		data = append(append(append(data, frame...), 'C'), changes...)
		if err := os.WriteFile(filepath.Join(dir, "incidents.state"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		b, err := incident.Open(incident.Options{Dir: dir, Mail: true, Build: fault.Build{ID: "build1"}})
		if err != nil {
			t.Fatal(err)
		}
		page, err := b.List(t.Context(), incident.Query{})
		if err != nil {
			return // It says so.
		}
		for _, inc := range page.Items {
			_, _ = b.Samples(t.Context(), inc.ID, 0)
			_, _ = b.Find(t.Context(), inc.ID)
		}
		if _, err := b.Totals(t.Context()); err != nil {
			t.Error(err)
		}
		if err := b.Tick(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := b.Claim(t.Context(), 10); err != nil {
			t.Error(err)
		}
	})
}

func FuzzQuery(f *testing.F) {
	b, source := fileBook(f, f.TempDir())
	capture(f, b, source, failures(2, "index")...)
	f.Add("it failed", "", "7F3K-92QD")
	f.Add("%_\\", "abc-DEF", "")
	f.Add("\x00", "zzzzzzzzzzzzzzzzzzzzz-", "ZZZZZZZZZZZZZZZZZZZZZZZZZZ")
	f.Fuzz(func(t *testing.T, search, cursor, id string) {
		_, _ = b.List(t.Context(), incident.Query{Search: search, Cursor: cursor})
		if _, err := b.Find(t.Context(), id); err != nil {
			t.Error(err)
		}
		if _, err := b.History(t.Context(), id, time.Unix(0, 0), time.Unix(1<<40, 0), time.Second); err != nil {
			t.Error(err)
		}
	})
}
