package journal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"example.org/microblog/fault/journal"
)

// logbook is where a journal's log goes.
type logbook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logbook) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// count tells how often a text stands in it.
func (l *logbook) count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), s)
}

// A disk that fails, wherever that is in a record, costs nothing: what was recorded meanwhile is given
// from memory, written when the disk works again, and given once.
func TestOutage(t *testing.T) {
	for _, after := range []int64{0, 1, 31, 32, 33, 63, 64, 500, 1 << 20} {
		t.Run(fmt.Sprint("after ", after, " bytes"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testOutage(t, after) })
		})
	}
}

func testOutage(t *testing.T, after int64) {
	dir, d, log := t.TempDir(), &journal.FaultyDisk{}, &logbook{}
	o := journal.Options{Dir: dir, Logger: log.logger(), Notified: func() bool { return true }, SegmentBytes: 64 << 10}
	j := openOn(t, o, d)
	var want []string
	for i := range 3 {
		want = append(want, fmt.Sprint("before ", i))
		record(t, j, want[i])
	}
	d.Fail(syscall.ENOSPC, after)
	trouble := 0
	for i := range 200 {
		m := fmt.Sprint("during ", i)
		want = append(want, m)
		if r := j.Record(t.Context(), failure(m)); r.Durable && r.Err == nil {
			continue
		} else if r.Durable || r.Notified || !errors.Is(r.Err, syscall.ENOSPC) {
			t.Fatalf("%+v", r)
		}
		trouble++
	}
	if trouble == 0 {
		t.Skip("SKIPPED: the disk has not failed") // cannot be: 200 of them have more than 1 MiB with their segments
	}
	st := j.Status()
	if st.NotDurable != int64(trouble) || !strings.Contains(st.Err, "no space left") || j.Waiting() != int64(len(want)) {
		t.Errorf("%+v, %d waiting", st, j.Waiting())
	}
	some, err := j.Next(t.Context(), 50)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Done(some[9].At); err != nil && !errors.Is(err, syscall.ENOSPC) {
		t.Error(err)
	}
	j.Rewind()
	if again := drain(t, j); !slices.Equal(messages(again), want[10:]) {
		t.Fatalf("during the outage: %q", messages(again))
	}
	time.Sleep(time.Minute)
	d.Fail(nil, 0)
	time.Sleep(3 * time.Second)
	if st := j.Status(); st.NotDurable != 0 || st.Err != "" {
		t.Errorf("after the outage: %+v", st)
	}
	if n, m := log.count("cannot be written"), log.count("is written again"); n != 1 || m != 1 {
		t.Errorf("the log was told %d times of the outage and %d times of its end", n, m)
	}
	if log.count(fmt.Sprint("written_late=", trouble)) != 1 {
		t.Errorf("%d were late; the log says %s", trouble, log.b.String())
	}
	record(t, j, "after")
	want = append(want, "after")
	if own := drain(t, j); !slices.Equal(messages(own), []string{"after"}) {
		t.Errorf("after the outage: %q", messages(own))
	}
	j.Rewind()
	if own := drain(t, j); !slices.Equal(messages(own), want[10:]) {
		t.Errorf("after Rewind: %q", messages(own))
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	j = openJournal(t, journal.Options{Dir: dir, Logger: log.logger()})
	if later := drain(t, j); !slices.Equal(messages(later), want[10:]) {
		t.Errorf("in the next process: %q", messages(later))
	}
	if log.count("damaged") != 0 {
		t.Error("the log tells of damage")
	}
}

// A directory that cannot be written when the program starts is told at once, and used when it can.
func TestReadOnlyAtStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, log := &journal.FaultyDisk{}, &logbook{}
		d.Fail(syscall.EROFS, 0)
		j := openOn(t, journal.Options{Dir: t.TempDir(), Logger: log.logger()}, d)
		synctest.Wait()
		if log.count("cannot be written") != 1 || log.count("read-only file system") != 1 {
			t.Errorf("the log says %q", log.b.String())
		}
		if r := j.Record(t.Context(), failure("kept")); r.Durable || !errors.Is(r.Err, syscall.EROFS) {
			t.Errorf("%+v", r)
		}
		d.Fail(nil, 0)
		time.Sleep(3 * time.Second)
		if log.count("is written again") != 1 || j.Status().NotDurable != 0 {
			t.Errorf("the log says %q", log.b.String())
		}
		record(t, j, "later")
		if m := messages(drain(t, j)); !slices.Equal(m, []string{"kept", "later"}) {
			t.Errorf("%q", m)
		}
	})
}

// A stream whose place is not durable is not used, and is locked when it is.
func TestDirectoryNotDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, d := t.TempDir(), &journal.FaultyDisk{}
		d.FailDirs(syscall.EIO)
		j := openOn(t, journal.Options{Dir: dir}, d)
		if r := j.Record(t.Context(), failure("a")); r.Durable || !errors.Is(r.Err, syscall.EIO) {
			t.Errorf("%+v", r)
		}
		d.FailDirs(nil)
		time.Sleep(3 * time.Second)
		record(t, j, "b")
		d.FailDirs(syscall.EIO) // The segment there is can be written all the same.
		record(t, j, "c")
		other := openJournal(t, journal.Options{Dir: dir})
		if got := drain(t, other); len(got) != 0 {
			t.Errorf("%q was taken from a living process", messages(got))
		}
		if m := messages(drain(t, j)); !slices.Equal(m, []string{"a", "b", "c"}) {
			t.Errorf("%q", m)
		}
	})
}

// What memory has no room for is counted, and that is written in the end.
func TestLongOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, d := t.TempDir(), &journal.FaultyDisk{}
		j := openOn(t, journal.Options{Dir: dir, MaxBytes: 1 << 20, Key: firstWord}, d)
		d.Fail(syscall.EIO, 0)
		const n = 1000
		for i := range n {
			if r := j.Record(t.Context(), failure(fmt.Sprint("kind", i%3, " ", i))); r.Durable || r.Err == nil {
				t.Fatalf("%+v", r)
			}
		}
		if w := j.Waiting(); w != n {
			t.Errorf("%d waiting", w)
		}
		inMemory := drain(t, j)
		if len(inMemory) < 10 || len(inMemory) > n/2 {
			t.Errorf("%d were kept in full", len(inMemory))
		}
		d.Fail(nil, 0)
		time.Sleep(3 * time.Second)
		record(t, j, "kind0 after")
		all := append(inMemory, drain(t, j)...)
		checkCounts(t, all, map[string]int64{"kind0": 335, "kind1": 333, "kind2": 333})
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		j = openJournal(t, journal.Options{Dir: dir})
		checkCounts(t, drain(t, j), map[string]int64{"kind0": 335, "kind1": 333, "kind2": 333})
	})
}

// A disk that hangs delays nobody longer than his context, and what was recorded is written when it
// goes on.
func TestStuckDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, d := t.TempDir(), &journal.FaultyDisk{}
		j := openOn(t, journal.Options{Dir: dir, MaxBytes: 1 << 20, Key: firstWord}, d)
		record(t, j, "before 0")
		release := d.Stick()
		const n = 300
		late, counted := 0, 0
		for i := range n {
			ctx, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond)
			began := time.Now()
			r := j.Record(ctx, failure(fmt.Sprint("during ", i)))
			cancel()
			switch took := time.Since(began); {
			case r.Durable || r.Err == nil:
				t.Fatalf("%+v", r)
			case took == 250*time.Millisecond && strings.Contains(r.Err.Error(), "still being written"):
				late++
			case took == 0 && strings.Contains(r.Err.Error(), "only counted"):
				counted++
			default:
				t.Fatalf("%+v after %v", r, took)
			}
		}
		if late == 0 || counted == 0 || j.Waiting() != n+1 {
			t.Errorf("%d late, %d only counted, %d waiting", late, counted, j.Waiting())
		}
		release()
		time.Sleep(time.Second)
		if st := j.Status(); st.NotDurable != 0 || st.Waiting != n+1 || st.Captured != n+1 {
			t.Errorf("%+v", st)
		}
		checkCounts(t, drain(t, j), map[string]int64{"before": 1, "during": n})
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		j = openJournal(t, journal.Options{Dir: dir})
		checkCounts(t, drain(t, j), map[string]int64{"before": 1, "during": n})
	})
}

// Close gives up on a disk that hangs or fails, and says what is lost.
func TestCloseWithoutDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &journal.FaultyDisk{}
		j := openOn(t, journal.Options{Dir: t.TempDir()}, d)
		d.Fail(syscall.EIO, 0)
		j.Record(t.Context(), failure("a"))
		j.Record(t.Context(), failure("b"))
		if err := j.Close(); !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), "2 failures are lost") {
			t.Errorf("%v", err)
		}

		d = &journal.FaultyDisk{}
		j = openOn(t, journal.Options{Dir: t.TempDir()}, d)
		release := d.Stick()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		j.Record(ctx, failure("a"))
		began := time.Now()
		if err := j.Close(); err == nil || !strings.Contains(err.Error(), "has not taken 1 failures within 5s") || time.Since(began) != 5*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		release()
	})
}

// Close writes what could not be written before, if it can be now.
func TestCloseWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, d := t.TempDir(), &journal.FaultyDisk{}
		j := openOn(t, journal.Options{Dir: dir}, d)
		d.Fail(syscall.EIO, 0)
		j.Record(t.Context(), failure("a"))
		time.Sleep(time.Minute)
		j.Record(t.Context(), failure("b"))
		d.Fail(nil, 0)
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		j = openJournal(t, journal.Options{Dir: dir})
		if m := messages(drain(t, j)); !slices.Equal(m, []string{"a", "b"}) {
			t.Errorf("%q", m)
		}
	})
}

// Where it cannot be noted what is done, its files are removed all the same, and make room.
func TestDoneCannotBeNoted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := openJournal(t, journal.Options{Dir: dir, SegmentBytes: 16 << 10})
	storm(t, j, 50, func(i int) string { return fmt.Sprint(i) })
	files := journalFiles(t, dir, ".seg")
	if len(files) < 3 {
		t.Fatalf("%d segments", len(files))
	}
	if err := os.Mkdir(filepath.Join(filepath.Dir(files[0]), "done"), 0o700); err != nil {
		t.Fatal(err)
	}
	all := drain(t, j)
	if err := j.Done(all[len(all)-1].At); err == nil {
		t.Error("no error")
	}
	if files = journalFiles(t, dir, ".seg"); len(files) != 1 {
		t.Errorf("%d segments are left", len(files))
	}
}
