package microblog_test

import (
	"net/mail"
	"strings"
	"testing"
	"unicode"

	"example.org/microblog/internal/microblog"
)

func TestCheckEmail(t *testing.T) {
	for _, c := range []struct{ name, in, want, refused string }{
		{name: "plain", in: "susan@example.com", want: "susan@example.com"},
		{name: "kept as typed", in: "Susan.B+x@Example.COM", want: "Susan.B+x@Example.COM"},
		{name: "trimmed", in: "  susan@example.com\n", want: "susan@example.com"},
		{name: "host without a dot", in: "susan@localhost", want: "susan@localhost"},
		{name: "international", in: "renée@exämple.com", want: "renée@exämple.com"},
		{name: "longest", in: strings.Repeat("a", 108) + "@example.com", want: strings.Repeat("a", 108) + "@example.com"},
		{name: "too long", in: strings.Repeat("a", 109) + "@example.com", refused: "at most 120 characters; this is 121"},
		{name: "empty", in: " ", refused: microblog.TextRequired},
		{name: "no at sign", in: "susan", refused: microblog.TextInvalidEmail},
		{name: "no domain", in: "susan@", refused: microblog.TextInvalidEmail},
		{name: "no local part", in: "@example.com", refused: microblog.TextInvalidEmail},
		{name: "with a name", in: "Susan <susan@example.com>", refused: microblog.TextInvalidEmail},
		{name: "in brackets", in: "<susan@example.com>", refused: microblog.TextInvalidEmail},
		{name: "with a comment", in: "susan@example.com(x)", refused: microblog.TextInvalidEmail},
		{name: "quoted", in: `"susan b"@example.com`, refused: microblog.TextInvalidEmail},
		{name: "two", in: "a@example.com,b@example.com", refused: microblog.TextInvalidEmail},
		{name: "line break", in: "a@example.com\r\nBcc: b@example.com", refused: microblog.TextInvalidEmail},
		{name: "zero width space", in: "a\u200b@example.com", refused: microblog.TextInvalidEmail},
		{name: "address literal", in: "a@[127.0.0.1]", refused: microblog.TextInvalidEmail},
		{name: "dots in a row", in: "a@example..com", refused: microblog.TextInvalidEmail},
		{name: "hyphen first", in: "a@-example.com", refused: microblog.TextInvalidEmail},
		{name: "invalid UTF-8", in: "a\xff@example.com", refused: microblog.TextInvalidEmail},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := microblog.CheckEmail(c.in)
			if c.refused != "" {
				wantFieldError(t, err, microblog.FieldEmail, c.refused)
			} else if err != nil || got != c.want {
				t.Errorf("CheckEmail(%q) = %q, %v; want %q", c.in, got, err, c.want)
			}
		})
	}
}

func TestEmailKey(t *testing.T) {
	if a, b := microblog.EmailKey("Susan@Example.COM"), microblog.EmailKey("sUSAN@example.com"); a != b {
		t.Errorf("keys %q and %q differ", a, b)
	}
}

func FuzzEmail(f *testing.F) {
	for _, s := range []string{"a@b", "A@B.C", `"a b"@c`, "a@[::1]", "İ@x", "a@b\r\n", "é@ü.de", "a@b(c)", "=?utf-8?q?a?=@b", "\xff@a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		email, err := microblog.CheckEmail(s)
		if err != nil {
			return
		}
		if again, err := microblog.CheckEmail(email); err != nil || again != email {
			t.Fatalf("%q is checked to %q, and that to %q, %v", s, email, again, err)
		}
		if _, err := mail.ParseAddress(email); err != nil {
			t.Fatalf("%q: %v", email, err)
		}
		if strings.ContainsFunc(email, unicode.IsControl) || strings.ContainsAny(email, " <>,;") {
			t.Fatalf("%q was accepted", email)
		}
		key := microblog.EmailKey(email)
		if again := microblog.EmailKey(key); again != key {
			t.Fatalf("the key of the key %q is %q", key, again)
		}
	})
}
