package problem

import (
	"bytes"
	"os"
	"strings"
	"unicode/utf8"
)

const (
	maxExcerptFile = 4 << 20 // bytes of a file that an excerpt is taken from
	maxExcerptLine = 400     // bytes of a line that is shown
)

// Excerpt returns a line of a file with so many lines before and after it, the line's own marked. It returns nil if there
// is no such line, or if the file cannot be read or is no text.
func Excerpt(path string, line, around int) []Line {
	info, err := os.Stat(path)
	if err != nil || line < 1 || !info.Mode().IsRegular() || info.Size() > maxExcerptFile {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil || bytes.IndexByte(text, 0) >= 0 {
		return nil
	}
	all := strings.Split(string(text), "\n")
	if line > len(all) {
		return nil
	}
	first, last := max(1, line-around), min(len(all), line+around)
	lines := make([]Line, 0, last-first+1)
	for n := first; n <= last; n++ {
		s := strings.TrimSuffix(all[n-1], "\r")
		if len(s) > maxExcerptLine {
			cut := maxExcerptLine
			for cut > 0 && !utf8.RuneStart(s[cut]) {
				cut--
			}
			s = s[:cut] + "…"
		}
		lines = append(lines, Line{Number: n, Text: strings.ToValidUTF8(s, "\uFFFD"), Hit: n == line})
	}
	return lines
}
