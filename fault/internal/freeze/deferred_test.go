package freeze_test

import (
	"bytes"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"example.org/microblog/fault/internal/freeze"
)

// goroutine is the number of the calling goroutine.
func goroutine(t *testing.T) int64 {
	t.Helper()
	dump := make([]byte, 1024)
	dump = dump[:runtime.Stack(dump, false)]
	_, after, _ := bytes.Cut(dump, []byte("goroutine "))
	digits, _, _ := bytes.Cut(after, []byte(" "))
	n, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A holder hangs as database/sql does.
type holder struct{ mu sync.RWMutex }

func (h *holder) Close() { h.mu.Lock(); h.mu.Unlock() } //lint:ignore SA2001 it waits

func handle(h *holder, panics bool, began chan<- int64, number func() int64) {
	defer func() { _ = recover() }()
	began <- number()
	defer h.Close()
	if panics {
		panic("hanging")
	}
}

func TestDeferredOf(t *testing.T) {
	t.Parallel()
	const own = "example.org/microblog/fault/internal/freeze_test"
	for name, test := range map[string]struct {
		panics bool
		within string
		found  bool
	}{
		"panics":         {true, own + ".handle", true},
		"does not panic": {false, own + ".handle", false},
		"elsewhere":      {true, own + ".other", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var h holder
			h.mu.RLock()
			began, done := make(chan int64, 1), make(chan struct{})
			go func() {
				defer close(done)
				handle(&h, test.panics, began, func() int64 { return goroutine(t) })
			}()
			number := <-began
			want := []string{"sync.(*RWMutex).Lock", own + ".(*holder).Close"}
			var d freeze.Deferred
			var found bool
			for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
				if d, found = freeze.DeferredOf(number, test.within); d.Waits {
					break
				}
			}
			if found != test.found || !d.Waits || d.State != "sync.RWMutex.Lock" || test.panics && !slices.Equal(d.Calls, want) {
				t.Errorf("it is %+v, %v; want %q, %v", d, found, want, test.found)
			}
			h.mu.RUnlock()
			<-done
			if d, found := freeze.DeferredOf(number, test.within); found {
				t.Errorf("when it has ended: %+v", d)
			}
		})
	}
}

func TestParseDeferred(t *testing.T) {
	t.Parallel()
	const dump = "goroutine 1 [running]:\nmain.main()\n\t/m.go:1 +0x1\n\n" +
		"goroutine 17 [chan receive, 3 minutes, locked to thread]:\nruntime.gopark(0x1)\n\t/r.go:1\ninternal/sync.runtime_SemacquireMutex(0x1)\n\t/s.go:1\n" +
		"main.a[...](...)\n\t/m.go:1 +0x1\nmain.(*T).b(0x1, {0x2, 0x3})\n\t/m.go:2 +0x2\nmain.c.func1()\n\t/m.go:3\npanic({0x1?, 0x2?})\n\t/p.go:1\nmain.serve(0x1)\n\t/m.go:4\n" +
		"created by net/http.(*Server).Serve in goroutine 1\n\t/h.go:1\n"
	for name, test := range map[string]struct {
		dump   string
		number int64
		within string
		want   freeze.Deferred
		found  bool
	}{
		"found":          {dump, 17, "main.serve", freeze.Deferred{Calls: []string{"main.a[...]", "main.(*T).b", "main.c.func1"}, Places: []string{"/m.go:1", "/m.go:2", "/m.go:3"}, State: "chan receive", Waits: true}, true},
		"another caller": {dump, 17, "main.main", freeze.Deferred{Calls: []string{"main.a[...]", "main.(*T).b", "main.c.func1"}, Places: []string{"/m.go:1", "/m.go:2", "/m.go:3"}, State: "chan receive", Waits: true}, false},
		"no panic":       {dump, 1, "main.main", freeze.Deferred{State: "running"}, false},
		"its number":     {dump, 7, "main.serve", freeze.Deferred{}, false},
		"nothing":        {"", 1, "", freeze.Deferred{}, false},
		"cut":            {dump[:len(dump)/3], 17, "main.serve", freeze.Deferred{State: "chan receive", Waits: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, found := freeze.ParseDeferred(test.dump, test.number, test.within)
			if found != test.found || d.State != test.want.State || d.Waits != test.want.Waits || !slices.Equal(d.Calls, test.want.Calls) || !slices.Equal(d.Places, test.want.Places) {
				t.Errorf("%+v, %v; want %+v, %v", d, found, test.want, test.found)
			}
		})
	}
}

func FuzzParseDeferred(f *testing.F) {
	f.Add("goroutine 1 [select]:\nmain.f()\n\t/m.go:1\npanic({0x1})\n\t/p.go:1\nmain.serve()\n", int64(1))
	f.Add("goroutine 1 [", int64(1))
	f.Fuzz(func(t *testing.T, dump string, number int64) {
		d, found := freeze.ParseDeferred(dump, number, "main.serve")
		if len(d.Calls) > 6 || len(d.Places) > len(d.Calls) || found && !bytes.Contains([]byte(dump), []byte("panic(")) {
			t.Errorf("%+v, %v", d, found)
		}
	})
}
