package microblog_test

import (
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"

	"example.org/microblog/internal/microblog"
)

func TestUsernameKey(t *testing.T) {
	for _, c := range []struct{ name, in, key string }{
		{"plain", "susan", "susan"},
		{"upper case", "SuSaN", "susan"},
		{"digits and signs", "a_b-c.9", "a_b-c.9"},
		{"only digits", "2026", "2026"},
		{"signs at the ends", "_susan-", "_susan-"},
		{"composed", "Ren\u00e9e", "ren\u00e9e"},
		{"decomposed", "Rene\u0301e", "ren\u00e9e"},
		{"full width", "\uff21\uff42\uff43", "abc"},
		{"Greek", "ΑΘΗΝΑ", "αθηνα"},
		{"Cyrillic", "Ольга", "ольга"},
		{"Han", "小明", "小明"},
		{"Devanagari with vowel signs", "हिन्दी", "हिन्दी"},
		{"Arabic", "سوسن", "سوسن"},
		{"Hebrew", "שושנה", "שושנה"},
		{"longest", strings.Repeat("a", 64), strings.Repeat("a", 64)},
		{"longest of two bytes each", strings.Repeat("é", 64), strings.Repeat("é", 64)},
	} {
		t.Run(c.name, func(t *testing.T) {
			key, err := microblog.UsernameKey(c.in)
			if err != nil || key != c.key {
				t.Errorf("UsernameKey(%q) = %q, %v; want %q", c.in, key, err, c.key)
			}
		})
	}
}

func TestUsernameKeyRefuses(t *testing.T) {
	for _, c := range []struct{ name, in, text string }{
		{"empty", "", microblog.TextRequired},
		{"too long", strings.Repeat("a", 65), "at most 64 characters; this is 65"},
		{"slash", "a/b", "“/” is not allowed"},
		{"percent", "%2e", "“%” is not allowed"},
		{"space inside", "a b", "only letters"},
		{"at sign", "a@b", "“@” is not allowed"},
		{"dot", ".", "beginning or the end"},
		{"dots", "..", "beginning or the end"},
		{"dot at the beginning", ".a", "beginning or the end"},
		{"dot at the end", "a.", "beginning or the end"},
		{"signs only", "_-_", "at least one letter"},
		{"control", "a\x00b", "only letters"},
		{"invalid UTF-8", "a\xff", "not valid UTF-8"},
		{"mark first", "\u0301a", "only letters"},
		{"tower of marks", "a\u0316\u0316\u0316\u0316", "only letters"},
		{"zero width joiner", "a\u200db", "only letters"},
		{"right-to-left override", "a\u202eb", "only letters"},
		{"Hangul filler", "a\u3164", "cannot be seen"},
		{"ligature", "\ufb01sh", "look like others"},
		{"emoji", "😀", "“😀” is not allowed"},
		{"Cyrillic а in a Latin name", "\u0430dmin", "one alphabet"},
		{"Latin and Greek", "ο\u006eline", "one alphabet"},
		{"right-to-left mixed with Latin", "אabc", "right to left"},
		{"right-to-left after a digit", "1שלום", "right to left"},
		{"Arabic digits alone", "٣٤", "begin such a name with a letter"},
		{"long s", "ſusy", "look like others"},
	} {
		t.Run(c.name, func(t *testing.T) {
			key, err := microblog.UsernameKey(c.in)
			wantFieldError(t, err, microblog.FieldUsername, c.text)
			if key != "" {
				t.Errorf("key = %q beside an error", key)
			}
		})
	}
}

func TestCheckUsername(t *testing.T) {
	if name, err := microblog.CheckUsername("  Rene\u0301e\t"); err != nil || name != "Ren\u00e9e" {
		t.Errorf("CheckUsername trims and composes: got %q, %v", name, err)
	}
	_, err := microblog.CheckUsername(" a/b ")
	wantFieldError(t, err, microblog.FieldUsername, "“/” is not allowed")
	for _, reserved := range []string{"admin", "Admin", "ADMINISTRATOR", "root", "login", "edit_profile", "\uff21dmin"} {
		_, err := microblog.CheckUsername(reserved)
		wantFieldError(t, err, microblog.FieldUsername, microblog.TextUsernameTaken)
		if !microblog.Reserved(reserved) {
			t.Errorf("Reserved(%q) = false", reserved)
		}
	}
	if microblog.Reserved("susan") || microblog.Reserved("..") {
		t.Error("Reserved is true for an ordinary or a bad name")
	}
}

func TestCheckRename(t *testing.T) {
	for _, c := range []struct{ current, typed, want, refused string }{
		{current: "susan", typed: "susan", want: "susan"},
		{current: "susan", typed: " SUSAN ", want: "SUSAN"},
		{current: "susan", typed: "john", want: "john"},
		{current: "admin", typed: "Admin", want: "Admin"},
		{current: "susan", typed: "admin", refused: microblog.TextUsernameTaken},
		{current: "susan", typed: "a/b", refused: "not allowed"},
		{current: "susan", typed: " ", refused: microblog.TextRequired},
	} {
		name, err := microblog.CheckRename(c.current, c.typed)
		if c.refused != "" {
			wantFieldError(t, err, microblog.FieldUsername, c.refused)
		} else if err != nil || name != c.want {
			t.Errorf("CheckRename(%q, %q) = %q, %v; want %q", c.current, c.typed, name, err, c.want)
		}
	}
}

func FuzzUsername(f *testing.F) {
	for _, s := range []string{
		"susan", "SUSAN", "a.b-c_d", "..", "a/b", "%2e", "Rene\u0301e", "İstanbul", "ΟΔΟΣ", "\uff21", "हिन्दी", "سوسن",
		"ǅ", "ẞ", "a\u0345", "\u1e9b\u0323", "K", "ﬁ", "\xff", "𝒜", "٣", "א1", "Ω",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		key, err := microblog.UsernameKey(s)
		if err != nil {
			return
		}
		if again, err := microblog.UsernameKey(key); err != nil || again != key {
			t.Fatalf("the key of the key %q of %q is %q, %v", key, s, again, err)
		}
		if want, err := precis.UsernameCaseMapped.String(norm.NFC.String(s)); err != nil || want != key {
			t.Fatalf("the key of %q is %q; PRECIS says %q, %v", s, key, want, err)
		}
		for _, name := range []string{s, key} {
			if n := utf8.RuneCountInString(norm.NFC.String(name)); n == 0 || n > microblog.MaxUsername {
				t.Fatalf("%q has %d characters", name, n)
			}
			if strings.ContainsAny(name, "/\\%?#@ ") || strings.Trim(name, ".") != name {
				t.Fatalf("%q was accepted", name)
			}
			back, err := url.PathUnescape(url.PathEscape(name))
			if err != nil || back != name {
				t.Fatalf("%q comes back from a path as %q, %v", name, back, err)
			}
		}
		name, err := microblog.CheckRename(s, s)
		if err != nil {
			t.Fatalf("one's own name %q: %v", s, err)
		}
		if k, err := microblog.UsernameKey(name); err != nil || k != key {
			t.Fatalf("%q is stored as %q, whose key is %q, %v; want %q", s, name, k, err, key)
		}
	})
}

func BenchmarkUsernameKey(b *testing.B) {
	for _, name := range []string{"Susan_42", "Renée"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := microblog.UsernameKey(name); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
