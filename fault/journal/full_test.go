package journal_test

import (
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/journal"
)

// firstWord is an Options.Key.
func firstWord(f *fault.Failure) string {
	word, _, _ := strings.Cut(f.Message, " ")
	return word
}

// counts sums up what was captured by firstWord.
func counts(all []fault.Captured) map[string]int64 {
	n := map[string]int64{}
	for _, c := range all {
		n[firstWord(c.Failure)] += c.Count
	}
	return n
}

func checkCounts(t *testing.T, all []fault.Captured, want map[string]int64) {
	t.Helper()
	if got := counts(all); !maps.Equal(got, want) {
		t.Errorf("captured are %v, want %v", got, want)
	}
	for i, c := range all {
		if i > 0 && c.At.Stream == all[i-1].At.Stream && c.At.Offset <= all[i-1].At.Offset {
			t.Errorf("after %v comes %v", all[i-1].At, c.At)
		}
		if c.Count > 1 && (c.Last.IsZero() || c.Last.Before(c.Failure.Time)) {
			t.Errorf("%d from %v to %v", c.Count, c.Failure.Time, c.Last)
		}
	}
}

// storm records n failures at 16 goroutines.
func storm(t *testing.T, j *journal.Journal, n int, message func(i int) string) {
	t.Helper()
	var all sync.WaitGroup
	for g := range 16 {
		all.Go(func() {
			for i := g; i < n; i += 16 {
				if r := j.Record(t.Context(), failure(message(i))); !r.Durable {
					t.Error(r.Err)
				}
			}
		})
	}
	all.Wait()
}

// When the room is full of what is not done, every further failure is counted, across the end of the
// process, and when there is room again, kept in full.
func TestFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n, size = 3000, 1 << 20
		dir, log := t.TempDir(), &logbook{}
		o := journal.Options{Dir: dir, MaxBytes: size, Key: firstWord, Logger: log.logger()}
		j := openJournal(t, o)
		message := func(i int) string { return fmt.Sprint("kind", i%7, " ", i) }
		want := map[string]int64{}
		for i := range n {
			want[firstWord(failure(message(i)))]++
		}
		storm(t, j, n, message)
		st := j.Status()
		if !st.Full || st.Waiting != n || st.Captured != n || st.Counted < n/2 || st.Bytes > size || st.NotDurable != 0 {
			t.Errorf("%+v", st)
		}
		if seen, err := journal.Inspect(dir); err != nil || seen.Waiting != n || seen.Counted != st.Counted || seen.Bytes != st.Bytes || !seen.Oldest.Equal(st.Oldest) || !seen.Newest.Equal(st.Newest) {
			t.Errorf("from outside: %+v, %v\nfrom inside: %+v", seen, err, st)
		}
		if log.count("Journal is full") != 1 {
			t.Error("the log was not told once")
		}
		checkCounts(t, drain(t, j), want)
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}

		j = openJournal(t, o)
		storm(t, j, n, message) // It is still full.
		all := drain(t, j)
		for k := range want {
			want[k] *= 2
		}
		checkCounts(t, all, want)
		last := map[string]fault.Position{}
		for _, c := range all {
			last[c.At.Stream] = c.At
		}
		for _, p := range last {
			if err := j.Done(p); err != nil {
				t.Error(err)
			}
		}
		if w := j.Waiting(); w != 0 || len(last) != 2 {
			t.Errorf("%d waiting when %d streams are done", w, len(last))
		}
		record(t, j, "again 1")
		record(t, j, "again 2")
		if st := j.Status(); st.Full || st.Counted != 0 || st.Waiting != 2 {
			t.Errorf("%+v", st)
		}
		if log.count("has room again") != 1 {
			t.Errorf("the log: %s", log.b.String())
		}
		if again := drain(t, j); len(again) != 2 {
			t.Errorf("%d given", len(again))
		}
	})
}

// What is only counted is given while more is counted, without growing forever when nothing is done.
func TestCountsAreGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 1 << 20
		dir := t.TempDir()
		j := openJournal(t, journal.Options{Dir: dir, MaxBytes: size, Key: firstWord})
		storm(t, j, 1000, func(int) string { return "a x" })
		all := drain(t, j)
		n := int64(1000)
		for range 200 {
			storm(t, j, 16, func(int) string { return "a x" })
			n += 16
			all = append(all, drain(t, j)...)
			time.Sleep(500 * time.Millisecond)
		}
		if given := counts(all)["a"]; given < n/2 || given > n {
			t.Errorf("%d of %d were given in 100 s", given, n)
		}
		time.Sleep(time.Minute)
		all = append(all, drain(t, j)...)
		checkCounts(t, all, map[string]int64{"a": n})
		if files := len(journalFiles(t, dir, ".cnt")); files > 20 {
			t.Errorf("%d files of counts", files)
		}
		if st := j.Status(); st.Bytes > size {
			t.Errorf("%+v", st)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		j = openJournal(t, journal.Options{Dir: dir})
		later := drain(t, j)
		checkCounts(t, later, map[string]int64{"a": n})
		if len(later) != len(all) {
			t.Fatalf("%d were given, in the next process %d", len(all), len(later))
		}
		for i := range all {
			if all[i].At != later[i].At || all[i].Count != later[i].Count || !all[i].Last.Equal(later[i].Last.Truncate(time.Microsecond)) && all[i].Last.Sub(later[i].Last).Abs() > time.Microsecond {
				t.Fatalf("%+v was given, in the next process %+v", all[i], later[i])
			}
		}
	})
}

// However many kinds there are, all are counted, some of them together.
func TestOthers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := openJournal(t, journal.Options{Dir: dir, MaxBytes: 4 << 20, Key: firstWord})
	const n = 5000
	storm(t, j, n, func(i int) string { return fmt.Sprint("kind", i, " ", strings.Repeat("x", 1000)) })
	for range 2 {
		all := drain(t, j)
		var total, others int64
		for _, c := range all {
			if total += c.Count; strings.HasPrefix(c.Failure.Message, "further failures") {
				others += c.Count
			} else if c.Count != 1 {
				t.Errorf("%d are %.40s", c.Count, c.Failure.Message)
			}
		}
		if total != n || others < n/4 {
			t.Errorf("%d of %d, %d of them others", total, n, others)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		j = openJournal(t, journal.Options{Dir: dir})
	}
}

// Without a Key of the application's, or with one that panics, failures are told apart by their type
// and place.
func TestDefaultKey(t *testing.T) {
	t.Run("no key", func(t *testing.T) { synctest.Test(t, func(t *testing.T) { testDefaultKey(t, nil) }) })
	t.Run("a key that panics", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { testDefaultKey(t, func(*fault.Failure) string { panic("no key") }) })
	})
}

func testDefaultKey(t *testing.T, key func(*fault.Failure) string) {
	j := openJournal(t, journal.Options{Dir: t.TempDir(), MaxBytes: 1 << 20, Key: key})
	storm(t, j, 1000, func(i int) string { return fmt.Sprint(i) })
	drain(t, j)
	line := 0
	for i := range 30 {
		f := failure(fmt.Sprint("line ", i))
		f.Stack = append(f.Stack[:0:0], f.Stack...)
		line = f.Stack[0].Line
		f.Stack[0].Line += i % 2
		if r := j.Record(t.Context(), f); !r.Durable {
			t.Fatal(r.Err)
		}
	}
	f := failure("no stack")
	f.Stack = nil
	if r := j.Record(t.Context(), f); !r.Durable {
		t.Fatal(r.Err)
	}
	var got []string
	for range 3 {
		time.Sleep(time.Minute)
		for _, c := range drain(t, j) {
			where := 0
			if len(c.Failure.Stack) > 0 {
				where = c.Failure.Stack[0].Line - line
			}
			got = append(got, fmt.Sprint(c.Failure.Message, " ", where, " ", c.Count))
		}
	}
	if fmt.Sprint(got) != "[line 0 0 15 line 1 1 15 no stack 0 1]" {
		t.Errorf("%q", got)
	}
}

// What is only counted outlives a clean end as well, whoever has filled the room.
func TestCountsOutliveClose(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(*testing.T, journal.Options) (want map[string]int64){
		"in a room that others have filled": func(t *testing.T, o journal.Options) map[string]int64 {
			full := openJournal(t, o)
			storm(t, full, 1000, func(int) string { return "a x" })
			j := openJournal(t, o)
			storm(t, j, 7, func(int) string { return "b x" })
			if err := j.Close(); err != nil {
				t.Error(err)
			}
			if err := full.Close(); err != nil {
				t.Error(err)
			}
			return map[string]int64{"a": 1000, "b": 7}
		},
		"after all else is done": func(t *testing.T, o journal.Options) map[string]int64 {
			j := openJournal(t, o)
			storm(t, j, 1000, func(int) string { return "a x" })
			all := drain(t, j)
			storm(t, j, 7, func(int) string { return "b x" })
			if err := j.Done(all[len(all)-1].At); err != nil {
				t.Error(err)
			}
			if err := j.Close(); err != nil {
				t.Error(err)
			}
			return map[string]int64{"b": 7}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := journal.Options{Dir: t.TempDir(), MaxBytes: 1 << 20, Key: firstWord}
			want := test(t, o)
			checkCounts(t, drain(t, openJournal(t, o)), want)
		})
	}
}

// Processes that come and go in a full journal do not make it grow, and nothing is dropped for that.
func TestFullForManyProcesses(t *testing.T) {
	t.Parallel()
	const size, processes, kinds = 1 << 20, 120, 10
	o := journal.Options{Dir: t.TempDir(), MaxBytes: size, Key: firstWord}
	for range processes {
		j := openJournal(t, o)
		storm(t, j, kinds, func(i int) string { return fmt.Sprint("kind", i, " x") })
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	st, err := journal.Inspect(o.Dir)
	if err != nil || st.Waiting != processes*kinds || st.Counted < st.Waiting/2 || st.Bytes > size {
		t.Errorf("%+v, %v", st, err)
	}
	var total int64
	for _, c := range drain(t, openJournal(t, o)) {
		total += c.Count
	}
	if total != processes*kinds {
		t.Errorf("%d of %d were given", total, processes*kinds)
	}
}
