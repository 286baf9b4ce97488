package visible_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"example.org/microblog/fault/internal/visible"
)

const scotland = "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"

func TestVisible(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ in, line, text, code string }{
		"nothing":               {"", "", "", ""},
		"plain":                 {"Grüße, 世界 नमस्ते שלום", "Grüße, 世界 नमस्ते שלום", "Grüße, 世界 नमस्ते שלום", "Grüße, 世界 नमस्ते שלום"},
		"two lines":             {"a\n\tb", `a\n\tb`, "a\n\tb", `a\n` + "\tb"},
		"lines of Windows":      {"a\r\nb\r", `a\r\nb\r`, "a\nb" + `\r`, `a\r\nb`},
		"a carriage return":     {"a\rb", `a\rb`, `a\rb`, `a\rb`},
		"a colour":              {"\x1b[31mred", `\x1b[31mred`, `\x1b[31mred`, `\x1b[31mred`},
		"the short CSI":         {"\u009b31m", `\u009b31m`, `\u009b31m`, `\u009b31m`},
		"no UTF-8":              {"a\xffb", `a\xffb`, `a\xffb`, `a\xffb`},
		"U+FFFD itself":         {"a\ufffdb", "a\ufffdb", "a\ufffdb", "a\ufffdb"},
		"right to left":         {"a\u202eb", `a\u202eb`, `a\u202eb`, `a\u202eb`},
		"a line separator":      {"a\u2028b", `a\u2028b`, `a\u2028b`, `a\u2028b`},
		"nul":                   {"a\x00b", `a\x00b`, `a\x00b`, `a\x00b`},
		"isolates":              {"\u2066a\u2069", `\u2066a\u2069`, `\u2066a\u2069`, `\u2066a\u2069`},
		"marks":                 {"a\u200e\u200f\u061cb", `a\u200e\u200f\u061cb`, `a\u200e\u200f\u061cb`, `a\u200e\u200f\u061cb`},
		"no width":              {"a\u200b\ufeff\u2060b", `a\u200b\ufeff\u2060b`, `a\u200b\ufeff\u2060b`, `a\u200b\ufeff\u2060b`},
		"the end of a byte":     {"\xc3", `\xc3`, `\xc3`, `\xc3`},
		"a soft hyphen":         {"a\u00adb", `a\u00adb`, `a\u00adb`, `a\u00adb`},
		"a letter of no shape":  {"a\u3164b", `a\u3164b`, `a\u3164b`, `a\u3164b`},
		"for private use":       {"a\U000f0000b", `a\U000f0000b`, `a\U000f0000b`, `a\U000f0000b`},
		"no character":          {"a\ufdd0b", `a\ufdd0b`, `a\ufdd0b`, `a\ufdd0b`},
		"a family":              {"👩\u200d👧", "👩\u200d👧", "👩\u200d👧", "👩\u200d👧"},
		"the flag of Scotland":  {scotland + "\n", scotland + `\n`, scotland + "\n", scotland + `\n`},
		"tags of no flag":       {"a\U000e0067\U000e007f\n", `a\U000e0067\U000e007f\n`, `a\U000e0067\U000e007f` + "\n", `a\U000e0067\U000e007f\n`},
		"a flag of a long word": {"🏴" + strings.Repeat("\U000e0067", 7) + "\U000e007f", "🏴" + strings.Repeat(`\U000e0067`, 7) + `\U000e007f`, "🏴" + strings.Repeat(`\U000e0067`, 7) + `\U000e007f`, "🏴" + strings.Repeat(`\U000e0067`, 7) + `\U000e007f`},
		"a flag that is cut":    {"🏴\U000e0067", `🏴\U000e0067`, `🏴\U000e0067`, `🏴\U000e0067`},
		"delete, and backspace": {"a\x7f\bb", `a\x7f\x08b`, `a\x7f\x08b`, `a\x7f\x08b`},
	} {
		if got := visible.Line(test.in); got != test.line {
			t.Errorf("%s: as a line %q, want %q", name, got, test.line)
		}
		if got := visible.Text(test.in); got != test.text {
			t.Errorf("%s: as text %q, want %q", name, got, test.text)
		}
		if got := visible.Code(test.in); got != test.code {
			t.Errorf("%s: as code %q, want %q", name, got, test.code)
		}
	}
}

func FuzzVisible(f *testing.F) {
	for _, s := range []string{"", "a\n\tb", "\x1b]0;title\a", "\xc3", "\u202e", "👩\u200d👧", scotland, "🏴\U000e0067", "a\r\nb"} {
		f.Add(s)
	}
	flags := regexp.MustCompile(`🏴[\x{e0030}-\x{e007a}]{1,6}\x{e007f}`)
	f.Fuzz(func(t *testing.T, s string) {
		for kind, got := range map[string]string{"line": visible.Line(s), "text": visible.Text(s), "code": visible.Code(s)} {
			if !utf8.ValidString(got) {
				t.Fatalf("%s: %q is no UTF-8", kind, got)
			}
			rest := flags.ReplaceAllString(got, "")
			switch kind {
			case "text":
				rest = strings.NewReplacer("\n", "", "\t", "").Replace(rest)
			case "code":
				rest = strings.ReplaceAll(rest, "\t", "")
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
