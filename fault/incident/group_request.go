package incident

import (
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"example.org/microblog/fault"
)

// requested are texts of a request that are data in a message, even where they read like words: the
// path, what stands in it for the wildcards of the route, and the user's name.
type requested []string

// leastRequested is the length in characters below which such a text is not looked for: it would be
// found in the midst of sentences.
const leastRequested = 3

func requestedBy(f *fault.Failure) requested {
	values := requested{f.User}
	if f.Request != nil {
		asked, _, _ := strings.Cut(f.Request.URL, "?")
		if i := strings.Index(asked, "://"); i >= 0 {
			_, asked, _ = strings.Cut(asked[i+3:], "/")
			asked = "/" + asked
		}
		values = append(values, asked)
		if plain, err := url.PathUnescape(asked); err == nil {
			values = append(values, plain)
		}
		values = append(values, wildcards(f.Request.Route, asked)...)
	}
	values = slices.DeleteFunc(values, func(v string) bool { return utf8.RuneCountInString(v) < leastRequested })
	// What is a part of another one comes after it.
	slices.SortFunc(values, func(a, b string) int { return len(b) - len(a) })
	return slices.Compact(values)
}

// wildcards returns what stands in a path for the wildcards of a pattern of http.ServeMux:
// "susan" of "/user/susan" for "GET /user/{username}".
func wildcards(pattern, asked string) []string {
	slash := strings.IndexByte(pattern, '/')
	if slash < 0 {
		return nil
	}
	var values []string
	segments := strings.Split(strings.Trim(asked, "/"), "/")
	for i, p := range strings.Split(strings.Trim(pattern[slash:], "/"), "/") {
		if i >= len(segments) {
			break
		}
		if !strings.HasPrefix(p, "{") || p == "{$}" {
			continue
		}
		value := segments[i]
		if strings.HasSuffix(p, "...}") {
			value = strings.Join(segments[i:], "/")
		}
		values = append(values, value)
		if plain, err := url.PathUnescape(value); err == nil && plain != value {
			values = append(values, plain)
		}
	}
	return values
}

// remove puts # in place of each where it stands as words of its own.
func (r requested) remove(s string) string {
	for _, value := range r {
		s = replaceWords(s, value)
	}
	return s
}

func replaceWords(s, value string) string {
	if !strings.Contains(s, value) {
		return s
	}
	first, _ := utf8.DecodeRuneInString(value)
	last, _ := utf8.DecodeLastRuneInString(value)
	var b strings.Builder
	done := 0
	for from := 0; ; {
		i := strings.Index(s[from:], value)
		if i < 0 {
			break
		}
		i += from
		end := i + len(value)
		before, _ := utf8.DecodeLastRuneInString(s[:i])
		if i > 0 && isWordRune(before) && isWordRune(first) || isWordRune(last) && !endsWord(s, end) {
			from = i + 1
			continue
		}
		b.WriteString(s[done:i])
		b.WriteString(dataMark)
		done, from = end, end
	}
	b.WriteString(s[done:])
	return b.String()
}
