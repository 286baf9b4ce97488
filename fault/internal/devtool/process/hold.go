package process

import (
	"regexp"
	"strings"
	"time"
)

// crashSignal is how the runtime begins where a signal has ended the process: somebody wanted that.
var crashSignal = regexp.MustCompile(`^\n*SIG[A-Z0-9]{2,8}: `)

// crashGoroutine is how it begins the stack of a goroutine.
var crashGoroutine = regexp.MustCompile(`(?m)^goroutine \d+ [^\n]*\[[^\n]*\]:\n`)

// wroteStack tells whether the runtime has written the whole stack of the goroutine that crashed, and goes on
// with those of the others.
func wroteStack(text string) bool {
	if !strings.HasSuffix(text, "\n\n") {
		return false
	}
	at := crashGoroutine.FindStringIndex(text)
	return at != nil && len(text) > at[1]+1
}

// tryHold holds the process, which is blocked while it crashes, and lets it count as ended.
func (p *Process) tryHold() bool {
	if !p.mayBeHeld() || p.holdIf != nil && !p.holdIf() {
		return false
	}
	if err := p.holder.cutOff(p.pid); err != nil || !p.mayBeHeld() {
		return false // It dies.
	}
	p.mu.Lock()
	if p.stopped || p.ended {
		p.mu.Unlock()
		return false
	}
	p.held = true
	p.group.killOthers()
	p.mu.Unlock()
	p.finish(Exit{Code: crashCode, Held: true, Ran: time.Since(p.started)})
	return true
}

// crashCode is with what the Go runtime ends a process that crashes.
const crashCode = 2

func (p *Process) mayBeHeld() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.stopped && !p.ended
}
