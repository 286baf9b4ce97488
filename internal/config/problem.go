package config

import (
	"fmt"
	"strconv"
	"strings"
)

// An Origin says where a setting's value came from: "flag --listen",
// "environment", ".env line 3", "default" or "not set".
type Origin string

const (
	fromEnvironment Origin = "environment"
	fromDefault     Origin = "default"
	notSet          Origin = "not set"
)

func flagOrigin(flag string) Origin { return Origin("flag --" + flag) }

func lineOrigin(path string, line int) Origin {
	return Origin(fmt.Sprintf("%s line %d", path, line))
}

// A Problem is one mistake in the settings.
type Problem struct {
	Setting string // its name: LISTEN; "" for a file or a line as a whole
	Value   string // as given, shortened, and masked where it is secret; may be ""
	Origin  Origin
	Wrong   string // what was wrong, to be read after the setting's name
	Allowed string // what is allowed
}

// String returns the mistake in one line:
//
//	MAIL_PORT="smtp" (environment): is not a number. Allowed: …
func (p Problem) String() string {
	var b strings.Builder
	switch {
	case p.Setting == "":
		b.WriteString(string(p.Origin))
	case p.Value == "":
		fmt.Fprintf(&b, "%s (%s)", p.Setting, p.Origin)
	default:
		fmt.Fprintf(&b, "%s=%s (%s)", p.Setting, strconv.Quote(p.Value), p.Origin)
	}
	fmt.Fprintf(&b, ": %s. Allowed: %s.", p.Wrong, p.Allowed)
	return b.String()
}

// Errors are all the mistakes in the settings, in the order of [Settings];
// those of the .env file itself come first.
type Errors struct {
	Problems []Problem // never empty
}

// Error returns the mistakes, one a line.
func (e *Errors) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}
