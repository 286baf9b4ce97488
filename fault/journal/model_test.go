package journal_test

import (
	"fmt"
	"math/rand"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/journal"
)

// Whatever order things happen in, two processes count each failure once: reading late, Done late or
// never, Rewind, disks that fail, a journal that is full, ends and starts.
func TestCountedOnce(t *testing.T) {
	for seed := range int64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { testCountedOnce(t, seed) }) })
	}
}

func testCountedOnce(t *testing.T, seed int64) {
	r := rand.New(rand.NewSource(seed))
	o := journal.Options{Dir: t.TempDir(), MaxBytes: 1 << 20, SegmentBytes: 16 << 10, Key: firstWord}
	if seed%2 == 1 {
		o.MaxBytes = 16 << 20 // It is never full.
	}
	b := &ledger{reader: r, offsets: map[string]int64{}, given: map[fault.Position]int64{}}
	all := []*process{startProcess(t, o), startProcess(t, o)}
	var captured int64
	for range 40 {
		p := all[r.Intn(len(all))]
		switch r.Intn(12) {
		case 0, 1, 2, 3:
			n := 1 + r.Intn(300)
			for i := range n {
				p.Record(t.Context(), failure(fmt.Sprint("kind", i%5, " ", i)))
			}
			captured += int64(n)
		case 4, 5, 6:
			for range 1 + r.Intn(20) {
				b.read(t, p.Journal, 1+r.Intn(60))
			}
		case 7:
			p.Rewind()
		case 8:
			p.disk.Fail(syscall.ENOSPC, int64(r.Intn(40_000)))
		case 9:
			p.heal()
		case 10:
			time.Sleep(time.Duration(r.Intn(5000)) * time.Millisecond)
		case 11:
			p.heal()
			if err := p.Close(); err != nil {
				t.Fatal(err)
			}
			*p = *startProcess(t, o)
		}
	}
	for _, p := range all {
		p.heal()
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for last := openJournal(t, o); b.read(t, last, 1000); {
	}
	if b.counted != captured {
		t.Errorf("%d were captured and %d counted", captured, b.counted)
	}
}

// process is a journal with a disk of its own.
type process struct {
	*journal.Journal
	disk *journal.FaultyDisk
}

func startProcess(t *testing.T, o journal.Options) *process {
	d := &journal.FaultyDisk{}
	return &process{openOn(t, o, d), d}
}

// heal lets the disk work again, until all is written.
func (p *process) heal() {
	p.disk.Fail(nil, 0)
	time.Sleep(5 * time.Second)
}

// ledger counts as the books of the incidents do: by position.
type ledger struct {
	reader  *rand.Rand
	offsets map[string]int64
	given   map[fault.Position]int64
	counted int64
}

// read counts a batch, and tells the journal so or not. It returns false if there was none.
func (b *ledger) read(t *testing.T, j *journal.Journal, most int) bool {
	got, err := j.Next(&atOnce{Context: t.Context()}, most)
	if err != nil {
		return false
	}
	for _, c := range got {
		if n, again := b.given[c.At]; again && n != c.Count {
			t.Fatalf("%v stood for %d failures, and now for %d", c.At, n, c.Count)
		}
		b.given[c.At] = c.Count
		if c.At.Offset > b.offsets[c.At.Stream] {
			b.offsets[c.At.Stream] = c.At.Offset
			b.counted += c.Count
		}
	}
	if b.reader.Intn(3) > 0 {
		_ = j.Done(got[len(got)-1].At) // It is given again at worst.
	}
	return true
}
