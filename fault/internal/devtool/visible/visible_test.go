package visible_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"example.org/microblog/fault/internal/devtool/visible"
)

func TestVisible(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ in, line, text string }{
		"nothing":               {"", "", ""},
		"plain":                 {"Grüße, 世界", "Grüße, 世界", "Grüße, 世界"},
		"two lines":             {"a\n\tb", `a\x0a\x09b`, "a\n\tb"},
		"a carriage return":     {"a\rb", `a\x0db`, `a\x0db`},
		"a colour":              {"\x1b[31mred", `\x1b[31mred`, `\x1b[31mred`},
		"the short CSI":         {"\u009b31m", `\u009b31m`, `\u009b31m`},
		"no UTF-8":              {"a\xffb", `a\xffb`, `a\xffb`},
		"U+FFFD itself":         {"a\ufffdb", "a\ufffdb", "a\ufffdb"},
		"right to left":         {"a\u202eb", `a\u202eb`, `a\u202eb`},
		"a line separator":      {"a\u2028b", `a\u2028b`, `a\u2028b`},
		"for private use":       {"a\U000f0000b", `a\U000f0000b`, `a\U000f0000b`},
		"a family":              {"👩\u200d👧", "👩\u200d👧", "👩\u200d👧"},
		"the flag of Scotland":  {"🏴\U000e0067\U000e0062\U000e007f", "🏴\U000e0067\U000e0062\U000e007f", "🏴\U000e0067\U000e0062\U000e007f"},
		"delete, and backspace": {"a\x7f\bb", `a\x7f\x08b`, `a\x7f\x08b`},
	} {
		if got := visible.Line(test.in); got != test.line {
			t.Errorf("%s: as a line %q, want %q", name, got, test.line)
		}
		if got := visible.Text(test.in); got != test.text {
			t.Errorf("%s: as text %q, want %q", name, got, test.text)
		}
	}
}

func FuzzVisible(f *testing.F) {
	for _, s := range []string{"", "a\n\tb", "\x1b]0;title\a", "\xc3", "\u202e", "👩\u200d👧"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for kind, got := range map[string]string{"line": visible.Line(s), "text": visible.Text(s)} {
			if !utf8.ValidString(got) {
				t.Fatalf("%s: %q is no UTF-8", kind, got)
			}
			rest := got
			if kind == "text" {
				rest = strings.NewReplacer("\n", "", "\t", "").Replace(got)
			}
			if i := strings.IndexFunc(rest, visible.Hidden); i >= 0 {
				t.Fatalf("%s: %q hides something at %d", kind, got, i)
			}
			if visible.Text(got) != got {
				t.Fatalf("%s: %q changes when it is made visible again", kind, got)
			}
		}
	})
}
