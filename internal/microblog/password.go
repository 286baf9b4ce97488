package microblog

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// CheckPassword says whether password may be somebody's new password, by NIST
// SP 800-63B: at least 8 characters, any characters, no rules about which, and
// none of those that everybody tries first. personal are further texts that it
// must not be, such as the username and the e-mail address.
//
// The bound of 1,024 bytes is there so that a password can be refused before
// work is spent on it; the standard asks for at least 64 characters.
func CheckPassword(password string, personal ...string) error {
	fail := func(text string) error { return &FieldError{FieldPassword, text} }
	if password == "" {
		return fail(TextRequired)
	}
	if !utf8.ValidString(password) {
		return fail(textNotUTF8)
	}
	if len(password) > MaxPassword {
		return fail(fmt.Sprintf("Please use at most %d bytes; this is %d.", MaxPassword, len(password)))
	}
	if n := utf8.RuneCountInString(norm.NFC.String(password)); n < MinPassword {
		return fail(fmt.Sprintf("Please use at least %d characters; this is %d.", MinPassword, n))
	}
	for _, p := range personal {
		if p != "" && strings.EqualFold(password, p) {
			return fail("Please do not use your name or address as the password.")
		}
	}
	if easilyGuessed(password) {
		return fail("This password is among the first that anybody would try. Please use another one.")
	}
	return nil
}

// CheckPassword2 says whether the repeated password is the same.
func CheckPassword2(password, repeated string) error {
	switch repeated {
	case "":
		return &FieldError{FieldPassword2, TextRequired}
	case password:
		return nil
	}
	return &FieldError{FieldPassword2, TextNotEqual}
}

// easilyGuessed knows repetitions, runs such as 12345678 or hgfedcba, and the
// few long passwords that lead every published list.
func easilyGuessed(password string) bool {
	p := []rune(strings.ToLower(password))
	step := p[1] - p[0]
	if step >= -1 && step <= 1 {
		run := true
		for i := 2; i < len(p) && run; i++ {
			// 0 follows 9 in the row of digits.
			run = p[i]-p[i-1] == step || step == 1 && p[i] == '0' && p[i-1] == '9'
		}
		if run {
			return true
		}
	}
	return slices.Contains([]string{
		"password", "password1", "password12", "password123", "password1234", "passw0rd", "p@ssw0rd", "p@ssword",
		"qwertyui", "qwertyuiop", "qwerty12", "qwerty123", "qwertz123", "1q2w3e4r", "1qaz2wsx", "asdfghjk", "asdfghjkl",
		"iloveyou", "sunshine", "princess", "football", "baseball", "welcome1", "welcome123", "superman", "starwars",
		"trustno1", "letmein1", "letmein123", "changeme", "adminadmin", "admin123", "administrator", "microblog",
		"11223344", "12341234", "12121212", "123123123", "87654321", "abcd1234", "abc12345", "passwort", "motdepasse",
	}, string(p))
}
