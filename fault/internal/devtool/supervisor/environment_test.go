package supervisor_test

import (
	"maps"
	"strings"
	"testing"

	"example.org/microblog/fault/internal/devtool/supervisor"
)

func TestAssignments(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text string
		want map[string]string
	}{
		"nothing":         {"", nil},
		"plain":           {"A=1\nB = two words \n", map[string]string{"A": "1", "B": "two words"}},
		"export":          {"export A=1\n  export   B=2\n", map[string]string{"A": "1", "B": "2"}},
		"quotes":          {`A="x # y" # z` + "\n" + `B='it "is"'`, map[string]string{"A": "x # y", "B": `it "is"`}},
		"comments":        {"# A=1\nB=2 # not 3\nC=a#b\n", map[string]string{"B": "2", "C": "a#b"}},
		"empty":           {"A=\nB=\"\"\n", map[string]string{"A": "", "B": ""}},
		"equal signs":     {"A=b=c\n", map[string]string{"A": "b=c"}},
		"the last counts": {"A=1\nA=2\n", map[string]string{"A": "2"}},
		"Windows":         {"A=1\r\nB=2\r\n", map[string]string{"A": "1", "B": "2"}},
		"no assignments":  {"A\n=1\nA B=1\n'A'=1\n", nil},
		"open quote":      {"A=\"x\n", map[string]string{"A": "\"x"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := supervisor.Assignments([]byte(test.text)); !maps.Equal(got, test.want) {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// FuzzAssignments: whatever the file holds, names are names, and what was read is read again as it is.
func FuzzAssignments(f *testing.F) {
	for _, seed := range []string{"A=1", "export A='b' # c\nB=\"\"", "A=\"", "=\n==", "A=\x00\xff", "A= #"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for name, value := range supervisor.Assignments([]byte(text)) {
			if name == "" || strings.ContainsAny(name, " \t\n='\"#") || strings.ContainsRune(value, '\n') {
				t.Errorf("%q=%q", name, value)
			}
		}
	})
}

func TestPublicAddress(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		asked, env, file, address, from string
	}{
		"nothing":           {"", "", "", "127.0.0.1:5000", ""},
		"asked":             {"127.0.0.1:1", "LISTEN=127.0.0.1:2", "", "127.0.0.1:1", ""},
		"LISTEN":            {"", "LISTEN=127.0.0.1:2", "LISTEN=127.0.0.1:3", "127.0.0.1:2", "LISTEN"},
		"LISTEN in .env":    {"", "PORT=4", "LISTEN=127.0.0.1:3", "127.0.0.1:3", "LISTEN"},
		"all interfaces":    {"", "LISTEN=:2", "", "127.0.0.1:2", "LISTEN"},
		"empty is none":     {"", "LISTEN=", "PORT=4", "127.0.0.1:4", "PORT"},
		"PORT":              {"", "PORT=4", "", "127.0.0.1:4", "PORT"},
		"PORT with a colon": {"", "PORT=:4", "", "127.0.0.1:4", "PORT"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, from := supervisor.PublicAddress(test.asked, []string{test.env}, test.file)
			if address != test.address || from != test.from {
				t.Errorf("%s by %q, want %s by %q", address, from, test.address, test.from)
			}
		})
	}
}

func TestFilled(t *testing.T) {
	t.Parallel()
	if got := supervisor.Filled("{addr} {host} {port} {x} {{port}}", "127.0.0.1:80"); got != "127.0.0.1:80 127.0.0.1 80 {x} {80}" {
		t.Error(got)
	}
}

func TestBadPattern(t *testing.T) {
	t.Parallel()
	for pattern, bad := range map[string]bool{"": true, "conf/[": true, "[a-]/x": true, "conf/*": false, "**/*.yaml": false, "a/[bc].d": false} {
		if wrong := supervisor.BadPattern(pattern); (wrong != "") != bad {
			t.Errorf("%q: %q", pattern, wrong)
		}
	}
}

func TestTemplatePlace(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`template: page.html:2: unexpected "}" in operand`:                         `page.html 2  unexpected "}" in operand`,
		`parsing: template: home.html:12:5: executing "x" at <.A>: can't evaluate`: `home.html 12 5 executing "x" at <.A>: can't evaluate`,
		`html/template:a/b.html:3:1: no such template "c"`:                         `a/b.html 3 1 no such template "c"`,
		"something else": "",
	} {
		place := supervisor.Place(text)
		got := ""
		if place != nil {
			got = strings.Join(place[1:], " ")
		}
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
