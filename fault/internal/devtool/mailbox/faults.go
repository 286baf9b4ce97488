package mailbox

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// faults decides which attempts fail, by a plan that may change at any time.
type faults struct {
	mu         sync.Mutex
	plan       Plan
	generation int           // of the plan
	failed     int           // attempts that failed by this plan
	changed    chan struct{} // closed when the plan changes
}

// attempt is what was decided of one attempt to deliver. Its zero value is undecided.
type attempt struct {
	generation int
	decided    bool
	fails      bool
}

func newFaults(p Plan) *faults {
	return &faults{plan: p.clone(), changed: make(chan struct{})}
}

// set replaces the plan and begins to count anew.
func (f *faults) set(p Plan) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plan, f.failed = p.clone(), 0
	f.generation++
	close(f.changed)
	f.changed = make(chan struct{})
}

// state returns the plan and how many attempts it has failed.
func (f *faults) state() (Plan, int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.plan.clone(), f.failed
}

// current reports whether a was decided by the plan of now.
func (f *faults) current(a attempt) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return a.generation == f.generation
}

// planChange returns a channel that is closed with the next change of the plan.
func (f *faults) planChange() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changed
}

// at returns what is to happen instead of a true answer at step, if anything is.
func (f *faults) at(a *attempt, step Step) (Rule, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.plan.Rules {
		if r.Mode != Slow && r.Step == step {
			return r, f.decide(a)
		}
	}
	return Rule{}, false
}

// pace returns how long each byte of the answer to step is to take, or 0.
func (f *faults) pace(a *attempt, step Step) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	var each time.Duration
	for _, r := range f.plan.Rules {
		if r.Mode != Slow || r.Step != "" && r.Step != step {
			continue
		}
		if each == 0 || r.Step == step {
			each = r.Each
			if each == 0 {
				each = DefaultSlow
			}
		}
	}
	if each == 0 || !f.decide(a) {
		return 0
	}
	return each
}

// decide reports whether the attempt fails. It is asked when a rule would take effect.
func (f *faults) decide(a *attempt) bool {
	if !a.decided || a.generation != f.generation {
		*a = attempt{generation: f.generation, decided: true}
		a.fails = (f.plan.First == 0 || f.failed < f.plan.First) &&
			(f.plan.Chance == 0 || rand.Float64() < f.plan.Chance)
		if a.fails {
			f.failed++
		}
	}
	return a.fails
}

// refusals are the usual replies to each step: permanent and temporary code, and the enhanced codes of RFC 3463.
var refusals = map[Step]struct {
	refuse, tempFail         int
	refuseMore, tempFailMore string
}{
	AtConnect:  {554, 421, "5.3.2", "4.3.2"},
	AtHelo:     {550, 421, "5.7.1", "4.3.2"},
	AtStartTLS: {554, 454, "5.7.0", "4.7.0"},
	AtAuth:     {535, 454, "5.7.8", "4.7.0"},
	AtMail:     {550, 451, "5.7.1", "4.3.0"},
	AtRcpt:     {550, 450, "5.1.1", "4.2.1"},
	AtData:     {554, 451, "5.7.1", "4.3.0"},
	AtDot:      {554, 451, "5.7.1", "4.3.0"},
}

// reply returns the code, the enhanced code and the text of a refusal at step.
func (r Rule) reply(step Step) (code int, enhanced, text string) {
	usual := refusals[step]
	code, enhanced, text = usual.refuse, usual.refuseMore, "Refused on purpose"
	if r.Mode == TempFail {
		code, enhanced, text = usual.tempFail, usual.tempFailMore, "Not now, on purpose"
	}
	if r.Code != 0 && r.Code != code {
		code, enhanced = r.Code, fmt.Sprintf("%d.0.0", r.Code/100)
	}
	return code, enhanced, fmt.Sprintf("%s: fault mailbox was told to (%s)", text, r)
}
