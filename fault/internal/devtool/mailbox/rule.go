package mailbox

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Mode is a way to fail on purpose.
type Mode string

// The modes.
const (
	Refuse   Mode = "refuse"   // a permanent refusal, 5xx
	TempFail Mode = "tempfail" // a refusal for now, 4xx
	Silent   Mode = "silent"   // the connection stays open and nothing is said
	Slow     Mode = "slow"     // the answer comes a byte at a time
	Drop     Mode = "drop"     // the connection is closed instead of an answer
)

// Step is a place in an SMTP conversation where it can fail.
type Step string

// The steps, in their order.
const (
	AtConnect  Step = "connect"  // the greeting
	AtHelo     Step = "helo"     // EHLO or HELO
	AtStartTLS Step = "starttls" // STARTTLS
	AtAuth     Step = "auth"     // AUTH
	AtMail     Step = "mail"     // MAIL FROM
	AtRcpt     Step = "rcpt"     // RCPT TO
	AtData     Step = "data"     // DATA, or the first BDAT; Drop closes in the middle of the text
	AtDot      Step = "dot"      // the final dot; Silent and Drop keep the mail and do not say so
)

// DefaultSlow is how long each byte of a slow answer takes without another word.
const DefaultSlow = time.Second

var (
	modes = []Mode{Refuse, TempFail, Silent, Slow, Drop}
	steps = []Step{AtConnect, AtHelo, AtStartTLS, AtAuth, AtMail, AtRcpt, AtData, AtDot}
)

// Modes returns all modes.
func Modes() []Mode { return slices.Clone(modes) }

// Steps returns all steps in their order.
func Steps() []Step { return slices.Clone(steps) }

// Rule is one way to fail at one step.
type Rule struct {
	Mode Mode
	Step Step          // "" is every step, for Slow only
	Code int           // of Refuse (500 to 599) and TempFail (400 to 499); 0 is the usual one of the step
	Each time.Duration // of Slow: how long a byte takes; 0 is DefaultSlow
}

// ParseRule reads MODE[=VALUE][@STEP], such as refuse, tempfail=452@dot, slow=100ms or drop@dot. Without a
// step, refuse and tempfail are at rcpt, silent is at connect, drop at data, and slow everywhere.
func ParseRule(text string) (Rule, error) {
	what, at, hasStep := strings.Cut(strings.ToLower(strings.TrimSpace(text)), "@")
	mode, value, hasValue := strings.Cut(what, "=")
	r := Rule{Mode: Mode(mode), Step: Step(at)}
	if !slices.Contains(modes, r.Mode) {
		return Rule{}, fmt.Errorf("%q begins with no way to fail: those are %s", text, list(modes))
	}
	if hasStep && !slices.Contains(steps, r.Step) {
		return Rule{}, fmt.Errorf("%q names no step of a conversation: those are %s", text, list(steps))
	}
	if !hasStep {
		r.Step = defaultStep(r.Mode)
	}
	if hasValue {
		if err := r.setValue(value); err != nil {
			return Rule{}, fmt.Errorf("%q: %w", text, err)
		}
	}
	return r, nil
}

func defaultStep(m Mode) Step {
	switch m {
	case Refuse, TempFail:
		return AtRcpt
	case Silent:
		return AtConnect
	case Drop:
		return AtData
	}
	return ""
}

func (r *Rule) setValue(value string) error {
	switch r.Mode {
	case Refuse, TempFail:
		code, err := strconv.Atoi(value)
		if err != nil {
			return fmt.Errorf("%q is no reply code", value)
		}
		r.Code = code
	case Slow:
		each, err := time.ParseDuration(value)
		if err != nil {
			return fmt.Errorf("%q is no time for a byte, such as 100ms or 1s", value)
		}
		r.Each = each
		if each == 0 {
			return errors.New("a byte must take some time")
		}
	default:
		return fmt.Errorf("%s takes no value", r.Mode)
	}
	return r.check()
}

// check reports what is wrong with a rule that may not come from ParseRule.
func (r Rule) check() error {
	switch {
	case !slices.Contains(modes, r.Mode):
		return fmt.Errorf("%q is no way to fail: those are %s", r.Mode, list(modes))
	case r.Step == "" && r.Mode != Slow:
		return fmt.Errorf("%s needs a step", r.Mode)
	case r.Step != "" && !slices.Contains(steps, r.Step):
		return fmt.Errorf("%q is no step: those are %s", r.Step, list(steps))
	case r.Code != 0 && r.Mode == Refuse && r.Code/100 != 5:
		return fmt.Errorf("a refusal has a code from 500 to 599, not %d", r.Code)
	case r.Code != 0 && r.Mode == TempFail && r.Code/100 != 4:
		return fmt.Errorf("a refusal for now has a code from 400 to 499, not %d", r.Code)
	case r.Code != 0 && r.Mode != Refuse && r.Mode != TempFail:
		return fmt.Errorf("%s has no reply code", r.Mode)
	case r.Each != 0 && r.Mode != Slow:
		return fmt.Errorf("%s takes no time for a byte", r.Mode)
	case r.Each < 0 || r.Each > time.Hour:
		return fmt.Errorf("a byte takes more than nothing and at most an hour, not %s", r.Each)
	}
	return nil
}

// String writes the rule so that ParseRule reads it.
func (r Rule) String() string {
	s := string(r.Mode)
	switch {
	case r.Code != 0:
		s += "=" + strconv.Itoa(r.Code)
	case r.Each != 0:
		s += "=" + r.Each.String()
	}
	if r.Step != "" {
		s += "@" + string(r.Step)
	}
	return s
}

func list[T ~string](all []T) string {
	words := make([]string, len(all))
	for i, w := range all {
		words[i] = string(w)
	}
	return strings.Join(words, ", ")
}

// Plan is what fails, and how often. The zero Plan delivers everything.
//
// What is counted and decided once is an attempt: a connection up to the end of its first mail, and after that
// each further mail on it. An attempt that never comes to a step of the rules is not counted.
type Plan struct {
	Rules  []Rule
	First  int     // only the first so many attempts fail, so that a sender recovers; 0: all of them
	Chance float64 // how likely an attempt fails, above 0 up to 1; 0 stands for 1
}

// ParsePlan reads rules as ParseRule does and checks that they can be combined.
func ParsePlan(rules []string, first int, chance float64) (Plan, error) {
	p := Plan{First: first, Chance: chance}
	for _, text := range rules {
		r, err := ParseRule(text)
		if err != nil {
			return Plan{}, err
		}
		p.Rules = append(p.Rules, r)
	}
	return p, p.Check()
}

// Check reports what is wrong with the plan: a rule, two rules that decide the same, or a limit without rules.
func (p Plan) Check() error {
	taken := map[Step]Rule{}
	slow := map[Step]bool{}
	for _, r := range p.Rules {
		if err := r.check(); err != nil {
			return err
		}
		if r.Mode == Slow {
			if slow[r.Step] {
				return fmt.Errorf("%s: how slow that is has been said already", r)
			}
			slow[r.Step] = true
			continue
		}
		if other, ok := taken[r.Step]; ok {
			return fmt.Errorf("%s and %s cannot both be: each decides what is answered at %s", other, r, r.Step)
		}
		taken[r.Step] = r
	}
	switch {
	case p.First < 0:
		return fmt.Errorf("the number of attempts that fail cannot be %d", p.First)
	case !(p.Chance >= 0 && p.Chance <= 1):
		return fmt.Errorf("the chance to fail is from 0 to 1, not %v", p.Chance)
	case len(p.Rules) == 0 && (p.First != 0 || p.Chance != 0):
		return errors.New("how often to fail is said, but not how")
	}
	return nil
}

// Names returns the rules as ParseRule reads them.
func (p Plan) Names() []string {
	names := make([]string, len(p.Rules))
	for i, r := range p.Rules {
		names[i] = r.String()
	}
	return names
}

// String says the plan in words.
func (p Plan) String() string {
	if len(p.Rules) == 0 {
		return "nothing fails"
	}
	s := strings.Join(p.Names(), " ")
	switch {
	case p.First == 1:
		s += ", the first attempt"
	case p.First > 1:
		s += fmt.Sprintf(", the first %d attempts", p.First)
	}
	if p.Chance > 0 && p.Chance < 1 {
		s += fmt.Sprintf(", with a chance of %g", p.Chance)
	}
	if slices.ContainsFunc(p.Rules, func(r Rule) bool { return r.Step == AtAuth }) {
		s += " (at auth only if the sender logs in)"
	}
	return s
}

func (p Plan) clone() Plan {
	p.Rules = slices.Clone(p.Rules)
	return p
}
