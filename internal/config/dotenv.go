package config

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"unicode/utf8"
)

// maxDotenv is the size in bytes above which a .env file is refused: it is
// something else that happens to have that name.
const maxDotenv = 1 << 20

// An entry is one NAME=value of a .env file.
type entry struct {
	name  string
	value string
	line  int  // where the name stands, from 1
	open  bool // holds ${…} outside single quotes
}

// readDotenv returns the entries of the file at path. A missing file has none.
func readDotenv(path string) ([]entry, os.FileMode, []Problem) {
	if path == "" {
		return nil, 0, nil
	}
	wrong := func(text string) []Problem {
		return []Problem{{Origin: Origin(path), Wrong: text, Allowed: "a readable text file of lines NAME=value, or none"}}
	}
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, wrong("cannot be opened: " + cause(err))
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, wrong("cannot be read: " + cause(err))
	}
	if info.IsDir() {
		return nil, 0, wrong("is a directory")
	}
	text, err := io.ReadAll(io.LimitReader(f, maxDotenv+1))
	if err != nil {
		return nil, 0, wrong("cannot be read: " + cause(err))
	}
	if len(text) > maxDotenv {
		return nil, 0, wrong(fmt.Sprintf("is larger than %d bytes", maxDotenv))
	}
	entries, problems := parseDotenv(path, text)
	return entries, info.Mode(), problems
}

var nameFormat = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// parseDotenv reads lines NAME=value. Comments begin with # at the start of a
// line or after a space. "export" may stand before the name, spaces around the
// =. A value may stand in single quotes, which keep everything as it is, or in
// double quotes, which know \n, \r, \t, \", \\ and \$; both may span lines.
// A $ is a $: nothing is expanded, so that a password survives. No problem
// repeats a value, which might be a secret.
func parseDotenv(path string, text []byte) (entries []entry, problems []Problem) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	rest := strings.ReplaceAll(string(text), "\r\n", "\n")
	for number := 1; rest != ""; {
		line, after, _ := strings.Cut(rest, "\n")
		next := number + 1
		statement := strings.TrimSpace(line)
		if statement != "" && !strings.HasPrefix(statement, "#") {
			e, used, wrong := parseStatement(rest)
			e.line = number
			if wrong == "" {
				entries = append(entries, e)
				next += strings.Count(rest[:used], "\n")
				_, after, _ = strings.Cut(rest[used:], "\n")
			} else {
				problems = append(problems, Problem{
					Setting: e.name, Origin: lineOrigin(path, number), Wrong: wrong,
					Allowed: `NAME=value, NAME='value' or NAME="value", or a comment after #`,
				})
			}
		}
		rest, number = after, next
	}
	return entries, problems
}

// parseStatement reads the assignment at the start of text. used is how many
// bytes it takes, without the end of its last line; wrong says why it is none.
func parseStatement(text string) (e entry, used int, wrong string) {
	line, _, _ := strings.Cut(text, "\n")
	left, raw, found := strings.Cut(line, "=")
	name := strings.TrimSpace(left)
	if after, ok := strings.CutPrefix(name, "export"); ok && strings.TrimLeft(after, " \t") != after {
		name = strings.TrimSpace(after)
	}
	switch {
	case !found:
		return e, 0, "has no = in it"
	case !nameFormat.MatchString(name):
		return e, 0, "has no proper name before the ="
	case !utf8.ValidString(line):
		return entry{name: name}, 0, "is not UTF-8 text"
	}
	e.name = name

	start := len(left) + 1
	start += len(raw) - len(strings.TrimLeft(raw, " \t"))
	if start < len(line) && (text[start] == '\'' || text[start] == '"') {
		quote := text[start]
		value, n, closed := unquote(text[start+1:], quote)
		if !closed {
			return e, 0, "opens a quote that is never closed"
		}
		used = start + 1 + n
		tail, _, _ := strings.Cut(text[used:], "\n")
		if t := strings.TrimSpace(tail); t != "" && !strings.HasPrefix(t, "#") {
			return e, 0, "has text after the closing quote"
		}
		e.value = value
		e.open = quote == '"' && strings.Contains(value, "${")
		return e, used, ""
	}
	e.value = strings.TrimSpace(withoutComment(raw))
	e.open = strings.Contains(e.value, "${")
	return e, len(line), ""
}

// unquote reads a value up to the closing quote and returns how many bytes it
// took, the quote included.
func unquote(text string, quote byte) (value string, used int, closed bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == quote {
			return b.String(), i + 1, true
		}
		if c == '\\' && quote == '"' && i+1 < len(text) {
			if at := strings.IndexByte(`nrt"\$`, text[i+1]); at >= 0 {
				b.WriteByte("\n\r\t\"\\$"[at])
				i++
				continue
			}
		}
		b.WriteByte(c)
	}
	return "", 0, false
}

// withoutComment cuts an unquoted value at the first # that follows a space.
func withoutComment(raw string) string {
	for i := 1; i < len(raw); i++ {
		if raw[i] == '#' && (raw[i-1] == ' ' || raw[i-1] == '\t') {
			return raw[:i]
		}
	}
	return raw
}

// cause returns what the system says of a file, without the path.
func cause(err error) string {
	if pe, ok := err.(*os.PathError); ok {
		return pe.Err.Error()
	}
	return err.Error()
}
