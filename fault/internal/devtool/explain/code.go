package explain

import (
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"strings"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devtool/problem"
)

// code is the source around a line. A Go file is not at hand, only some of its lines.
type code struct {
	lines []problem.Line
	hit   int // index into lines; -1 is none
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
			if first < 0 || last >= len(c.lines) {
				continue
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
	return strings.Join(strings.Fields(p.text[from:to]), " ")
}

// touches tells whether a node reaches over a line, by its index in the code.
func (p *piece) touches(n ast.Node, line int) bool {
	from, to := p.fset.Position(n.Pos()).Line-1+p.first, p.fset.Position(n.End()).Line-1+p.first
	return from <= line && line <= to
}

// each visits the nodes of a kind that stand on a line, in the order in which they are written. Function literals are functions
// of their own and are looked into only if there is nothing else.
func each[N ast.Node](c *code, line int, visit func(*piece, N)) {
	p := c.statement(line)
	if p == nil {
		return
	}
	for _, literals := range []bool{false, true} {
		found := false
		for _, s := range p.body {
			ast.Inspect(s, func(n ast.Node) bool {
				if _, is := n.(*ast.FuncLit); is && !literals {
					return false
				}
				if x, is := n.(N); is && p.touches(n, line) {
					found = true
					visit(p, x)
				}
				return true
			})
		}
		if found {
			return
		}
	}
}

// callsOf returns the arguments of the calls of a function, by its name as it is written ("strconv.Atoi"), on the nearest line
// that has one: the line itself, or one before it. Where only the handler is known that returned an error, its line is the one
// where it begins, and the calls are behind it.
func (s *subject) callsOf(name func(string) bool) (calls [][]string) {
	step, end := -1, -1
	if s.f.StackOf == fault.StackHandled {
		step, end = 1, len(s.code.lines)
	}
	if s.code.hit < 0 {
		return nil
	}
	for line := s.code.hit; line != end && len(calls) == 0; line += step {
		each(s.code, line, func(p *piece, call *ast.CallExpr) {
			if !name(p.source(call.Fun)) {
				return
			}
			args := make([]string, len(call.Args))
			for i, a := range call.Args {
				args[i] = p.source(a)
			}
			calls = append(calls, args)
		})
	}
	return calls
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
