package microblog_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"example.org/microblog/internal/microblog"
)

const family = "👨\u200d👩\u200d👧\u200d👦" // one character for people, 25 bytes

func TestCheckPost(t *testing.T) {
	for _, c := range []struct{ name, in, want, refused string }{
		{name: "plain", in: "Hello, world!", want: "Hello, world!"},
		{name: "trimmed", in: "\n  Hello \u00a0\t", want: "Hello"},
		{name: "line ends", in: "a\r\nb\rc\nd\vե\u0085f", want: "a\nb\nc\nd\nե\nf"},
		{name: "empty line kept", in: "a\r\n\r\nb", want: "a\n\nb"},
		{name: "one blank line with spaces", in: "a\n \t\nb", want: "a\n \t\nb"},
		{name: "two blank lines", in: "a\n\n\nb", want: "a\n\nb"},
		{name: "seventy blank lines", in: "a" + strings.Repeat("\r\n", 71) + "b" + strings.Repeat("\n", 9) + "c", want: "a\n\nb\n\nc"},
		{name: "blank lines with spaces", in: "a\n \n\u3000\n\t\n b", want: "a\n\n b"},
		{name: "line separators", in: "a\u2028\u2029\u2028b", want: "a\n\nb"},
		{name: "140 without the blank lines", in: strings.Repeat("a", 69) + strings.Repeat("\n", 50) + strings.Repeat("b", 69), want: strings.Repeat("a", 69) + "\n\n" + strings.Repeat("b", 69)},
		{name: "tab kept", in: "a\tb", want: "a\tb"},
		{name: "controls dropped", in: "a\x00\x1b[31mb\u009b\x7f", want: "a[31mb"},
		{name: "140", in: strings.Repeat("a", 140), want: strings.Repeat("a", 140)},
		{name: "140 after trimming", in: " " + strings.Repeat("é", 140) + " ", want: strings.Repeat("é", 140)},
		{name: "140 families", in: strings.Repeat(family, 140), want: strings.Repeat(family, 140)},
		{name: "141", in: strings.Repeat("a", 141), refused: "at most 140 characters; this is 141"},
		{name: "141 families", in: strings.Repeat(family, 141), refused: "at most 140 characters; this is 141"},
		{name: "4096 bytes", in: "a" + strings.Repeat("\u0301", 2047) + "b", want: "a" + strings.Repeat("\u0301", 2047) + "b"},
		{name: "4097 bytes", in: "a" + strings.Repeat("\u0301", 2048), refused: "4097 bytes"},
		{name: "empty", in: "", refused: microblog.TextRequired},
		{name: "only space", in: " \r\n\t\u3000", refused: microblog.TextRequired},
		{name: "only invisible", in: "\u200b\u2060\ufe0f\u2800\u3164", refused: microblog.TextRequired},
		{name: "invalid UTF-8", in: "a\xffb", refused: "not valid UTF-8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := microblog.CheckPost(c.in)
			if c.refused != "" {
				wantFieldError(t, err, microblog.FieldPost, c.refused)
			} else if err != nil || got != c.want {
				t.Errorf("CheckPost(%q) = %q, %v; want %q", c.in, got, err, c.want)
			}
		})
	}
}

func TestCheckAboutMe(t *testing.T) {
	if got, err := microblog.CheckAboutMe(" \n"); err != nil || got != "" {
		t.Errorf("an empty text: %q, %v", got, err)
	}
	if got, err := microblog.CheckAboutMe("I am\r\nme "); err != nil || got != "I am\nme" {
		t.Errorf("two lines: %q, %v", got, err)
	}
	_, err := microblog.CheckAboutMe(strings.Repeat("a", 141))
	wantFieldError(t, err, microblog.FieldAboutMe, "this is 141")
}

func FuzzPost(f *testing.F) {
	for _, s := range []string{"a", "\r\r\n\n", family, "a\x00", "\xff", " \u0085", strings.Repeat("é", 141), "\u200b", "🇩🇪🇩", "\r"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		about, aboutErr := microblog.CheckAboutMe(s)
		body, err := microblog.CheckPost(s)
		if err == nil && (aboutErr != nil || about != body) {
			t.Fatalf("as a post %q, as an about-me text %q, %v", body, about, aboutErr)
		}
		if err != nil {
			return
		}
		if again, err := microblog.CheckPost(body); err != nil || again != body {
			t.Fatalf("%q is checked to %q, and that to %q, %v", s, body, again, err)
		}
		if n := microblog.CountCharacters(body); n < 1 || n > microblog.MaxPost || len(body) > microblog.MaxTextBytes {
			t.Fatalf("%q has %d characters and %d bytes", body, n, len(body))
		}
		if !utf8.ValidString(body) || strings.TrimSpace(body) != body ||
			strings.ContainsFunc(body, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }) {
			t.Fatalf("%q was accepted", body)
		}
	})
}
