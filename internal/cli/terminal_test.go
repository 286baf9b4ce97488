package cli

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestPlainText(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ in, want string }{
		"plain":                {"GET /user/{username}: no such table", "GET /user/{username}: no such table"},
		"other scripts":        {"Jürgen 山田 Ωμέγα", "Jürgen 山田 Ωμέγα"},
		"escape sequence":      {"a\x1b[2Jb", `a\x1b[2Jb`},
		"C1 control":           {"a\u009bb", `a\u009bb`},
		"lines and tabs":       {"a\r\nb\n\tc", "a b  c"},
		"carriage return":      {"secret\rharmless", `secret\rharmless`},
		"backspace":            {"a\bb", `a\bb`},
		"writing direction":    {"a\u202egnp.exe", `a\u202egnp.exe`},
		"not seen":             {"ad\u200bmin", `ad\u200bmin`},
		"no UTF-8":             {"a\xffb", "a\ufffdb"},
		"unusual space":        {"a\u00a0b\u3000c", "a b c"},
		"delete":               {"a\x7f", `a\x7f`},
		"end of line of other": {"a\u2028b", `a\u2028b`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := plainText(tt.in); got != tt.want {
				t.Errorf("plainText(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

// A terminal acts on nothing that plainText has made, and shows all of it on one line.
func FuzzPlainText(f *testing.F) {
	for _, s := range []string{"", "plain", "\x1b]0;title\a", "\u202e", "a\nb", "\xc3\x28", "\ufeff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := plainText(s)
		if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("plainText(%q) = %q", s, got)
		}
		if again := plainText(got); again != got {
			t.Errorf("plainText(%q) = %q, and of that again %q", s, got, again)
		}
	})
}

func TestFit(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		in      string
		columns int
		want    string
	}{
		"fits":            {"four", 4, "four"},
		"too long":        {"loading the profile", 10, "loading t…"},
		"no space at end": {"loading the profile", 9, "loading…"},
		"wide characters": {"山田太郎", 5, "山田…"},
		"combining marks": {"e\u0301e\u0301e\u0301", 3, "e\u0301e\u0301e\u0301"},
		"nothing":         {"", 3, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := fit(tt.in, tt.columns); got != tt.want || cells(got) > tt.columns {
				t.Errorf("fit(%q, %d) = %q of %d cells, want %q", tt.in, tt.columns, got, cells(got), tt.want)
			}
		})
	}
}

func TestWrap(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		in      string
		columns int
		want    []string
	}{
		"fits":             {"one two", 7, []string{"one two"}},
		"breaks at spaces": {"one two three", 8, []string{"one two", "three"}},
		"a long word":      {"see https://example.org/a/b/c now", 10, []string{"see", "https://example.org/a/b/c", "now"}},
		"unlimited":        {"one two three", 0, []string{"one two three"}},
		"nothing":          {"", 10, []string{""}},
		"wide characters":  {"山田 太郎", 6, []string{"山田", "太郎"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := wrap(tt.in, tt.columns)
			if strings.Join(got, "|") != strings.Join(tt.want, "|") {
				t.Errorf("wrap(%q, %d) = %q, want %q", tt.in, tt.columns, got, tt.want)
			}
		})
	}
}
