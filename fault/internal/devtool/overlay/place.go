package overlay

import (
	"html/template"
	"net/url"
	"path"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"example.org/microblog/fault/internal/visible"
)

// place is where something is in a file.
type place struct {
	Label  string       // for people: "internal/web/pages.go:42:7"
	Copy   string       // for a terminal or an editor, absolute where that is known
	Editor template.URL // opens it; "" where the file is not known
	Path   string       // absolute, for the editors of the reader's choice
	Line   int
	Column int
}

func placeOf(file, abs string, line, column int) place {
	p := place{Line: line, Column: column}
	if file == "" {
		file = abs
	}
	if file == "" {
		return p
	}
	p.Label, p.Copy = at(code(file), line, column), at(file, line, column)
	if isAbsolute(abs) && visible.Line(abs) == abs { // else nobody could see what it opens
		p.Path, p.Copy = abs, at(abs, line, column)
		p.Editor = template.URL("vscode://file" + editorPath(abs, line, column)) // no scheme but this, and what follows is escaped
	}
	p.Copy = visible.Line(p.Copy)
	return p
}

func at(file string, line, column int) string {
	if line > 0 {
		file += ":" + strconv.Itoa(line)
		if column > 0 {
			file += ":" + strconv.Itoa(column)
		}
	}
	return file
}

// isAbsolute tells the absolute paths of every system: a page may tell of one that another system wrote.
func isAbsolute(p string) bool {
	return path.IsAbs(p) || len(p) > 2 && p[1] == ':' && (p[2] == '\\' || p[2] == '/') && unicode.IsLetter(rune(p[0])) && p[0] < utf8.RuneSelf
}

// editorPath is an absolute path with a place as a part of an address.
func editorPath(abs string, line, column int) string {
	parts := strings.Split(strings.TrimPrefix(strings.ReplaceAll(abs, `\`, "/"), "/"), "/")
	if abs[0] == '/' {
		parts = strings.Split(abs[1:], "/") // there a backslash is a character like any other
	}
	var b strings.Builder
	for i, part := range parts {
		b.WriteByte('/')
		if i == 0 && abs[0] != '/' {
			b.WriteString(part) // C:
			continue
		}
		b.WriteString(url.PathEscape(part))
	}
	return at(b.String(), line, column)
}

// localPath returns an address for a link to the application: path and query, never another site.
func localPath(to string) string {
	if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsFunc(to, func(r rune) bool { return r == '\\' || r < ' ' || r == 0x7f }) {
		return "/"
	}
	return to
}
