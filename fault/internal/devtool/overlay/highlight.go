package overlay

import (
	"go/scanner"
	"go/token"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"example.org/microblog/fault/internal/devtool/problem"
)

// maxLine bounds what is shown of a line of code, in bytes.
const maxLine = 2000

// codeLine is a line of an excerpt.
type codeLine struct {
	Number int
	Hit    bool
	At     string // what is marked, in words; "" is nothing
	Spans  []span
}

// span is a piece of a line. Class is "k" for a keyword, "s" for a string, "c" for a comment, "n" for a number; Mark
// says that it is where the mistake is.
type span struct {
	Class string
	Mark  bool
	Text  string
}

// excerptOf prepares lines for a page. column, in bytes from 1 as Go counts, is of the line that is hit; 0 is unknown.
func excerptOf(file string, source []problem.Line, column int) []codeLine {
	kinds := make([][]byte, len(source))
	if strings.HasSuffix(file, ".go") {
		kinds = kindsOf(source)
	}
	all := make([]codeLine, len(source))
	isMarked := slices.ContainsFunc(source, func(l problem.Line) bool { from, to := markOf(l); return from < to })
	for i, l := range source {
		from, to := markOf(l)
		if l.Hit && from == to && !isMarked {
			from, to = marked(l.Text, kinds[i], column)
		}
		at := ""
		if from < len(l.Text) {
			at = strings.TrimSpace(code(clip(l.Text[from:to], 100)))
		}
		all[i] = codeLine{l.Number, l.Hit, at, spansOf(l.Text, kinds[i], from, to)}
	}
	return all
}

// markOf returns the range of bytes of a line's mark; an empty one is none.
func markOf(l problem.Line) (from, to int) {
	if l.Mark.From < 0 || l.Mark.From >= l.Mark.To {
		return 0, 0
	}
	to = len(l.Text)
	units, begun := 0, false
	for i, r := range l.Text {
		if units >= l.Mark.To {
			to = i
			break
		}
		if units >= l.Mark.From && !begun {
			from, begun = i, true
		}
		units += max(utf16.RuneLen(r), 1) // A byte that is no UTF-8 is one unit, too.
	}
	if !begun {
		return 0, 0
	}
	return from, to
}

// spansOf cuts a line where its kind changes, and around what is marked.
func spansOf(text string, kinds []byte, from, to int) []span {
	limit := min(len(text), maxLine)
	for limit > 0 && limit < len(text) && !utf8.RuneStart(text[limit]) {
		limit--
	}
	look := func(i int) (kind byte, mark bool) {
		if i < len(kinds) {
			kind = kinds[i]
		}
		return kind, i >= from && i < to
	}
	var spans []span
	for start := 0; start < limit; {
		kind, mark := look(start)
		end := start + 1
		for ; end < limit; end++ {
			if k, m := look(end); k != kind || m != mark {
				break
			}
		}
		s := span{Mark: mark, Text: code(text[start:end])}
		if kind != 0 {
			s.Class = string(kind)
		}
		spans = append(spans, s)
		start = end
	}
	if to > from && from >= len(text) { // The mistake is the end of the line.
		spans = append(spans, span{Mark: true, Text: " "})
	}
	if limit < len(text) {
		spans = append(spans, span{Class: "c", Text: " …"})
	}
	return spans
}

// marked returns the range of bytes that a column means: the string or word that begins there, else one character.
func marked(text string, kinds []byte, column int) (from, to int) {
	from = column - 1
	switch {
	case column <= 0 || from > len(text):
		return 0, 0
	case from == len(text):
		return from, from + 1
	}
	for from > 0 && !utf8.RuneStart(text[from]) {
		from--
	}
	if from < len(kinds) && kinds[from] == 's' {
		for to = from; to < len(text) && kinds[to] == 's'; to++ {
		}
		return from, to
	}
	word := strings.IndexFunc(text[from:], func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	switch {
	case word > 0:
		return from, from + word
	case word < 0:
		return from, len(text)
	}
	_, size := utf8.DecodeRuneInString(text[from:])
	return from, from + size
}

// kindsOf tells the kind of each byte of lines of Go, 0 where there is none.
func kindsOf(source []problem.Line) [][]byte {
	texts := make([]string, len(source))
	for i, l := range source {
		texts[i] = l.Text
	}
	whole := strings.Join(texts, "\n")
	kinds, clean := scanKinds(whole)
	var all [][]byte
	for _, text := range texts {
		if clean {
			all = append(all, kinds[:len(text)])
			kinds = kinds[min(len(kinds), len(text)+1):]
			continue
		}
		// It begins within a comment or a string, or is not Go: each line for itself is the better guess.
		own, _ := scanKinds(text)
		all = append(all, own)
	}
	return all
}

// scanKinds tells the kind of each byte of a piece of Go, and whether no comment or string was left open.
func scanKinds(text string) (kinds []byte, clean bool) {
	kinds, clean = make([]byte, len(text)), true
	fset := token.NewFileSet()
	file := fset.AddFile("", fset.Base(), len(text))
	var s scanner.Scanner
	s.Init(file, []byte(text), func(_ token.Position, message string) {
		clean = clean && !strings.Contains(message, "not terminated")
	}, scanner.ScanComments)
	for {
		pos, tok, literal := s.Scan()
		var kind byte
		switch {
		case tok == token.EOF:
			return kinds, clean
		case tok == token.COMMENT:
			kind = 'c'
		case tok == token.STRING || tok == token.CHAR:
			kind = 's'
		case tok == token.INT || tok == token.FLOAT || tok == token.IMAG:
			kind = 'n'
		case tok.IsKeyword():
			kind, literal = 'k', tok.String()
		default:
			continue
		}
		from := file.Offset(pos)
		to := min(from+len(literal), len(text)) // Carriage returns are not in the literal, so it may be a little short.
		for i := range kinds[from:to] {
			kinds[from+i] = kind
		}
	}
}

// around returns at most n lines before and after the line that is hit.
func around(source []problem.Line, n int) []problem.Line {
	hit := slices.IndexFunc(source, func(l problem.Line) bool { return l.Hit })
	if hit < 0 {
		return source[:min(len(source), 2*n+1)]
	}
	return source[max(0, hit-n):min(len(source), hit+n+1)]
}
