package cli

import (
	"strings"
	"testing"
)

// A value that cannot be used is told with the usage of the command that it was given to.
func TestUsageErrors(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args  []string
		texts []string
	}{
		"a value":                 {[]string{"incidents", "--state", "gone"}, []string{`--state is "gone"`, "Usage: microblog incidents list"}},
		"a value of a subcommand": {[]string{"incidents", "mute", "--for", "ever", "7F3K92QD"}, []string{`--for is "ever"`, "Usage: microblog incidents mute"}},
		"a negative limit":        {[]string{"incidents", "--limit", "-1"}, []string{"--limit is -1; it must be from 1"}},
		"a negative count":        {[]string{"incidents", "mute", "7F3K92QD", "--count", "-3"}, []string{"--count is -3; it must be from 1 to 1000000"}},
		"no count":                {[]string{"incidents", "mute", "7F3K92QD", "--count", "0"}, []string{"--count is 0; it must be from 1"}},
		"an unknown flag":         {[]string{"incidents", "--json", "-1"}, []string{"unknown flag -1", "Usage: microblog incidents"}},
		"a missing value":         {[]string{"incidents", "--limit", "--json"}, []string{"--limit"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := command(t, t.TempDir(), nil, tt.args...)
			if r.code != exitUsage || r.out != "" {
				t.Errorf("exit code %d, standard output %q", r.code, r.out)
			}
			for _, text := range tt.texts {
				if !strings.Contains(r.err, text) {
					t.Errorf("%q is not in:\n%s", text, r.err)
				}
			}
		})
	}
}

func TestJoinNegativeLeavesTheRest(t *testing.T) {
	t.Parallel()
	r := command(t, t.TempDir(), nil, "incidents", "show", "--", "--limit", "-1")
	if r.code != exitUsage || strings.Contains(r.err, "--limit=-1") {
		t.Errorf("%+v", r)
	}
}

// The settings are listed where they belong, and only there.
func TestHelpOfSettings(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args   []string
		listed bool
	}{
		"the program":       {[]string{"--help"}, true},
		"serve":             {[]string{"serve", "--help"}, true},
		"doctor":            {[]string{"doctor", "--help"}, false},
		"incidents":         {[]string{"incidents", "--help"}, false},
		"incidents mute":    {[]string{"incidents", "mute", "--help"}, false},
		"help migrate":      {[]string{"help", "migrate"}, false},
		"user add of words": {[]string{"user", "add", "--help"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := command(t, t.TempDir(), nil, tt.args...)
			if r.code != 0 || r.err != "" {
				t.Fatalf("%+v", r)
			}
			if got := strings.Contains(r.out, "--database-url"); got != tt.listed {
				t.Errorf("settings listed: %v, want %v:\n%s", got, tt.listed, r.out)
			}
			if got := strings.Contains(r.out, "see microblog --help"); got == tt.listed {
				t.Errorf("a line that names where they are: %v:\n%s", got, r.out)
			}
		})
	}
	if r := command(t, t.TempDir(), nil, "incidents", "mute", "--help"); !strings.Contains(r.out, "for ever") {
		t.Errorf("that a mute without an end lasts is not in:\n%s", r.out)
	}
}
