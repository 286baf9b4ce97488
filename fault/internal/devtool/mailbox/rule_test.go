package mailbox_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"example.org/microblog/fault/internal/devtool/mailbox"
)

func TestParseRule(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]mailbox.Rule{
		"refuse":            {Mode: mailbox.Refuse, Step: mailbox.AtRcpt},
		"refuse@connect":    {Mode: mailbox.Refuse, Step: mailbox.AtConnect},
		"Refuse=552@DOT ":   {Mode: mailbox.Refuse, Step: mailbox.AtDot, Code: 552},
		"tempfail":          {Mode: mailbox.TempFail, Step: mailbox.AtRcpt},
		"tempfail=421":      {Mode: mailbox.TempFail, Step: mailbox.AtRcpt, Code: 421},
		"silent":            {Mode: mailbox.Silent, Step: mailbox.AtConnect},
		"silent@dot":        {Mode: mailbox.Silent, Step: mailbox.AtDot},
		"slow":              {Mode: mailbox.Slow},
		"slow=100ms":        {Mode: mailbox.Slow, Each: 100 * time.Millisecond},
		"slow=100ms@mail":   {Mode: mailbox.Slow, Each: 100 * time.Millisecond, Step: mailbox.AtMail},
		"drop":              {Mode: mailbox.Drop, Step: mailbox.AtData},
		"drop@dot":          {Mode: mailbox.Drop, Step: mailbox.AtDot},
		"refuse@starttls":   {Mode: mailbox.Refuse, Step: mailbox.AtStartTLS},
		"tempfail=454@auth": {Mode: mailbox.TempFail, Step: mailbox.AtAuth, Code: 454},
	} {
		if got, err := mailbox.ParseRule(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v; want %+v", text, got, err, want)
		}
	}
}

func TestParseRuleRefuses(t *testing.T) {
	t.Parallel()
	for text, why := range map[string]string{
		"":                 "refuse, tempfail, silent, slow, drop",
		"explode":          "refuse, tempfail, silent, slow, drop",
		"refuse@":          "connect, helo, starttls, auth, mail, rcpt, data, dot",
		"refuse@sometimes": "connect, helo, starttls, auth, mail, rcpt, data, dot",
		"refuse=450":       "500 to 599",
		"refuse=x":         "no reply code",
		"refuse=":          "no reply code",
		"tempfail=550":     "400 to 499",
		"slow=fast":        "no time for a byte",
		"slow=0s":          "some time",
		"slow=-1s":         "more than nothing",
		"slow=2h":          "at most an hour",
		"drop=1":           "takes no value",
		"silent=1s":        "takes no value",
	} {
		if got, err := mailbox.ParseRule(text); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %+v, %v; want an error with %q", text, got, err, why)
		}
	}
}

func FuzzParseRule(f *testing.F) {
	for _, seed := range []string{"refuse=552@dot", "slow=1h", "drop", "@", "=", "tempfail=421@connect", "slow=1ns@data"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := mailbox.ParseRule(text)
		if err != nil {
			return
		}
		if again, err := mailbox.ParseRule(r.String()); err != nil || again != r {
			t.Errorf("%q is %q, which is %+v, %v; want %+v", text, r, again, err, r)
		}
		if err := (mailbox.Plan{Rules: []mailbox.Rule{r}}).Check(); err != nil {
			t.Errorf("%q is read but cannot be used: %v", text, err)
		}
	})
}

func TestPlans(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		rules  []string
		first  int
		chance float64
		wrong  string // "" if nothing is
	}{
		"nothing":                {},
		"combined":               {rules: []string{"slow", "slow=1ms@mail", "refuse@rcpt", "drop@dot"}, first: 3, chance: 0.5},
		"two answers":            {rules: []string{"refuse@rcpt", "tempfail@rcpt"}, wrong: "refuse@rcpt and tempfail@rcpt cannot both be"},
		"twice slow":             {rules: []string{"slow", "slow=1ms"}, wrong: "has been said already"},
		"negative":               {rules: []string{"drop"}, first: -1, wrong: "-1"},
		"a chance above 1":       {rules: []string{"drop"}, chance: 1.5, wrong: "0 to 1"},
		"a chance of no number":  {rules: []string{"drop"}, chance: math.NaN(), wrong: "0 to 1"},
		"a number without rules": {first: 3, wrong: "not how"},
	} {
		plan, err := mailbox.ParsePlan(test.rules, test.first, test.chance)
		switch {
		case test.wrong == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.wrong != "" && (err == nil || !strings.Contains(err.Error(), test.wrong)):
			t.Errorf("%s: %v, %v; want an error with %q", name, plan, err, test.wrong)
		}
	}
}

func TestPlanTellsWhenItHasNoEffect(t *testing.T) {
	t.Parallel()
	for rule, want := range map[string]string{
		"refuse@auth":   "refuse@auth, the first 2 attempts (at auth only if the sender logs in)",
		"tempfail@rcpt": "tempfail@rcpt, the first 2 attempts",
	} {
		p, err := mailbox.ParsePlan([]string{rule}, 2, 0)
		if err != nil || p.String() != want {
			t.Errorf("%q, want %q (%v)", p, want, err)
		}
	}
}
