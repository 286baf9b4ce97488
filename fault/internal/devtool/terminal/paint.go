package terminal

import (
	"strings"
	"unicode/utf8"
)

// paint colours text, or does not.
type paint bool

func (p paint) dim(s string) string    { return p.as("2", s) }
func (p paint) red(s string) string    { return p.as("1;31", s) }
func (p paint) yellow(s string) string { return p.as("1;33", s) }
func (p paint) bold(s string) string   { return p.as("1", s) }

func (p paint) as(code, s string) string {
	if !p || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// cut cuts s to at most n bytes and an ellipsis, between two characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// fit cuts s to n characters, the last of which then is an ellipsis.
func fit(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:max(n-1, 0)]) + "…"
}

// untabbed replaces tabs by spaces, to columns that are multiples of four.
func untabbed(s string) string {
	if !strings.Contains(s, "\t") {
		return s
	}
	var b strings.Builder
	column := 0
	for _, r := range s {
		if r != '\t' {
			b.WriteRune(r)
			column++
			continue
		}
		for {
			b.WriteByte(' ')
			if column++; column%4 == 0 {
				break
			}
		}
	}
	return b.String()
}
