package explain

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"regexp"
	"strings"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devtool/problem"
)

// code is the source around a line. A Go file is not at hand, only some of its lines.
type code struct {
	lines []problem.Line
	hit   int // index into lines; -1 is none
	// literals says that function literals on the line may be what ran.
	literals bool
}

func newCode(lines []problem.Line) *code {
	c := &code{lines: lines, hit: -1}
	for i, l := range lines {
		if l.Hit {
			c.hit = i
		}
	}
	return c
}

const maxWindow = 10 // lines of a statement

// piece is a parsed part of the code.
type piece struct {
	body  []ast.Stmt
	fset  *token.FileSet
	text  string // what was parsed
	first int    // the index of the line at its beginning
}

// statement returns the smallest part around a line that can be parsed; nil is none.
func (c *code) statement(line int) *piece {
	if line < 0 {
		return nil
	}
	for size := range maxWindow {
		for before := 0; before <= size; before++ {
			first, last := line-before, line-before+size
			if first < 0 || last >= len(c.lines) || first > 0 && strings.HasSuffix(strings.TrimSpace(c.lines[first-1].Text), ".") {
				continue // Behind a dot, it would be another expression.
			}
			var b strings.Builder
			for _, l := range c.lines[first : last+1] {
				b.WriteString(l.Text + "\n")
			}
			if p := parse(b.String()); p != nil {
				p.first = first
				return p
			}
		}
	}
	return nil
}

// surroundings are what lines of a function may stand in.
var surroundings = []struct{ before, after string }{
	{"", ""},
	{"switch {", "}"},
	{"select {", "}"},
	{"f(", ")"},
	{"_ = T{", "}"},
	{"", ""}, // a whole function, of one line
}

// parse parses lines as if what opens before them and closes behind them were there.
func parse(lines string) *piece {
	opened, closed, rest, ok := balance(lines)
	if !ok || strings.TrimSpace(rest) == "" {
		return nil
	}
	for i, s := range surroundings {
		// All on the first line, so that lines keep their numbers.
		text := "package p; func _() { " + s.before + closed + rest + "\n" + opened + s.after + "\n}"
		if i == len(surroundings)-1 {
			text = "package p; " + rest
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, "", text, parser.SkipObjectResolution)
		if err != nil || len(file.Decls) != 1 {
			continue
		}
		if fn, is := file.Decls[0].(*ast.FuncDecl); is && fn.Body != nil && len(fn.Body.List) > 0 {
			return &piece{body: fn.Body.List, fset: fset, text: text}
		}
	}
	return nil
}

// balance returns what closes the brackets that are left open, and what opens those that are closed only. A closing brace at
// the beginning, with an else behind it, is taken away: it ends what came before.
func balance(lines string) (opened, closed, rest string, ok bool) {
	rest = lines
	if head := strings.TrimLeft(rest, " \t\n"); strings.HasPrefix(head, "}") {
		head = strings.TrimLeft(head[1:], " \t")
		head = strings.TrimLeft(strings.TrimPrefix(head, "else"), " \t")
		rest = strings.Repeat("\n", strings.Count(lines, "\n")-strings.Count(head, "\n")) + head
	}
	var open []token.Token
	var s scanner.Scanner
	source := []byte(rest)
	fset := token.NewFileSet()
	s.Init(fset.AddFile("", -1, len(source)), source, func(token.Position, string) { ok = false }, 0)
	ok = true
	for {
		_, tok, _ := s.Scan()
		switch tok {
		case token.EOF:
			for _, t := range open {
				opened = string(closing[t]) + opened
			}
			return opened, closed, rest, ok
		case token.LPAREN, token.LBRACK, token.LBRACE:
			open = append(open, tok)
		case token.RPAREN, token.RBRACK, token.RBRACE:
			if n := len(open); n > 0 {
				if closing[open[n-1]] != tok.String() {
					return "", "", "", false
				}
				open = open[:n-1]
				continue
			}
			closed = map[token.Token]string{token.RPAREN: "f(", token.RBRACK: "x[", token.RBRACE: "T{"}[tok] + closed
		}
	}
}

var closing = map[token.Token]string{token.LPAREN: ")", token.LBRACK: "]", token.LBRACE: "}"}

// source is an expression as it is written, on one line.
func (p *piece) source(e ast.Expr) string {
	from, to := p.fset.Position(e.Pos()).Offset, p.fset.Position(e.End()).Offset
	if from < 0 || to > len(p.text) || from > to {
		return ""
	}
	return strings.Join(strings.Fields(chained.ReplaceAllString(p.text[from:to], ".")), " ")
}

var chained = regexp.MustCompile(`\.[ \t]*\n\s*`)

// mark is where a node stands in the lines of the code, nil if it is not in them. Of a node of several lines it is the part on
// the line that is hit, or on its first.
func (c *code) mark(p *piece, n ast.Node) *Mark {
	from, to := p.fset.PositionFor(n.Pos(), false), p.fset.PositionFor(n.End(), false)
	line := from.Line
	if hit := c.hit - p.first + 1; from.Line <= hit && hit <= to.Line {
		line = hit
	}
	at := p.first + line - 1
	parsed := strings.Split(p.text, "\n")
	if at < 0 || at >= len(c.lines) || line < 1 || line > len(parsed) {
		return nil
	}
	// What stands before a line differs where something was put there or taken away; their ends are the same.
	text, whole := parsed[line-1], c.lines[at].Text
	shift := len(whole) - len(text)
	begin, end := len(whole)-len(strings.TrimLeft(whole, " \t")), len(strings.TrimRight(whole, " \t\r"))
	if line == from.Line {
		begin = from.Column - 1 + shift
	}
	if line == to.Line {
		end = to.Column - 1 + shift
	}
	if begin < 0 || end > len(whole) || begin >= end || begin < shift || whole[begin:end] != text[begin-shift:end-shift] {
		return nil
	}
	return &Mark{Line: c.lines[at].Number, From: begin, To: end}
}

// marked is the text of a mark.
func (c *code) marked(m *Mark) string {
	for _, l := range c.lines {
		if m != nil && l.Number == m.Line && m.From < m.To && m.To <= len(l.Text) {
			return l.Text[m.From:m.To]
		}
	}
	return ""
}

// touches tells whether a node reaches over a line, by its index in the code.
func (p *piece) touches(n ast.Node, line int) bool {
	from, to := p.fset.Position(n.Pos()).Line-1+p.first, p.fset.Position(n.End()).Line-1+p.first
	return from <= line && line <= to
}

// each visits the nodes of a kind that stand on a line, in the order in which they are written. Function literals are functions
// of their own.
func each[N ast.Node](c *code, line int, visit func(*piece, N)) {
	p := c.statement(line)
	if p == nil {
		return
	}
	for _, s := range p.body {
		ast.Inspect(s, func(n ast.Node) bool {
			if _, is := n.(*ast.FuncLit); is && !c.literals {
				return false
			}
			if x, is := n.(N); is && p.touches(n, line) {
				visit(p, x)
			}
			return true
		})
	}
}

// guarded returns the conditions before && and || behind which a node stands. sure says that these are all: none of
// them calls a function.
func (p *piece) guarded(node ast.Node) (guards []guard, sure bool) {
	sure = true
	for _, s := range p.body {
		ast.Inspect(s, func(n ast.Node) bool {
			b, is := n.(*ast.BinaryExpr)
			if !is || b.Op != token.LAND && b.Op != token.LOR || node.Pos() < b.Y.Pos() || node.End() > b.Y.End() {
				return true
			}
			if isPure(b.X) {
				guards = append(guards, guard{p.source(b.X), b.Op == token.LAND})
			} else {
				sure = false
			}
			return true
		})
	}
	return guards, sure
}

// reached tells whether a node of the line was evaluated, as far as the conditions before it tell: sure is false if they do not.
func (s *subject) reached(at spot) (was, sure bool) {
	guards, sure := at.guarded(at.node)
	for _, g := range guards {
		switch is, known := s.truth(g.text); {
		case !known:
			sure = false
		case is != g.want:
			return false, true
		}
	}
	return true, sure
}

// hidden are the names that the line declares and uses: what is used may be another variable of the same name.
func (c *code) hidden() map[string]bool {
	hidden := map[string]bool{}
	note := func(names, used []ast.Expr) {
		for _, name := range names {
			id, is := name.(*ast.Ident)
			if !is {
				continue
			}
			for _, x := range used {
				if mentions(x, map[string]bool{id.Name: true}) {
					hidden[id.Name] = true
				}
			}
		}
	}
	each(c, c.hit, func(_ *piece, a *ast.AssignStmt) {
		if a.Tok == token.DEFINE {
			note(a.Lhs, a.Rhs)
		}
	})
	each(c, c.hit, func(_ *piece, r *ast.RangeStmt) {
		if r.Tok == token.DEFINE {
			note([]ast.Expr{r.Key, r.Value}, []ast.Expr{r.X})
		}
	})
	return hidden
}

// uses tells whether an expression has one of the names.
func uses(expression string, names map[string]bool) bool {
	e, err := parser.ParseExpr(expression)
	return err != nil || mentions(e, names)
}

// mentions tells whether an expression has one of the names, other than as a field.
func mentions(e ast.Expr, names map[string]bool) (found bool) {
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			found = found || mentions(n.X, names)
			return false
		case *ast.Ident:
			found = found || names[n.Name]
		}
		return !found
	})
	return found
}

// callsOf returns the arguments of the calls of a function, by its name as it is written ("strconv.Atoi"), on the nearest line
// that has one: the line itself, or one before it. Where only the handler is known that returned an error, its line is the one
// where it begins, and the calls are behind it.
func (s *subject) callsOf(name func(string) bool) (calls [][]string) {
	for _, site := range s.sitesOf(name) {
		args := make([]string, len(site.args))
		for i, a := range site.args {
			args[i] = site.source(a)
		}
		calls = append(calls, args)
	}
	return calls
}

// site is a call and what it is given.
type site struct {
	*piece
	args []ast.Expr
}

// sitesOf is callsOf with the expressions themselves.
func (s *subject) sitesOf(name func(string) bool) (calls []site) {
	step, end := -1, -1
	if s.f.StackOf == fault.StackHandled {
		step, end = 1, len(s.code.lines)
	}
	if s.code.hit < 0 {
		return nil
	}
	for line := s.code.hit; line != end && len(calls) == 0; line += step {
		each(s.code, line, func(p *piece, call *ast.CallExpr) {
			if name(p.source(call.Fun)) {
				calls = append(calls, site{p, call.Args})
			}
		})
	}
	return calls
}

// isAssigned tells whether the lines use a name in another way than a call of it, as they do that of a variable.
func (c *code) isAssigned(name string) bool {
	for _, l := range c.lines {
		var s scanner.Scanner
		source := []byte(l.Text)
		s.Init(token.NewFileSet().AddFile("", -1, len(source)), source, nil, 0)
		before, was := token.ILLEGAL, false
		for {
			_, tok, text := s.Scan()
			if was && tok != token.LPAREN {
				return true
			}
			if tok == token.EOF {
				break
			}
			was = tok == token.IDENT && text == name && before != token.PERIOD
			before = tok
		}
	}
	return false
}

// spot is a node of the code.
type spot struct {
	*piece
	node ast.Node
}

// mark is where the only one of the spots stands; of none and of several it is nil.
func (s *subject) mark(spots []spot) *Mark {
	if len(spots) != 1 {
		return nil
	}
	return s.code.mark(spots[0].piece, spots[0].node)
}

// only marks the only node of a kind that stands on the line and is fit.
func only[N ast.Node](s *subject, e *Explanation, fit func(*piece, N) ast.Node) {
	if !s.here {
		return
	}
	var spots []spot
	each(s.code, s.code.hit, func(p *piece, n N) {
		if node := fit(p, n); node != nil {
			spots = append(spots, spot{p, node})
		}
	})
	e.Mark = s.mark(spots)
}

// failedCall is the only call on the line that has the name of the function that it called.
func (s *subject) failedCall() *Mark {
	name := s.calledName()
	var spots []spot
	each(s.code, s.code.hit, func(p *piece, call *ast.CallExpr) {
		if nameOf(call.Fun) == name {
			spots = append(spots, spot{p, call})
		}
	})
	return s.mark(spots)
}

// called is the function that the line itself has called.
func (s *subject) called() string { return cmp.Or(s.call.Called, s.call.Below) }

// calledName is its name alone.
func (s *subject) calledName() string {
	name, _, _ := strings.Cut(s.called(), "[") // of a generic function
	return strings.TrimPrefix(name[strings.LastIndexByte(name, '.')+1:], "_Cfunc_")
}

// below tells where it happened, other than in the line itself.
func (s *subject) below() string {
	if s.called() == s.call.Below {
		return fmt.Sprintf("It happened in `%s`, which this line calls.", bare(s.call.Below))
	}
	return fmt.Sprintf("This line calls `%s`, and it happened further in, in `%s`.", bare(s.called()), bare(s.call.Below))
}

// nameOf is the name of a function without what it belongs to, "" if it has none.
func nameOf(fun ast.Expr) string {
	switch fun := ast.Unparen(fun).(type) {
	case *ast.Ident:
		return fun.Name
	case *ast.SelectorExpr:
		return fun.Sel.Name
	case *ast.IndexExpr:
		return nameOf(fun.X)
	case *ast.IndexListExpr:
		return nameOf(fun.X)
	}
	return ""
}

// isPure tells whether an expression can be evaluated without calling a function of the program.
func isPure(e ast.Expr) bool {
	pure := true
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			name, _ := n.Fun.(*ast.Ident)
			if name == nil || !builtin[name.Name] {
				pure = false
			}
		case *ast.FuncLit:
			pure = false
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				pure = false
			}
		}
		return pure
	})
	return pure
}

// builtin are the functions and conversions that change nothing.
var builtin = map[string]bool{
	"len": true, "cap": true, "int": true, "int8": true, "int16": true, "int32": true, "int64": true, "uint": true, "uint8": true,
	"uint16": true, "uint32": true, "uint64": true, "uintptr": true, "float32": true, "float64": true, "byte": true, "rune": true,
}

// isOrdinary tells whether an operand is worth naming: neither a literal nor a name of a package is known to be one, but "x" and
// "a.b[i]" may be.
func isOrdinary(e ast.Expr) bool {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		return e.Name != "_" && e.Name != "nil" && e.Name != "true" && e.Name != "false"
	case *ast.SelectorExpr, *ast.IndexExpr, *ast.StarExpr, *ast.TypeAssertExpr:
		return true
	case *ast.CallExpr, *ast.SliceExpr, *ast.BinaryExpr, *ast.UnaryExpr:
		return true
	}
	return false
}
