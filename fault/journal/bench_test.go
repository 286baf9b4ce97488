package journal_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"example.org/microblog/fault/journal"
)

// BenchmarkRecord records failures that are durable when it returns, by one goroutine and by 64 at
// once, with a reader that takes them.
func BenchmarkRecord(b *testing.B) {
	for _, goroutines := range []int{1, 64} {
		b.Run(fmt.Sprintf("goroutines=%d", goroutines), func(b *testing.B) {
			d := &journal.FaultyDisk{Durable: true}
			j := openOn(b, journal.Options{Dir: b.TempDir()}, d)
			stop := make(chan struct{})
			go func() {
				defer close(stop)
				for {
					got, err := j.Next(b.Context(), 500)
					if err != nil {
						return
					}
					j.Done(got[len(got)-1].At)
				}
			}()
			f := sample()
			var left atomic.Int64
			left.Store(int64(b.N))
			var all sync.WaitGroup
			b.ReportAllocs()
			b.ResetTimer()
			for range goroutines {
				all.Go(func() {
					for left.Add(-1) >= 0 {
						if r := j.Record(b.Context(), f); !r.Durable {
							b.Error(r.Err)
							return
						}
					}
				})
			}
			all.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/float64(d.Syncs.Load()), "records/sync")
			j.Close()
			<-stop
		})
	}
}

// BenchmarkNext reads a dead process' journal from its files.
func BenchmarkNext(b *testing.B) {
	dir := b.TempDir()
	j := openJournal(b, journal.Options{Dir: dir})
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			for range 50 {
				j.Record(b.Context(), sample())
			}
		})
	}
	all.Wait()
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
	j = openJournal(b, journal.Options{Dir: dir})
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; {
		if n%3200 == 0 {
			j.Rewind()
		}
		got, err := j.Next(b.Context(), min(500, b.N-n))
		if err != nil {
			b.Fatal(err)
		}
		n += len(got)
	}
}
