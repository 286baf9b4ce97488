package explain

import (
	"slices"
	"strings"
)

// topicHang is the topic of hangRules.
const topicHang = "hang"

// hangRules are about handlers that do not come back from a panic. Package fault writes what they read.
func hangRules() []*rule {
	return []*rule{{
		topic: topicHang, types: []string{"hang"}, strict: true,
		text:  `^the handler hangs: since the panic a deferred function (waits|runs)(?:[^:(]*\(([^)]*)\))?[^:]*(?:: in (.*?))?\. The request was answered without it$`,
		title: "The handler hangs after the panic", more: (*subject).hangs,
	}}
}

// hangs tells which deferred function does not return, and what it waits for.
func (s *subject) hangs(m []string, e *Explanation) {
	state, calls := m[2], strings.Split(m[3], ", called by ")
	name, place, _ := strings.Cut(s.deferred(calls), " at ")
	who := "A deferred function"
	if name != "" {
		name, _, _ = strings.Cut(name, "[") // of a generic function
		who = quoted(name[strings.LastIndexByte(name, '/')+1:])
		if place != "" {
			who += " (" + bare(place) + ")"
		}
	}
	const mend = "Mend the panic: without it nothing would wait."
	if m[1] == "runs" {
		e.Text = who + ", which a panic runs because it was deferred, has not returned. The handler's goroutine is still in it."
		e.Try = []string{mend, "Look for what takes it so long: a loop that does not end, a call over the network without a time limit."}
		return
	}
	what, lock := waitsFor(state)
	e.Text = who + ", which a panic runs because it was deferred, waits " + what + "."
	if !lock {
		e.add("Whoever would end that wait may be the code that the panic has ended. What the handler has locked stays locked meanwhile, and later requests that need it hang, too.")
		e.Try = []string{mend, "Do not wait without a limit in a deferred function: use a select with `ctx.Done()` or a timer beside the channel."}
		return
	}
	e.add("Most likely the handler itself has locked it: what would unlock it comes after the panic, or is deferred, too, and has its turn later. " +
		"The lock stays held, so later requests that need it hang, too, until the application is started again.")
	if slices.ContainsFunc(calls, func(c string) bool { return strings.HasPrefix(c, "database/sql.(*Rows).") }) {
		e.Try = []string{"Package database/sql locks the rows while a Scan method runs, and `rows.Close()` wants that lock: return an error from Scan instead of panicking."}
		return
	}
	e.Try = []string{mend,
		"Deferred functions run in reverse order: write the one that needs the lock above `mu.Lock()` and `defer mu.Unlock()`, so that it runs when the lock is free.",
		"Where Unlock is not deferred, a panic leaves the lock held: write `defer mu.Unlock()` right behind `mu.Lock()`."}
}

// deferred is the one of the calls to name: the innermost that is in a package of the application's, else the outermost.
func (s *subject) deferred(calls []string) string {
	for _, c := range calls {
		for _, f := range s.f.Stack {
			if pkg := f.Package(); f.App && pkg != "" && strings.HasPrefix(c, pkg+".") {
				return c
			}
		}
	}
	return calls[len(calls)-1]
}

// waitsFor says what a goroutine in a state of the runtime's waits for, and whether it is a lock.
func waitsFor(state string) (what string, lock bool) {
	switch {
	case strings.HasPrefix(state, "sync.RWMutex."):
		return "for a sync.RWMutex that is locked", true
	case strings.HasPrefix(state, "sync.Mutex."):
		return "for a sync.Mutex that is locked", true
	case strings.HasPrefix(state, "sync.WaitGroup"):
		return "for a sync.WaitGroup", false
	case strings.HasPrefix(state, "sync.Cond"):
		return "for a sync.Cond to be signalled", false
	case strings.HasPrefix(state, "chan receive"):
		return "for a value from a channel", false
	case strings.HasPrefix(state, "chan send"):
		return "for somebody to take a value from a channel", false
	case strings.HasPrefix(state, "select"):
		return "for one of several channels", false
	}
	return "for another goroutine", false
}
