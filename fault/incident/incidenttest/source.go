package incidenttest

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/incident"
	"example.org/microblog/fault/trace"
)

// Source is captured failures in memory, as a journal has them on disk: what is not Done is there for
// the next Book, after Rewind. It has one stream, and those of other Sources that it inherits.
type Source struct {
	mu      sync.Mutex
	changed chan struct{} // closed and replaced when there is something new
	streams []*stream
	waits   int64
}

var _ incident.Source = (*Source)(nil)

type stream struct {
	name  string
	items []fault.Captured
	given int // how many of items
	done  int
}

// NewSource returns an empty Source.
func NewSource() *Source {
	return &Source{changed: make(chan struct{}), streams: []*stream{{name: rand.Text()}}}
}

// Add captures failures.
func (s *Source) Add(failures ...*fault.Failure) {
	for _, f := range failures {
		s.AddCounted(f, 1, time.Time{})
	}
}

// AddCounted captures n failures of which only the first is known.
func (s *Source) AddCounted(f *fault.Failure, n int64, last time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.streams[0]
	st.items = append(st.items, fault.Captured{
		Failure: f, Count: n, Last: last,
		At: fault.Position{Stream: st.name, Offset: int64(len(st.items)+1) * 100},
	})
	s.waits += n
	s.wake()
}

// Inherit takes over what another Source has, whose process is dead.
func (s *Source) Inherit(from *Source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from.mu.Lock()
	defer from.mu.Unlock()
	for _, st := range from.streams {
		s.streams = append(s.streams, &stream{name: st.name, items: st.items, given: st.done, done: st.done})
		for _, c := range st.items[st.done:] {
			s.waits += c.Count
		}
	}
	s.wake()
}

func (s *Source) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Next waits for failures.
func (s *Source) Next(ctx context.Context, max int) ([]fault.Captured, error) {
	for {
		s.mu.Lock()
		for _, st := range s.streams {
			if n := min(len(st.items)-st.given, max); n > 0 {
				given := st.items[st.given : st.given+n : st.given+n]
				st.given += n
				s.mu.Unlock()
				return given, nil
			}
		}
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Done forgets what comes before a position.
func (s *Source) Done(p fault.Position) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.streams {
		for st.name == p.Stream && st.done < len(st.items) && st.items[st.done].At.Offset <= p.Offset {
			s.waits -= st.items[st.done].Count
			st.done++
		}
	}
	return nil
}

// Rewind gives everything again that is not Done.
func (s *Source) Rewind() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.streams {
		st.given = st.done
	}
	s.wake()
}

// Waiting returns how many failures are not Done.
func (s *Source) Waiting() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waits
}

// Clock is a clock that stands still until it is moved.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a Clock that shows the beginning of an hour.
func NewClock() *Clock { return &Clock{now: time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)} }

// Now returns its time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves it.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Failure returns a failure at a line of the function web.<place>, as the application of the tests has
// them, in its build "build1".
func Failure(at time.Time, place, message string, line int, change ...func(*fault.Failure)) *fault.Failure {
	f := &fault.Failure{
		Time: at, Kind: fault.KindError, Status: 500, Message: message,
		Causes: fault.Cause{Type: "*errors.errorString", Message: message},
		Stack: trace.Stack{
			{Function: "example.org/app/web." + place, File: "/src/app/web/" + place + ".go", Line: line, App: true},
			{Function: "net/http.HandlerFunc.ServeHTTP", File: "/go/src/net/http/server.go", Line: 2220},
		},
		StackOf: fault.StackWrapped,
		Request: &fault.Request{Method: "GET", Route: "GET /" + place, URL: "/" + place},
		Build:   fault.Build{Module: "example.org/app", Go: "go1.26", ID: "build1"},
		PID:     1,
	}
	_, _ = rand.Read(f.ID[:])
	for _, fn := range change {
		fn(f)
	}
	return f
}

// ByUser lets a failure happen to somebody.
func ByUser(name string) func(*fault.Failure) {
	return func(f *fault.Failure) { f.User = name }
}

// InBuild lets a failure happen in another build.
func InBuild(id string) func(*fault.Failure) {
	return func(f *fault.Failure) { f.Build.ID = id }
}
