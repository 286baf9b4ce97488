package explain

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strings"
)

// operand is an expression of which a line takes what it points to.
type operand struct {
	text string
	use  string // what the line does with it, for a sentence: "takes its field Name"
	// sure says that a nil pointer fails right here; a method of one may not need what it points to.
	sure bool
	pure bool
	// entry is the map or slice and the key that it was taken from, if it was.
	from, key string
	guards    []guard
	index     bool
	// variable says of what is called that it may be a variable; most functions are none.
	variable bool
	order    int // among all of the line
	at       spot
	whole    ast.Node // the expression that takes something of it
}

// guard is a condition before && or ||: what is behind it was evaluated only if it was so.
type guard struct {
	text string
	want bool
}

// operands are those of a line, in the order in which they are evaluated.
func (c *code) operands(line int) []operand {
	p := c.statement(line)
	if p == nil {
		return nil
	}
	w := &operandWalk{code: c, piece: p, line: line, literals: c.literals, hidden: c.hidden()}
	for _, s := range p.body {
		w.node(s)
	}
	return w.found
}

type operandWalk struct {
	*piece
	code     *code
	line     int
	literals bool // whether function literals are looked into
	hidden   map[string]bool
	guards   []guard
	found    []operand
}

// node visits what is not an expression, and what of an expression needs no care.
func (w *operandWalk) node(n ast.Node) {
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt: // The right side is evaluated first.
			for _, e := range n.Rhs {
				w.node(e)
			}
			for _, e := range n.Lhs {
				w.node(e)
			}
			return false
		case *ast.FuncLit:
			return w.literals
		case *ast.TypeSpec, *ast.FuncType, *ast.ArrayType, *ast.MapType, *ast.StructType, *ast.InterfaceType, *ast.ChanType:
			return false
		case *ast.ValueSpec:
			for _, e := range n.Values {
				w.node(e)
			}
			return false
		case *ast.CompositeLit:
			for _, e := range n.Elts {
				if pair, is := e.(*ast.KeyValueExpr); is {
					e = pair.Value // The key is the name of a field, more often than not.
				}
				w.node(e)
			}
			return false
		case *ast.TypeAssertExpr:
			w.node(n.X)
			return false
		case *ast.BinaryExpr:
			if n.Op != token.LAND && n.Op != token.LOR {
				return true
			}
			w.node(n.X)
			if isPure(n.X) {
				w.guards = append(w.guards[:len(w.guards):len(w.guards)], guard{w.source(n.X), n.Op == token.LAND})
				defer func(g []guard) { w.guards = g }(w.guards[:len(w.guards)-1])
			}
			w.node(n.Y)
			return false
		case *ast.SelectorExpr:
			w.node(n.X)
			w.add(n.X, n, "takes "+quoted(n.Sel.Name)+" of it", true)
			return false
		case *ast.StarExpr:
			w.node(n.X)
			w.add(n.X, n, "takes what it points to", true)
			return false
		case *ast.CallExpr:
			w.call(n)
			return false
		}
		return true
	})
}

func (w *operandWalk) call(n *ast.CallExpr) {
	switch fun := ast.Unparen(n.Fun).(type) {
	case *ast.SelectorExpr:
		w.node(fun.X)
		defer w.add(fun, n, callsIt, true) // a field that holds a function
		defer w.add(fun.X, n, "calls its method "+quoted(fun.Sel.Name), false)
	case *ast.StarExpr: // a conversion: (*T)(x)
	case *ast.Ident:
		if !builtin[fun.Name] {
			defer w.add(fun, n, callsIt, true)
		}
	case *ast.IndexExpr:
		w.node(fun.X)
		if !isInstance(fun) {
			w.node(fun.Index)
		}
		defer w.add(fun, n, callsIt, true)
	default:
		w.node(fun)
		defer w.add(fun, n, callsIt, true)
	}
	for _, a := range n.Args {
		w.node(a)
	}
}

// isInstance tells whether what is called is an instance of a generic function for a pointer, rather than an element.
func isInstance(fun *ast.IndexExpr) bool {
	_, is := fun.Index.(*ast.StarExpr)
	return is
}

const callsIt = "calls it"

func (w *operandWalk) add(e ast.Expr, whole ast.Node, use string, sure bool) {
	e = ast.Unparen(e)
	failing := whole
	if call, is := whole.(*ast.CallExpr); is {
		failing = call.Fun // Its arguments may be on other lines.
	}
	if !isOrdinary(e) || !w.touches(failing, w.line) {
		return
	}
	o := operand{text: w.source(e), use: use, sure: sure, pure: isPure(e), guards: w.guards, at: spot{w.piece, e}, whole: whole}
	if use == callsIt {
		switch e := e.(type) {
		case *ast.Ident:
			o.variable = w.code.isAssigned(e.Name)
		case *ast.IndexExpr: // of a map or a slice of functions, if it is no generic one
			o.variable = !isInstance(e)
		case *ast.CallExpr:
			o.variable = true
		}
	}
	if i, is := e.(*ast.IndexExpr); is && isPure(i) {
		o.index, o.from, o.key = true, w.source(i.X), w.source(i.Index)
	}
	for _, other := range w.found {
		if other.text == o.text && !mentions(e, w.hidden) && other.sure == o.sure && slices.Equal(other.guards, o.guards) {
			return
		}
	}
	o.order = len(w.found)
	w.found = append(w.found, o)
}

// nilness is what could be found out about an operand.
type nilness int

const (
	unknown nilness = iota
	isNil
	notNil
	skipped // it was not evaluated, because of a guard
	opaque  // it is not nil, but what is taken of it cannot be read: perhaps it is of an embedded pointer that is
)

func (s *subject) nilness(o operand) nilness {
	for _, g := range o.guards {
		if is, known := s.truth(g.text); known && is != g.want {
			return skipped
		}
	}
	if !o.pure {
		return unknown
	}
	is, known := s.truth(o.text + " == nil")
	switch {
	case !known:
		return unknown
	case !is:
		if sel, is := o.whole.(*ast.SelectorExpr); is {
			if _, ok := s.lookup(o.at.source(sel)); !ok && o.use != callsIt {
				return opaque
			}
		}
		return notNil
	}
	// A nil map or slice may well have methods. A pointer, an interface and a function have no length.
	if _, ok := s.lookup("len(" + o.text + ")"); ok {
		return notNil
	}
	return isNil
}

// nilPointer tells which expression of the line was nil.
func (s *subject) nilPointer(_ []string, e *Explanation) {
	if !s.here {
		s.nilBelow(e)
		return
	}
	operands := s.code.operands(s.code.hit)
	var nils, maybe, unsure, calls, open []operand
	for _, o := range operands {
		switch s.nilness(o) {
		case isNil:
			if _, reached := s.reached(o.at); o.sure && reached {
				nils = append(nils, o)
			} else {
				maybe = append(maybe, o)
			}
		case opaque:
			open = append(open, o)
		case unknown:
			open = append(open, o)
			if o.pure {
				unsure = append(unsure, o)
			} else if o.use != callsIt { // The call of a method is no value that could be nil.
				calls = append(calls, o)
			}
		}
	}
	switch {
	case len(nils) > 0:
		s.sayNil(nils[0], e)
		var others []string
		for _, o := range nils[1:] {
			if o.text != nils[0].text {
				others = append(others, quoted(o.text))
			}
		}
		if len(others) > 0 {
			e.add("So is " + list(others) + ".")
			e.Mark = nil // Which of them came first depends on what else there is to evaluate.
		}
	case len(maybe) > 0 && len(s.suspects(append(open, maybe...))) == 1:
		s.sayNil(maybe[0], e)
	default:
		for _, o := range maybe {
			e.add(fmt.Sprintf("`%s` is nil, and this line %s, which may go well or not have come to it.", bare(o.text), o.use))
		}
		open = append(open, maybe...)
		slices.SortStableFunc(open, func(a, b operand) int { return cmp.Compare(a.order, b.order) })
		e.Mark = s.markOf(open)
		s.sayUnknown(operands, unsure, calls, len(s.suspects(open)) == 1, e)
	}
}

// suspects are those of the operands that may be nil at all, each once.
func (s *subject) suspects(operands []operand) (some []operand) {
	for _, o := range operands {
		known := slices.ContainsFunc(some, func(other operand) bool { return other.text == o.text }) && !uses(o.text, s.hidden)
		if !known && !s.isPackage(o) && (o.use != callsIt || o.variable) {
			some = append(some, o)
		}
	}
	return some
}

func (s *subject) sayNil(o operand, e *Explanation) {
	e.Title = "`" + bare(o.text) + "` is nil"
	e.Mark = s.mark([]spot{o.at})
	if !o.at.touches(o.at.node, s.code.hit) {
		e.Mark = s.mark([]spot{{o.at.piece, o.whole}})
	}
	e.Text = fmt.Sprintf("`%s` is nil, and this line %s.", bare(o.text), o.use)
	if o.index {
		e.add(s.sentence(o.key))
		e.first(fmt.Sprintf("Look up the entry first: `v, ok := %s[%s]`; what a map gives for a key that it does not have is nil.", bare(o.from), bare(o.key)))
	}
	e.Try = append(e.Try,
		fmt.Sprintf("Find out in the calls beneath why `%s` was not set; whoever makes it may have returned an error that was not looked at.", bare(o.text)),
		fmt.Sprintf("If it may be nil here, ask before: `if %s != nil`.", bare(o.text)))
}

// sayUnknown tells what is likely where no operand is known to be nil.
func (s *subject) sayUnknown(operands, unsure, calls []operand, alone bool, e *Explanation) {
	// Names that could not be evaluated are packages, as a rule.
	for _, o := range unsure {
		if !o.index {
			continue
		}
		if _, ok := s.lookup("len(" + o.from + ")"); ok {
			e.add(fmt.Sprintf("Most likely `%s` has no entry for `%s`%s: what a map gives for a missing key is nil, if its values are pointers.",
				bare(o.from), bare(o.key), s.value(", which is ", o.key)))
			if alone {
				e.Mark = s.mark([]spot{o.at})
			}
			e.first(fmt.Sprintf("Ask whether there is one: `v, ok := %s[%s]`.", bare(o.from), bare(o.key)))
			return
		}
	}
	var names []string
	for _, o := range calls {
		names = append(names, quoted(o.text))
	}
	if s.call.Lookup != nil && len(names) > 0 {
		if len(names) == 1 {
			e.add("Nothing else on this line is known to be nil, so most likely it is what " + names[0] + " returned.")
		} else {
			e.add("Nothing else on this line is known to be nil, so most likely it is what one of these returned: " + list(names) + ".")
		}
		e.first("Put what " + names[0] + " returns into a variable, and look at it before it is used.")
		return
	}
	if s.call.Lookup != nil {
		return
	}
	names = nil
	for _, o := range operands {
		name := quoted(o.text)
		if s.isPackage(o) {
			continue
		}
		if o.use != callsIt && len(names) < 6 && !contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		e.add("On this line that can be " + strings.Join(names, " or ") + ", where it is a pointer or an interface.")
	}
}

// markOf marks the smallest expression in which the nil one must have been, of those that may be it.
func (s *subject) markOf(operands []operand) *Mark {
	var last *operand
	for i := range operands {
		o := &operands[i]
		if s.isPackage(*o) || o.use == callsIt && !o.variable {
			continue
		}
		// They are in the order in which they are evaluated, so those of one chain get longer.
		if last != nil && (o.whole.Pos() > last.whole.Pos() || o.whole.End() < last.whole.End()) {
			return nil
		}
		last = o
	}
	if last == nil {
		return nil
	}
	return s.mark([]spot{{last.at.piece, last.whole}})
}

// isPackage tells whether an operand is the name of a package, or a function of one.
func (s *subject) isPackage(o operand) bool {
	e := o.at.node
	if sel, is := e.(*ast.SelectorExpr); is && o.use == callsIt {
		e = sel.X
	}
	name, is := e.(*ast.Ident)
	if !is || s.call.File == "" {
		return false
	}
	if s.packages == nil {
		s.packages = importsOf(s.call.File)
	}
	return s.packages[name.Name]
}

// importsOf are the names that a Go file has for packages only, as far as the paths of its imports tell them. One that is
// anywhere not followed by a dot is a variable's as well, and left out.
func importsOf(path string) map[string]bool {
	names := map[string]bool{}
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > 1<<20 {
		return names // Then none is known.
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return names
	}
	file, err := parser.ParseFile(token.NewFileSet(), path, text, parser.ImportsOnly)
	if err != nil {
		return names
	}
	for _, i := range file.Imports {
		if i.Name != nil {
			names[i.Name.Name] = true
			continue
		}
		elements := strings.Split(strings.Trim(i.Path.Value, "`\""), "/")
		last := len(elements) - 1
		if last > 0 && version.MatchString(elements[last]) {
			last--
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(elements[last], "go-"), ".v")
		names[strings.TrimSuffix(name, "-go")] = true
	}
	var s scanner.Scanner
	s.Init(token.NewFileSet().AddFile("", -1, len(text)), text, nil, 0)
	name, before := "", token.ILLEGAL
	for before != token.EOF {
		_, tok, text := s.Scan()
		if name != "" && tok != token.PERIOD && tok != token.STRING { // A text is the path that the name is given to.
			delete(names, name)
		}
		if name = ""; tok == token.IDENT && before != token.PERIOD && before != token.PACKAGE {
			name = text
		}
		before = tok
	}
	return names
}

var version = regexp.MustCompile(`^v[0-9]+$`)

// nilPassed returns what is nil of all that the line gives to the function that it has called, each once.
func (s *subject) nilPassed() (texts []string, spots []spot) {
	each(s.code, s.code.hit, func(p *piece, call *ast.CallExpr) {
		if name := nameOf(call.Fun); name != "" && name != s.calledName() {
			return
		}
		exprs := call.Args
		if sel, is := ast.Unparen(call.Fun).(*ast.SelectorExpr); is {
			exprs = append([]ast.Expr{sel.X}, exprs...)
		}
		for _, x := range exprs {
			if text := p.source(x); isOrdinary(x) && isPure(x) && !contains(texts, text) && s.holds(text+" == nil") {
				texts = append(texts, text)
				spots = append(spots, spot{p, x})
			}
		}
	})
	return texts, spots
}

// nilBelow tells which argument or receiver is nil where it happened in a function that the line calls.
func (s *subject) nilBelow(e *Explanation) {
	e.add(s.below())
	texts, spots := s.nilPassed()
	var nils []string
	for _, text := range texts {
		nils = append(nils, quoted(text))
	}
	switch len(nils) {
	case 0:
		e.first(fmt.Sprintf("Look at what `%s` is given, and at what the value was made of: a zero value often needs its constructor.", bare(s.called())))
	case 1:
		e.add("Of what this line passes to it, " + nils[0] + " is nil.")
		e.Mark = s.mark(spots)
		e.first("Find out why " + nils[0] + " was not set.")
	default:
		e.add("Of what this line passes to it, " + list(nils) + " are nil.")
		e.first("Find out why they were not set.")
	}
}

func contains(all []string, s string) bool {
	for _, x := range all {
		if x == s {
			return true
		}
	}
	return false
}
