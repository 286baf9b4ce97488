package incidenttest

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/trace"
)

// Benchmark measures how fast captured failures are counted: b.N is their number. fresh makes an empty
// Backend.
func Benchmark(b *testing.B, fresh func(b *testing.B) Backend) {
	for _, c := range []struct {
		name          string
		groups, users int
	}{
		{"few", 5, 50},            // of a few incidents, as in a storm
		{"people", 5, 1 << 20},    // the same, each of somebody else
		{"many", 1 << 20, 1 << 6}, // each of another incident, as when somebody means harm
	} {
		b.Run(c.name, func(b *testing.B) {
			e := newEnv(b, fresh(b))
			p := e.start()
			failures := make([]*fault.Failure, b.N)
			for i := range failures {
				failures[i] = large(e.clock.Now(), i%c.groups, i%c.users)
			}
			p.source.Add(failures...)
			failures = nil
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			b.ResetTimer()
			stop := p.run()
			for p.source.Waiting() > 0 {
				time.Sleep(time.Millisecond)
			}
			b.StopTimer()
			stop()
			runtime.GC()
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "failures/s")
			b.ReportMetric((float64(after.HeapAlloc)-float64(before.HeapAlloc))/(1<<20), "MB-kept")
		})
	}
}

// large returns a failure as large as usual ones are.
func large(at time.Time, group, user int) *fault.Failure {
	f := Failure(at, "place", fmt.Sprintf("it failed in %s", word(group)), 10+group, ByUser(fmt.Sprint("user", user)))
	for i := range 25 {
		f.Stack = append(f.Stack, trace.Frame{Function: fmt.Sprintf("example.org/library/package%d.(*Type).Method", i), File: fmt.Sprintf("/go/pkg/mod/example.org/library@v1.0.0/package%d/file.go", i), Line: i})
	}
	for i := range 10 {
		f.Steps = append(f.Steps, trace.Step{Time: at, Kind: "sql", Text: fmt.Sprintf("SELECT id, username, body FROM posts WHERE author_id = $1 AND id < $2 LIMIT %d", i), Duration: time.Millisecond})
	}
	return f
}

// word names a number in letters only.
func word(n int) string {
	var b []byte
	for ; n > 0 || len(b) < 3; n /= 26 {
		b = append(b, byte('a'+n%26))
	}
	return string(b)
}
