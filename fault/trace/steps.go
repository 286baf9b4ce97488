package trace

import (
	"context"
	"sync"
	"time"
	"unicode/utf8"
)

// What one record keeps of each text, in bytes. It is more than a fault.Catcher shows, which masks secrets first: of half a secret
// nobody can tell that it is one.
const (
	MaxText = 3 << 10 // of Text and Err
	MaxArg  = 1280    // of an argument
)

// What one record keeps beside. Older steps give way to newer ones.
const (
	maxSteps = 100
	maxArgs  = 32
	cutMark  = "…"
)

// A Step is one thing that a request did.
type Step struct {
	Time     time.Time     `json:"time"`
	Kind     string        `json:"kind"` // "sql", "log", …
	Text     string        `json:"text"`
	Args     []string      `json:"args,omitempty"`
	Duration time.Duration `json:"duration,omitempty"` // nanoseconds
	Err      string        `json:"err,omitempty"`
}

type recordKey struct{}

// record is the context that Begin returns, and holds what was noted.
type record struct {
	context.Context

	mu      sync.Mutex
	steps   []Step // a ring once it is full
	oldest  int    // index of the oldest step, 0 until the ring is full
	dropped int
}

func (r *record) Value(key any) any {
	if key == (recordKey{}) {
		return r
	}
	return r.Context.Value(key)
}

// Begin returns a context with an empty record of steps. A record of ctx is hidden by it, not
// continued.
func Begin(ctx context.Context) context.Context {
	return &record{Context: ctx}
}

// Note adds a step to the context's record; without one it does nothing. The record keeps the last
// 100 steps, at most [MaxText] bytes of each text, and 32 arguments of [MaxArg] bytes; what is longer is cut
// and ends in "…". The caller must not change s.Args afterwards. It may be called by several
// goroutines at once.
func Note(ctx context.Context, s Step) { Enter(ctx, s) }

// An Entry is a step in a record. The zero Entry is none.
type Entry struct {
	r  *record
	at int // how many steps were noted before
}

// Enter is [Note] for a step that may go on: what it returns adds to it.
func Enter(ctx context.Context, s Step) Entry {
	r, ok := ctx.Value(recordKey{}).(*record)
	if !ok {
		return Entry{}
	}
	s.Text, s.Err = cut(s.Text, MaxText), cut(s.Err, MaxText)
	s.Args = cutArgs(s.Args)
	r.mu.Lock()
	defer r.mu.Unlock()
	e := Entry{r, r.dropped + len(r.steps)}
	if len(r.steps) < maxSteps {
		r.steps = append(r.steps, s)
		return e
	}
	r.steps[r.oldest] = s
	r.oldest = (r.oldest + 1) % maxSteps
	r.dropped++
	return e
}

// Add makes the step so much longer and, unless err is nil, says that it has failed. It does nothing once the step
// was dropped. It may be called by several goroutines at once.
func (e Entry) Add(d time.Duration, err error) {
	if e.r == nil {
		return
	}
	told := ""
	if err != nil {
		told = cut(err.Error(), MaxText) // Without the lock: the method is the application's.
	}
	e.r.mu.Lock()
	defer e.r.mu.Unlock()
	if e.at < e.r.dropped {
		return
	}
	s := &e.r.steps[e.at%maxSteps]
	s.Duration += d
	if err != nil {
		s.Err = told
	}
}

// Recording tells whether the context has a record, so that a [Step] is not made for nobody.
func Recording(ctx context.Context) bool {
	_, ok := ctx.Value(recordKey{}).(*record)
	return ok
}

// Steps returns a copy of the context's record, oldest first, and how many steps before those were
// dropped. Without a record it returns nil and 0.
func Steps(ctx context.Context) (steps []Step, dropped int) {
	r, ok := ctx.Value(recordKey{}).(*record)
	if !ok {
		return nil, 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.steps) == 0 {
		return nil, 0
	}
	steps = make([]Step, 0, len(r.steps))
	steps = append(steps, r.steps[r.oldest:]...)
	steps = append(steps, r.steps[:r.oldest]...)
	return steps, r.dropped
}

func cut(s string, max int) string {
	if len(s) <= max {
		return s
	}
	s = s[:max]
	for range utf8.UTFMax - 1 { // A rune that was cut does not show.
		if r, size := utf8.DecodeLastRuneInString(s); r != utf8.RuneError || size != 1 {
			break
		}
		s = s[:len(s)-1]
	}
	return s + cutMark // A copy, so that the rest of a long text can be freed.
}

func cutArgs(args []string) []string {
	long := len(args) > maxArgs
	for i := 0; i < len(args) && !long; i++ {
		long = len(args[i]) > MaxArg
	}
	if !long {
		return args
	}
	out := make([]string, 0, min(len(args), maxArgs)+1)
	for _, a := range args[:min(len(args), maxArgs)] {
		out = append(out, cut(a, MaxArg))
	}
	if len(args) > maxArgs {
		out = append(out, cutMark)
	}
	return out
}
