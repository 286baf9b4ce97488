package problem

import (
	"bytes"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

const (
	maxExcerptFile = 8 << 20 // bytes of a file that an excerpt is taken from
	maxExcerptLine = 400     // bytes of a line that is shown
)

// ExcerptOf is Excerpt of a file. It returns nil as well if that cannot be read, is no regular file, or is too long.
func ExcerptOf(path string, line, around int) []Line {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close() // only read
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(f, maxExcerptFile+1))
	if err != nil || len(text) > maxExcerptFile {
		return nil
	}
	return Excerpt(text, line, around)
}

// Excerpt returns a line of a text with so many lines before and after it, the line's own marked. It returns nil if there
// is no such line, or if this is no text.
func Excerpt(text []byte, line, around int) []Line {
	if line < 1 || bytes.IndexByte(text, 0) >= 0 {
		return nil
	}
	var lines []Line
	for n := 1; len(text) > 0 && n <= line+around; n++ {
		one, rest, _ := bytes.Cut(text, []byte("\n"))
		text = rest
		if n >= line-around {
			lines = append(lines, Line{Number: n, Text: shown(one), Hit: n == line})
		}
	}
	if len(lines) == 0 || lines[len(lines)-1].Number < line {
		return nil
	}
	return lines
}

// shown is a line as it is shown: valid UTF-8, without its end, not too long.
func shown(line []byte) string {
	s := strings.ToValidUTF8(string(bytes.TrimSuffix(line, []byte("\r"))), "\uFFFD")
	if len(s) <= maxExcerptLine {
		return s
	}
	end := maxExcerptLine
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}
