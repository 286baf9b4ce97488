package microblog

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/secure/bidirule"
	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"
)

const textUsernameCharacters = "Please use only letters, digits, “_”, “-” and “.”, and no “.” at either end."

// What RFC 8265 refuses of names made of letters and digits: those that break
// the bidi rule (RFC 5893), and characters that stand for others
// or for nothing.
const (
	textUsernameDirections = "Please do not mix letters that are written from right to left with others, and begin such a name with a letter."
	textUsernameLookalike  = "This name has characters that look like others or cannot be seen. Please type the usual letters and digits."
)

// maxMarks is how many combining marks may follow each other in a username.
// Two are common in some scripts; towers of them spill over other lines.
const maxMarks = 3

// UsernameKey returns the form by which two usernames are the same: RFC 8265
// UsernameCaseMapped, after NFC. PRECIS alone would let "a/b", ".." and "%2e"
// pass, so only letters, digits and marks of any script, "_", "-" and, not at
// an end, "." are allowed. Every key fits unescaped letters aside into one
// segment of a URL's path.
//
// A name that nobody can have gives a *FieldError that says why. The key of a
// key is the key.
func UsernameKey(username string) (string, error) {
	if key, ok := asciiKey(username); ok {
		return key, nil
	}
	name := norm.NFC.String(username)
	if err := checkUsernameText(name); err != nil {
		return "", err
	}
	key, err := precis.UsernameCaseMapped.String(name)
	if errors.Is(err, bidirule.ErrInvalid) {
		return "", usernameError(textUsernameDirections)
	}
	if err != nil {
		return "", usernameError(textUsernameLookalike)
	}
	// The mapped form has to keep the rules too, and has to stay what it is
	// when mapped again; a few rare characters are refused for that.
	if again, err := precis.UsernameCaseMapped.String(key); err != nil || again != key || checkUsernameText(key) != nil {
		return "", usernameError(textUsernameLookalike)
	}
	return key, nil
}

// asciiKey is UsernameKey for valid names that are plain ASCII, which nearly
// all are. ok is false for all others, also for bad ones.
func asciiKey(name string) (key string, ok bool) {
	if name == "" || len(name) > MaxUsername || name[0] == '.' || name[len(name)-1] == '.' {
		return "", false
	}
	upper, alnum := false, false
	for i := range len(name) {
		switch c := name[i]; {
		case 'A' <= c && c <= 'Z':
			upper, alnum = true, true
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			alnum = true
		case c == '_', c == '-', c == '.':
		default:
			return "", false
		}
	}
	if upper {
		name = strings.ToLower(name)
	}
	return name, alnum
}

// checkUsernameText checks everything that can be seen in the text itself.
func checkUsernameText(name string) error {
	if name == "" {
		return usernameError(TextRequired)
	}
	if !utf8.ValidString(name) {
		return usernameError(textNotUTF8)
	}
	if n := utf8.RuneCountInString(name); n > MaxUsername {
		return usernameError(tooLong(MaxUsername, n))
	}
	if name[0] == '.' || name[len(name)-1] == '.' {
		return usernameError("Please do not use “.” at the beginning or the end.")
	}
	alnum, marks := false, maxMarks // no mark before the first letter
	for _, r := range name {
		switch {
		case unicode.IsLetter(r), unicode.Is(unicode.Nd, r):
			alnum, marks = true, 0
		case unicode.In(r, unicode.Mn, unicode.Mc) && marks < maxMarks:
			marks++
		case r == '_', r == '-', r == '.':
			marks = maxMarks
		case unicode.IsPrint(r) && !unicode.IsMark(r):
			return usernameError(fmt.Sprintf("“%c” is not allowed. %s", r, textUsernameCharacters))
		default:
			return usernameError(textUsernameCharacters)
		}
	}
	if !alnum {
		return usernameError("Please use at least one letter or digit.")
	}
	if mixesAlphabets(name) {
		return usernameError("Please use letters of one alphabet only; Latin, Greek and Cyrillic ones look too much alike.")
	}
	return nil
}

// mixesAlphabets reports whether name has letters of more than one of Latin,
// Greek and Cyrillic, by which one name could pass for another.
func mixesAlphabets(name string) bool {
	var latin, greek, cyrillic int
	for _, r := range name {
		switch {
		case unicode.Is(unicode.Latin, r):
			latin = 1
		case unicode.Is(unicode.Greek, r):
			greek = 1
		case unicode.Is(unicode.Cyrillic, r):
			cyrillic = 1
		}
	}
	return latin+greek+cyrillic > 1
}

// CheckUsername returns the username to store for what somebody typed who
// registers: in NFC, without space around it. Reserved names are refused with
// the text for a taken one.
func CheckUsername(typed string) (string, error) {
	name := norm.NFC.String(strings.TrimSpace(typed))
	key, err := UsernameKey(name)
	if err != nil {
		return "", err
	}
	if reserved[key] {
		return "", usernameError(TextUsernameTaken)
	}
	return name, nil
}

// CheckRename is CheckUsername for somebody who is called current: one's own
// name, also in another case, is always allowed, even if it is reserved.
func CheckRename(current, typed string) (string, error) {
	name := norm.NFC.String(strings.TrimSpace(typed))
	key, err := UsernameKey(name)
	if err != nil {
		return "", err
	}
	if own, err := UsernameKey(current); err == nil && own == key {
		return name, nil
	}
	return CheckUsername(typed)
}

// Reserved reports whether CheckUsername refuses a name for being reserved. An
// administrator may still give such a name to somebody.
func Reserved(username string) bool {
	key, err := UsernameKey(username)
	return err == nil && reserved[key]
}

// reserved are the keys of names that nobody may take by themselves: those of
// the site's own pages, so that a link to a person never reads like one of
// them, and those by which people expect to reach whoever runs the site (some
// of them from RFC 2142).
var reserved = func() map[string]bool {
	names := []string{
		"about", "account", "api", "assets", "avatar", "confirm", "delete", "drill", "edit_profile",
		"explore", "favicon.ico", "feed", "follow", "followers", "following", "healthz", "help",
		"home", "incidents", "index", "login", "logout", "metrics", "notifications", "password",
		"post", "posts", "privacy", "profile", "readyz", "register", "reset", "robots.txt", "search",
		"sessions", "settings", "signin", "signout", "signup", "static", "terms", "unfollow", "user",
		"users",

		"abuse", "admin", "administrator", "anonymous", "contact", "everyone", "hostmaster", "info",
		"mail", "mailer-daemon", "microblog", "mod", "moderator", "no-reply", "nobody", "noreply",
		"official", "operator", "owner", "postmaster", "root", "security", "staff", "support",
		"sysadmin", "system", "team", "webmaster",
	}
	set := make(map[string]bool, len(names))
	for _, n := range names {
		set[n] = true
	}
	return set
}()

func usernameError(text string) error { return &FieldError{FieldUsername, text} }
