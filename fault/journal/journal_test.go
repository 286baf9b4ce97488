package journal_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/journal"
)

func TestOptions(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		o    journal.Options
		want string
	}{
		{"no directory", journal.Options{}, "Options.Dir is empty"},
		{"a file in its place", journal.Options{Dir: file}, "not a directory"},
		{"too small", journal.Options{Dir: t.TempDir(), MaxBytes: 1000}, "the least is 1048576"},
		{"less than nothing", journal.Options{Dir: t.TempDir(), MaxBytes: -1}, "too small"},
		{"small segments", journal.Options{Dir: t.TempDir(), SegmentBytes: 100}, "segments of 100 bytes"},
		{"large segments", journal.Options{Dir: t.TempDir(), MaxBytes: 1 << 20, SegmentBytes: 1 << 20}, "from 16384 to 262144 would"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			j, err := journal.Open(tt.o)
			if err == nil {
				j.Close()
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("the error is %v, want one with %q", err, tt.want)
			}
		})
	}
}

// What is recorded is given in order, once, the same as it was, and again after Rewind, until it is
// done.
func TestRecordNextDone(t *testing.T) {
	t.Parallel()
	j, err := journal.Open(journal.Options{Dir: filepath.Join(t.TempDir(), "data", "journal")})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close() // All is done by then.
	var want []string
	for i := range 20 {
		want = append(want, fmt.Sprint("failure ", i))
		record(t, j, want[i])
	}
	first, err := j.Next(t.Context(), 5)
	if err != nil || !slices.Equal(messages(first), want[:5]) {
		t.Fatalf("%q, %v", messages(first), err)
	}
	if n := j.Waiting(); n != 20 {
		t.Errorf("%d waiting", n)
	}
	if rest := drain(t, j); !slices.Equal(messages(rest), want[5:]) {
		t.Errorf("the rest is %q", messages(rest))
	}
	if err := j.Done(first[2].At); err != nil {
		t.Error(err)
	}
	if n := j.Waiting(); n != 17 {
		t.Errorf("%d waiting after 3 are done", n)
	}
	j.Rewind()
	again := drain(t, j)
	if !slices.Equal(messages(again), want[3:]) {
		t.Errorf("after Rewind: %q", messages(again))
	}
	for i, c := range again {
		if c.Count != 1 || !c.Last.IsZero() || c.At.Stream != first[0].At.Stream || i > 0 && c.At.Offset <= again[i-1].At.Offset {
			t.Errorf("the %dth is given as %+v", i, c)
		}
	}
	for range 2 { // Doing it again changes nothing.
		if err := j.Done(again[len(again)-1].At); err != nil {
			t.Error(err)
		}
	}
	j.Rewind()
	if got := drain(t, j); len(got) != 0 || j.Waiting() != 0 {
		t.Errorf("when all is done, %d are given and %d wait", len(got), j.Waiting())
	}
	if err := j.Done(fault.Position{Stream: "20260101T000000Z-0123456789abcdef", Offset: 1}); err != nil {
		t.Errorf("a stream that is not here: %v", err)
	}
}

// The next process gets what the one before has not done, with all that a failure has.
func TestNextProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := openJournal(t, journal.Options{Dir: dir})
	want := failure("before <&> \u2028 é \x00")
	for _, f := range []*fault.Failure{failure("done"), want, failure("last")} {
		if r := j.Record(t.Context(), f); !r.Durable {
			t.Fatal(r.Err)
		}
	}
	got, err := j.Next(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(j.Done(got[0].At), j.Close()); err != nil {
		t.Fatal(err)
	}
	j = openJournal(t, journal.Options{Dir: dir})
	record(t, j, "own")
	all := drain(t, j)
	slices.SortStableFunc(all, func(a, b fault.Captured) int { return strings.Compare(a.At.Stream, b.At.Stream) })
	if m := messages(all); !slices.Equal(m, []string{want.Message, "last", "own"}) && !slices.Equal(m, []string{"own", want.Message, "last"}) {
		t.Fatalf("%q", m)
	}
	i := slices.IndexFunc(all, func(c fault.Captured) bool { return c.Failure.Message == want.Message })
	if all[i].At != got[1].At {
		t.Errorf("its place was %v and is %v", got[1].At, all[i].At)
	}
	plain := *want
	plain.Stack = slices.Clone(want.Stack)
	for i := range plain.Stack {
		plain.Stack[i].PC = 0
	}
	if !reflect.DeepEqual(all[i].Failure, &plain) {
		t.Errorf("recorded %+v\nread %+v", &plain, all[i].Failure)
	}
	if n := j.Waiting(); n != 3 {
		t.Errorf("%d waiting", n)
	}
	for _, c := range all {
		if err := j.Done(c.At); err != nil {
			t.Error(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("when all is done, %v is left, %v", left, err)
	}
}

// Many at once share syncs, and a reader beside them gets each once.
func TestParallel(t *testing.T) {
	t.Parallel()
	const goroutines, each = 64, 30
	d := &journal.FaultyDisk{Durable: true}
	j := openOn(t, journal.Options{Dir: t.TempDir(), SegmentBytes: 64 << 10}, d)
	seen := map[string]int{}
	read := make(chan error, 1)
	go func() {
		for total := 0; total < goroutines*each; {
			got, err := j.Next(t.Context(), 7)
			if err != nil {
				read <- err
				return
			}
			total += len(got)
			for _, m := range messages(got) {
				seen[m]++
			}
			if total%3 == 0 {
				if err := j.Done(got[len(got)-1].At); err != nil {
					read <- err
					return
				}
			}
		}
		read <- nil
	}()
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			for i := range each {
				if r := j.Record(t.Context(), failure(fmt.Sprint(g, " ", i))); !r.Durable {
					t.Error(r.Err)
				}
			}
		})
	}
	all.Wait()
	if err := <-read; err != nil {
		t.Fatal(err)
	}
	for m, n := range seen {
		if n != 1 {
			t.Errorf("%s was given %d times", m, n)
		}
	}
	if len(seen) != goroutines*each {
		t.Errorf("%d of %d were given", len(seen), goroutines*each)
	}
	if syncs := d.Syncs.Load(); syncs > goroutines*each/4 {
		t.Errorf("%d syncs for %d records at %d goroutines", syncs, goroutines*each, goroutines)
	}
}

// What does not fit in memory for Next is read back from the files, and so is what is given again.
func TestSegments(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := openJournal(t, journal.Options{Dir: dir, SegmentBytes: 256 << 10})
	var want []string
	for i := range 60 {
		f := failure(fmt.Sprint(i))
		f.Request = &fault.Request{Header: http.Header{"X": {strings.Repeat("x", 100<<10)}}}
		want = append(want, f.Message)
		if r := j.Record(t.Context(), f); !r.Durable {
			t.Fatal(r.Err)
		}
	}
	if n := len(journalFiles(t, dir, ".seg")); n < 25 {
		t.Fatalf("%d segments", n)
	}
	got := drain(t, j)
	if !slices.Equal(messages(got), want) {
		t.Fatalf("%q", messages(got))
	}
	if err := j.Done(got[29].At); err != nil {
		t.Fatal(err)
	}
	if n := len(journalFiles(t, dir, ".seg")); n > 20 {
		t.Errorf("%d segments when half is done", n)
	}
	j.Rewind()
	if again := drain(t, j); !slices.Equal(messages(again), want[30:]) {
		t.Errorf("after Rewind: %q", messages(again))
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = openJournal(t, journal.Options{Dir: dir})
	if again := drain(t, j); !slices.Equal(messages(again), want[30:]) {
		t.Errorf("in the next process: %q", messages(again))
	}
}

// A failure that is far too long is kept without what can be missed, and so is one that JSON has no
// form for.
func TestUnusualFailures(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := openJournal(t, journal.Options{Dir: dir, MaxBytes: 1 << 20})
	long := failure("long" + strings.Repeat("\x00", 1<<20))
	long.Request = &fault.Request{Method: "POST", Route: "/x", Header: http.Header{}}
	for i := range 64 {
		long.Request.Header[fmt.Sprint(i)] = []string{strings.Repeat("h", 16<<10)}
		long.Causes.Causes = append(long.Causes.Causes, fault.Cause{Message: strings.Repeat("\x01", 8<<10)})
	}
	long.Response = &fault.Response{Status: 200, Bytes: 9, Header: long.Request.Header}
	late := failure("late")
	late.Time = time.Date(12_000, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, f := range []*fault.Failure{long, late} {
		if r := j.Record(t.Context(), f); !r.Durable {
			t.Fatalf("%.20s: %v", f.Message, r.Err)
		}
	}
	if r := j.Record(t.Context(), nil); r.Durable || r.Err == nil {
		t.Errorf("no failure at all: %+v", r)
	}
	for range 2 {
		got := drain(t, j)
		if len(got) != 2 {
			t.Fatalf("%d given", len(got))
		}
		f := got[0].Failure
		if f.ID != long.ID || !strings.HasPrefix(f.Message, "long") || len(f.Message) > 8<<10 || !f.Request.Cut || f.Request.Route != "/x" || f.Causes.Cut == 0 || f.Response.Status != 200 || f.Response.Bytes != 9 || !f.Response.Cut {
			t.Errorf("the long one is %+v", f)
		}
		if f := got[1].Failure; f.ID != late.ID || f.Message != "late" || !f.Time.IsZero() {
			t.Errorf("the late one is %+v", f)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		j = openJournal(t, journal.Options{Dir: dir})
	}
}

func TestReceipt(t *testing.T) {
	t.Parallel()
	notified := false
	j := openJournal(t, journal.Options{Dir: t.TempDir(), Notified: func() bool { return notified }})
	if r := j.Record(t.Context(), failure("a")); !r.Durable || r.Notified {
		t.Errorf("%+v", r)
	}
	notified = true
	if r := j.Record(t.Context(), failure("b")); !r.Durable || !r.Notified {
		t.Errorf("%+v", r)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if r := j.Record(t.Context(), failure("c")); r.Durable || r.Notified || !errors.Is(r.Err, journal.ErrClosed) {
		t.Errorf("%+v", r)
	}
}

// Whoever waits is let go by his context and by Close, and nothing is left running.
func TestNextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := openJournal(t, journal.Options{Dir: t.TempDir()})
		if _, err := j.Next(t.Context(), 0); err == nil {
			t.Error("none can be asked for")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		began := time.Now()
		if got, err := j.Next(ctx, 10); got != nil || !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Hour {
			t.Errorf("%v, %v after %v", got, err, time.Since(began))
		}
		ended := make(chan error)
		for range 3 {
			go func() {
				_, err := j.Next(t.Context(), 10)
				ended <- err
			}()
		}
		synctest.Wait()
		if err := j.Close(); err != nil {
			t.Error(err)
		}
		for range 3 {
			if err := <-ended; !errors.Is(err, journal.ErrClosed) {
				t.Error(err)
			}
		}
		if _, err := j.Next(t.Context(), 10); !errors.Is(err, journal.ErrClosed) {
			t.Error(err)
		}
		if err := j.Done(fault.Position{Stream: "x", Offset: 1}); !errors.Is(err, journal.ErrClosed) {
			t.Error(err)
		}
		if err := j.Close(); err != nil {
			t.Errorf("closed again: %v", err)
		}
	})
}

// Who waits gets a failure as soon as it is recorded.
func TestNextWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := openJournal(t, journal.Options{Dir: t.TempDir()})
		got := make(chan []fault.Captured)
		go func() {
			all, _ := j.Next(t.Context(), 10)
			got <- all
		}()
		synctest.Wait()
		began := time.Now()
		record(t, j, "now")
		if m := messages(<-got); !slices.Equal(m, []string{"now"}) || time.Since(began) != 0 {
			t.Errorf("%q after %v", m, time.Since(began))
		}
	})
}

// A reader that comes late gets what is in the files and what is in memory, each once, wherever in a
// segment the one ends and the other begins.
func TestLateReader(t *testing.T) {
	t.Parallel()
	j := openJournal(t, journal.Options{Dir: t.TempDir()})
	const n = 4000 // more than is kept in memory
	storm(t, j, n, func(i int) string { return fmt.Sprint(i) })
	if st := j.Status(); st.Bytes < 4<<20 {
		t.Fatalf("%+v is too little for the test", st)
	}
	for range 2 {
		var last int64
		all := drain(t, j)
		for _, c := range all {
			if c.At.Offset != last+1 {
				t.Fatalf("after %d comes %d", last, c.At.Offset)
			}
			last = c.At.Offset
		}
		if len(all) != n {
			t.Errorf("%d of %d were given", len(all), n)
		}
		j.Rewind()
	}
}

// After Rewind, what was given comes from the file and what was not from memory.
func TestRewindBetween(t *testing.T) {
	t.Parallel()
	j := openJournal(t, journal.Options{Dir: t.TempDir()})
	record(t, j, "given")
	drain(t, j)
	record(t, j, "not given")
	j.Rewind()
	if m := messages(drain(t, j)); !slices.Equal(m, []string{"given", "not given"}) {
		t.Errorf("%q", m)
	}
}
