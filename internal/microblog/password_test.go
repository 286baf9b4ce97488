package microblog_test

import (
	"strings"
	"testing"

	"example.org/microblog/internal/microblog"
)

func TestCheckPassword(t *testing.T) {
	for _, c := range []struct{ name, in, refused string }{
		{name: "eight", in: "kUrbel7x"},
		{name: "a sentence", in: "correct horse battery staple"},
		{name: "eight of another script", in: "пароль-и"},
		{name: "longest", in: strings.Repeat("ab1!", 256)},
		{name: "too long", in: strings.Repeat("ab1!", 256) + "x", refused: "at most 1024 bytes; this is 1025"},
		{name: "seven", in: "kUrbel7", refused: "at least 8 characters; this is 7"},
		{name: "seven composed", in: "e\u0301e\u0301urbel7", refused: ""},
		{name: "composed characters count once", in: "e\u0301e\u0301e\u0301e\u0301", refused: "this is 4"},
		{name: "empty", in: "", refused: microblog.TextRequired},
		{name: "invalid UTF-8", in: "kUrbel7x\xff", refused: "not valid UTF-8"},
		{name: "own name", in: "SusanBakes", refused: "name or address"},
		{name: "own address", in: "susan@example.com", refused: "name or address"},
		{name: "well known", in: "Password1", refused: "among the first"},
		{name: "one character", in: "aaaaaaaa", refused: "among the first"},
		{name: "run up", in: "1234567890", refused: "among the first"},
		{name: "run down", in: "hgfedcba", refused: "among the first"},
		{name: "few of many code points", in: strings.Repeat("\U0001d160", 3), refused: "among the first"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := microblog.CheckPassword(c.in, "susanbakes", "Susan@example.com", "")
			if c.refused != "" {
				wantFieldError(t, err, microblog.FieldPassword, c.refused)
			} else if err != nil {
				t.Errorf("CheckPassword(%q) = %v", c.in, err)
			}
		})
	}
}

func TestCheckPassword2(t *testing.T) {
	if err := microblog.CheckPassword2("kUrbel7x", "kUrbel7x"); err != nil {
		t.Errorf("the same: %v", err)
	}
	wantFieldError(t, microblog.CheckPassword2("kUrbel7x", "kUrbel7y"), microblog.FieldPassword2, microblog.TextNotEqual)
	wantFieldError(t, microblog.CheckPassword2("kUrbel7x", ""), microblog.FieldPassword2, microblog.TextRequired)
}

func FuzzPassword(f *testing.F) {
	for _, s := range []string{"", "12345678", "kUrbel7x", "\xff", "\U0001d160", "\u0958\u0958\u0958"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if microblog.CheckPassword(s, s) == nil {
			t.Fatalf("%q may be its own owner's name", s)
		}
		if err := microblog.CheckPassword(s); err == nil && (len(s) > microblog.MaxPassword || strings.Trim(s, s[:1]) == "") {
			t.Fatalf("%q was accepted", s)
		}
	})
}
