package debugapi

import (
	"slices"
	"unicode/utf8"

	"example.org/microblog/fault/internal/devtool/explain"
	"example.org/microblog/fault/internal/devtool/overlay"
	"example.org/microblog/fault/internal/devtool/problem"
)

// MarkLine marks in a failure's source what is known, without a debugger, to have failed: a part of the line of the application's
// innermost call. The excerpts must be nobody else's yet.
func MarkLine(f *overlay.Failure) {
	defer func() { _ = recover() }() // A mistake in an explanation must not cost the failure; it is told of where it is shown.
	top := topCall(f)
	if top >= 0 && top < len(f.Excerpts) {
		f.Excerpts[top] = marked(f.Excerpts[top], explained(f, top, nil))
	}
}

// mark marks the part of a frame's line that failed, if one of the explanations knows it, in the place of what is marked. Server.mu is held.
func (e *entry) mark(f *frame, all []Explanation) {
	if f == nil || !slices.ContainsFunc(all, func(x Explanation) bool { return x.Mark != nil }) {
		return
	}
	for _, other := range e.frames {
		if other != f {
			other.excerpt = unmarked(other.excerpt)
		}
	}
	f.excerpt = marked(f.excerpt, all)
}

// marked returns the lines with the first mark of the explanations in them, in the place of the one before; the lines themselves if there
// is none.
func marked(lines []problem.Line, all []Explanation) []problem.Line {
	i := slices.IndexFunc(all, func(e Explanation) bool { return e.Mark != nil })
	if i < 0 {
		return lines
	}
	at := slices.IndexFunc(lines, func(l problem.Line) bool { return l.Number == all[i].Mark.Line })
	if at < 0 {
		return lines
	}
	mark, ok := inUnits(lines[at].Text, *all[i].Mark)
	if !ok {
		return lines
	}
	lines = slices.Clone(unmarked(lines))
	lines[at].Mark = mark
	return lines
}

// unmarked returns the lines without a mark; the lines themselves if they have none.
func unmarked(lines []problem.Line) []problem.Line {
	is := func(l problem.Line) bool { return l.Mark != problem.Mark{} }
	if !slices.ContainsFunc(lines, is) {
		return lines
	}
	lines = slices.Clone(lines)
	for i := range lines {
		lines[i].Mark = problem.Mark{}
	}
	return lines
}

// inUnits turns a mark in bytes into one in UTF-16 units. It refuses one that is no piece of the text.
func inUnits(text string, m explain.Mark) (problem.Mark, bool) {
	if m.From < 0 || m.From >= m.To || m.To > len(text) || !utf8.RuneStart(text[m.From]) || m.To < len(text) && !utf8.RuneStart(text[m.To]) {
		return problem.Mark{}, false
	}
	from := unitsOf(text[:m.From])
	return problem.Mark{From: from, To: from + unitsOf(text[m.From:m.To])}, true
}

// shownNow is the failure with its source as it is marked now. Server.mu is held.
func (e *entry) shownNow() *overlay.Failure {
	f := *e.Failure.Failure
	f.Excerpts = slices.Clone(f.Excerpts)
	for _, one := range e.frames {
		if one.number < len(f.Excerpts) {
			f.Excerpts[one.number] = one.excerpt
		}
	}
	return &f
}
