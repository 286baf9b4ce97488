package explain

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"
)

// runtimeTypes are those of the runtime's own panics. A crash that was read from its output has the interface's name.
var runtimeTypes = []string{"runtime.*", "*runtime.*"}

// runtimeRules are about panics that the runtime begins.
func runtimeRules() []*rule {
	all := []*rule{{
		topic: "nil map", text: `^assignment to entry in nil map`,
		title: "Write to a nil map", say: "A map has to be made before anything is written to it; a nil map can only be read.",
		try:  []string{"Where the value is made that the map belongs to, make the map as well, so that no call has to ask."},
		more: (*subject).nilMap,
	}, {
		topic: "nil pointer", text: `invalid memory address or nil pointer dereference`,
		title: "Nil pointer", say: "Something on this line that is nil was used as if it pointed to a value.",
		more: (*subject).nilPointer,
	}, {
		topic: "nil pointer", text: `value method (\S+) called using nil (\*\S+) pointer`,
		title: "Nil `$2`", say: "The method `$1` takes a value, and was called with a nil `$2`, which has none.",
		try: []string{"Find out why the pointer was not set.", "If the method is to work for nil, give it a pointer as its receiver and ask for nil in it."},
	}, {
		topic: "index", text: `index out of range \[(-?\d+)\](?: with length (\d+))?`,
		title: "Index $1 is out of range", more: (*subject).index,
	}, {
		topic: "slice", text: `slice bounds out of range (\[[^\]]*\])(?: with (length|capacity) (\d+))?`,
		title: "`$1` is out of range", more: (*subject).slice,
	}, {
		topic: "slice to array", text: `cannot convert slice with length (\d+) to array or pointer to array with length (\d+)`,
		title: "The slice is too short for the array", say: "The slice has $1 elements, and the array that it is converted to has $2.",
		try: []string{"Ask for the length first, or use copy, which copies what there is."},
		more: func(s *subject, _ []string, e *Explanation) {
			only(s, e, func(_ *piece, call *ast.CallExpr) ast.Node {
				fun := ast.Unparen(call.Fun)
				if star, is := fun.(*ast.StarExpr); is {
					fun = star.X
				}
				if a, is := fun.(*ast.ArrayType); is && a.Len != nil {
					return call
				}
				return nil
			})
		},
	}, {
		topic: "division", text: `integer divide by zero`,
		title: "Division by zero", say: "An integer was divided by zero.", more: (*subject).division,
	}, {
		topic: "assertion", text: `interface conversion: .* is nil, not (.+)$`,
		title: "A nil interface is no `$1`", say: "This line takes a value of the type `$1` out of an interface that holds nothing.",
		try:  []string{"Use the form that does not panic, and handle what is missing: `v, ok := x.($1)`."},
		more: (*subject).assertion,
	}, {
		topic: "assertion", text: `interface conversion: (\S.*) is not (.+): missing method (\S+)$`,
		title: "`$1` has no method `$3`", say: "This line takes a `$2` out of an interface, which holds a `$1`. That has no method `$3`.",
		try:  []string{"Use the form that does not panic: `v, ok := x.($2)`.", "If the method has a pointer receiver, put a pointer into the interface."},
		more: (*subject).assertion,
	}, {
		topic: "assertion", text: `interface conversion: .* is ([^,]+), not (.+?)( \(types from different (?:packages|scopes)\))?$`,
		title: "The interface holds `$1`, not `$2`", say: "This line takes a `$2` out of an interface, which holds a `$1`.",
		try:  []string{"Use the form that does not panic: `v, ok := x.($2)`."},
		more: (*subject).assertion,
	}, {
		topic: "channel", text: `send on closed channel`,
		title: "Send on a closed channel", say: "Something was sent on a channel that had been closed before.",
		try: []string{"Let only the goroutine close a channel that sends on it, after its last send; several senders need a sync.WaitGroup and one that closes after all are done.",
			"To tell senders to stop, close a second channel or cancel a context that they select on."},
		more: (*subject).channel,
	}, {
		topic: "channel", text: `close of closed channel`,
		title: "The channel was closed twice", say: "A channel can be closed once only.",
		try:  []string{"Let one place close it; where several may come first, use sync.Once."},
		more: (*subject).channel,
	}, {
		topic: "channel", text: `close of nil channel`,
		title: "A nil channel was closed", say: "The channel was never made, or was set to nil.",
		try:  []string{"Make it with `make(chan T)` before anybody uses it."},
		more: (*subject).channel,
	}, {
		topic: "make", text: `makeslice: (len|cap) out of range`,
		title: "A slice of an impossible size", say: "The $1 that `make` was given is negative or far too large.",
		try: []string{"If the size comes from outside, such as a header or a file, give it a bound before."}, more: (*subject).size,
	}, {
		topic: "make", text: `makechan: size out of range`,
		title: "A channel of an impossible size", say: "The size that `make` was given is negative or far too large.", more: (*subject).size,
	}, {
		topic: "unhashable", types: append(runtimeTypes[:len(runtimeTypes):len(runtimeTypes)], "maps.unhashableTypeError", "panic"), text: `hash of unhashable type:? (.+)$`,
		title: "`$1` cannot be the key of a map", say: "The key is an interface that holds a `$1`, which cannot be compared, so no map can find it.",
		try: []string{"Use a key that can be compared: a string, a number, an array, or a struct of these."},
		more: func(s *subject, _ []string, e *Explanation) {
			only(s, e, func(_ *piece, n ast.Node) ast.Node {
				switch n := n.(type) {
				case *ast.IndexExpr:
					return n.Index
				case *ast.CallExpr:
					if fun, is := n.Fun.(*ast.Ident); is && fun.Name == "delete" && len(n.Args) == 2 {
						return n.Args[1]
					}
				}
				return nil
			})
		},
	}, {
		topic: "uncomparable", text: `comparing uncomparable type (.+)$`,
		title: "`$1` cannot be compared", say: "Two interfaces were compared that both hold a `$1`. The compiler could not know that, and slices, maps and functions have no ==.",
		try:  []string{"Compare with slices.Equal, maps.Equal or reflect.DeepEqual, or the fields that matter.", "Errors are compared with errors.Is."},
		more: operation(token.EQL, token.NEQ),
	}, {
		topic: "shift", text: `negative shift amount`,
		title: "Shift by a negative number", say: "The number of bits to shift by is below zero.", more: operation(token.SHL, token.SHR, token.SHL_ASSIGN, token.SHR_ASSIGN),
	}, {
		topic: "panic nil", types: []string{"*runtime.PanicNilError"}, text: `panic called with nil argument`,
		title: "panic(nil)", say: "The value that panic was called with is nil, most often an error that was not looked at.",
		try: []string{"Call panic only where the error is not nil."},
		more: func(s *subject, _ []string, e *Explanation) {
			only(s, e, func(_ *piece, call *ast.CallExpr) ast.Node {
				if fun, is := call.Fun.(*ast.Ident); is && fun.Name == "panic" {
					return call
				}
				return nil
			})
		},
	}}
	for _, r := range all {
		r.strict = true
		if r.types == nil {
			r.types = append(runtimeTypes, "panic")
		}
	}
	return all
}

// operation marks the only operation of that kind on the line.
func operation(tokens ...token.Token) func(*subject, []string, *Explanation) {
	return func(s *subject, _ []string, e *Explanation) {
		only(s, e, func(_ *piece, n ast.Node) ast.Node {
			switch n := n.(type) {
			case *ast.BinaryExpr:
				if slices.Contains(tokens, n.Op) {
					return n
				}
			case *ast.AssignStmt:
				if slices.Contains(tokens, n.Tok) {
					return n
				}
			}
			return nil
		})
	}
}

func (s *subject) nilMap(_ []string, e *Explanation) {
	if !s.here {
		e.add(s.below())
		texts, spots := s.nilPassed()
		for i, text := range texts {
			if s.holds("len(" + text + ") == 0") {
				s.sayNilMap(text, spots[i], e)
				return
			}
		}
		return
	}
	var maps []string
	var spots []spot
	target := func(p *piece, x ast.Expr) {
		if i, is := ast.Unparen(x).(*ast.IndexExpr); is {
			if text := p.source(i.X); !contains(maps, text) {
				maps = append(maps, text)
				spots = append(spots, spot{p, i.X})
			}
		}
	}
	each(s.code, s.code.hit, func(p *piece, a *ast.AssignStmt) {
		for _, x := range a.Lhs {
			target(p, x)
		}
	})
	each(s.code, s.code.hit, func(p *piece, i *ast.IncDecStmt) { target(p, i.X) })
	var open []int
	for i, m := range maps {
		switch is, known := s.truth(m + " == nil"); {
		case is:
			s.sayNilMap(m, spots[i], e)
			return
		case !known:
			open = append(open, i)
		}
	}
	if len(open) == 1 {
		s.sayNilMap(maps[open[0]], spots[open[0]], e)
	}
}

func (s *subject) sayNilMap(m string, at spot, e *Explanation) {
	e.Mark = s.mark([]spot{at})
	e.Title = "`" + bare(m) + "` is a nil map"
	e.Text = fmt.Sprintf("`%s` is nil. %s", bare(m), e.Text)
	e.first(fmt.Sprintf("Make it before: `%s = make(…)` with its type, or a literal `{}`.", bare(m)))
}

func (s *subject) index(m []string, e *Explanation) {
	index, length := m[1], m[2]
	type place struct {
		spot
		x, index string
	}
	var all, sure []place
	if s.here {
		each(s.code, s.code.hit, func(p *piece, i *ast.IndexExpr) {
			if lit, is := i.Index.(*ast.BasicLit); is && constant.MakeFromLiteral(lit.Value, lit.Kind, 0).ExactString() != index {
				return // It is another one, or the key of a map.
			}
			if isPure(i) && (s.refuted(p.source(i.Index)+" == "+index) || length != "" && s.refuted("len("+p.source(i.X)+") == "+length)) {
				return
			}
			was, reached := s.reached(spot{p, i})
			if !was {
				return
			}
			all = append(all, place{spot{p, i}, p.source(i.X), p.source(i.Index)})
			if !isPure(i) || !reached {
				return
			}
			if s.holds(p.source(i.Index)+" == "+index) && (length == "" || s.holds("len("+p.source(i.X)+") == "+length)) {
				sure = append(sure, all[len(all)-1])
			}
		})
	}
	if len(sure) == 0 && len(all) == 1 {
		sure = all // There is no other on the line.
	}
	what := "What is indexed"
	if len(sure) > 1 { // Which of them came first, nobody can tell; they may be of the same.
		if same := slices.CompactFunc(slices.Clone(sure), func(a, b place) bool { return a.x == b.x && a.index == b.index }); len(same) > 1 {
			sure = nil
		}
	}
	if len(sure) > 0 {
		what = quoted(sure[0].x)
	}
	if len(sure) == 1 {
		e.Mark = s.mark([]spot{sure[0].spot})
	}
	n, err := strconv.Atoi(length)
	switch {
	case length == "" || strings.HasPrefix(index, "-"):
		e.add(fmt.Sprintf("An index must not be negative, and this one is %s.", index))
	case err == nil && n == 0:
		e.add(fmt.Sprintf("%s is empty, so it has no element %s.", what, index))
	default:
		e.add(fmt.Sprintf("%s has %s, the last of which is the one of index %d; there is none of index %s.", what, elements(n), n-1, index))
	}
	if len(sure) > 0 {
		p := sure[0]
		if p.index != index {
			e.add(fmt.Sprintf("The index is `%s`.", bare(p.index)))
		}
		if n > 0 && n <= 32 {
			e.add(s.sentence(p.x))
		}
		e.Try = append(e.Try, fmt.Sprintf("Ask for the length before: `if %s < len(%s)`.", bare(p.index), bare(p.x)))
	} else {
		e.Try = append(e.Try, "Ask for the length before.")
	}
	if index == length && n > 0 && len(sure) > 0 && counts(sure[0].index) {
		e.Try = append(e.Try, fmt.Sprintf("The index is just the length: a loop that counts it needs `<` and not `<=`, and the last element has the index %d.", n-1))
	}
	if !s.here {
		e.add(s.below())
		e.Try = []string{fmt.Sprintf("Look at what this line gives to `%s`.", bare(s.called()))}
	}
	e.Text = strings.TrimSpace(e.Text)
}

// counts tells whether an index can be one that a loop counts: nothing that is written as a number or made of a length is.
func counts(index string) bool {
	parsed, err := parser.ParseExpr(index)
	if err != nil {
		return false
	}
	_, is := ast.Unparen(parsed).(*ast.Ident)
	return is
}

func elements(n int) string {
	if n == 1 {
		return "1 element"
	}
	return strconv.Itoa(n) + " elements"
}

func (s *subject) slice(m []string, e *Explanation) {
	bounds := strings.Trim(m[1], "[]")
	parts := strings.Split(bounds, ":")
	switch {
	case strings.Contains(bounds, "-"):
		e.add("A bound must not be negative.")
	case m[2] != "":
		e.add(fmt.Sprintf("It would end at %s, and the %s is %s.", parts[len(parts)-1], m[2], m[3]))
	case len(parts) == 2:
		e.add(fmt.Sprintf("It would begin at %s and end at %s, which is before.", parts[0], parts[1]))
	default:
		e.add("Its bounds are not in order.")
	}
	if !s.here {
		e.add(s.below())
		e.Try = []string{fmt.Sprintf("Look at what this line gives to `%s`.", bare(s.called()))}
		return
	}
	type found struct {
		spot
		text, x, low, high string
	}
	var all, sure []found
	each(s.code, s.code.hit, func(p *piece, x *ast.SliceExpr) {
		f := found{spot: spot{p, x}, text: p.source(x), x: p.source(x.X)}
		fits, refuted := isPure(x), false
		bound := func(e ast.Expr, at int) (text string) {
			if e == nil {
				return ""
			}
			text = p.source(e)
			if at < len(parts) && parts[at] != "" {
				fits = fits && s.holds(text+" == "+parts[at])
				refuted = refuted || isPure(e) && s.refuted(text+" == "+parts[at])
			}
			return text
		}
		f.low, f.high = bound(x.Low, 0), bound(x.High, 1)
		if x.High == nil && len(parts) == 2 && parts[1] != "" {
			// The end is the length.
			fits = fits && s.holds("len("+f.x+") == "+parts[1])
		}
		was, reached := s.reached(f.spot)
		if refuted || !was {
			return
		}
		all = append(all, f)
		if fits && reached && s.call.Lookup != nil {
			sure = append(sure, f)
		}
	})
	if len(sure) == 0 && len(all) == 1 {
		sure = all
	}
	if len(sure) != 1 {
		e.Try = append(e.Try, "Ask for the length before.")
		return
	}
	f := sure[0]
	e.Title = "`" + bare(f.text) + "` is out of range"
	e.Mark = s.mark([]spot{f.spot})
	for _, b := range []string{f.low, f.high} {
		if _, err := strconv.Atoi(b); b != "" && err != nil {
			e.add(s.sentence(b))
		}
	}
	e.Text = strings.TrimSpace(e.Text)
	limit := f.high
	if limit == "" {
		limit = f.low
	}
	if limit != "" {
		e.Try = append(e.Try, fmt.Sprintf("Bound it: `min(%s, len(%s))`, or ask for the length before.", bare(limit), bare(f.x)))
	}
	if strings.Contains(bounds, "-") {
		e.Try = append(e.Try, "strings.Index and its like return -1 where they find nothing: ask for that before, or use strings.Cut.")
	}
}

func (s *subject) division(_ []string, e *Explanation) {
	if !s.here {
		e.add(s.below())
		return
	}
	var all, sure []string
	var allSpots, sureSpots []spot
	divisor := func(p *piece, x ast.Expr) {
		if lit, is := ast.Unparen(x).(*ast.BasicLit); is && lit.Value != "0" {
			return
		}
		text := p.source(x)
		if isPure(x) && s.refuted(text+" == 0") {
			return
		}
		was, reached := s.reached(spot{p, x})
		if !was {
			return
		}
		all, allSpots = append(all, text), append(allSpots, spot{p, x})
		if isPure(x) && reached && s.holds(text+" == 0") {
			sure, sureSpots = append(sure, text), append(sureSpots, spot{p, x})
		}
	}
	each(s.code, s.code.hit, func(p *piece, b *ast.BinaryExpr) {
		if b.Op == token.QUO || b.Op == token.REM {
			divisor(p, b.Y)
		}
	})
	each(s.code, s.code.hit, func(p *piece, a *ast.AssignStmt) {
		if a.Tok == token.QUO_ASSIGN || a.Tok == token.REM_ASSIGN {
			divisor(p, a.Rhs[0])
		}
	})
	if len(sure) == 0 && len(all) == 1 {
		sure, sureSpots = all, allSpots
	}
	if len(all) > 1 { // A number with a fraction may be zero, too.
		text := sure
		var spots []spot
		sure = nil
		for i, at := range sureSpots {
			if s.isWhole(text[i]) {
				sure, spots = append(sure, text[i]), append(spots, at)
			}
		}
		sureSpots = spots
	}
	if len(sure) != 1 {
		e.Try = append(e.Try, "Ask for zero before.")
		return
	}
	e.Mark = s.mark(sureSpots[:1])
	e.Title = "`" + bare(sure[0]) + "` is zero"
	e.Text = fmt.Sprintf("This line divides by `%s`, which is 0.", bare(sure[0]))
	e.Try = append(e.Try, fmt.Sprintf("Decide what the result is to be then: `if %s == 0`.", bare(sure[0])))
}

func (s *subject) assertion(m []string, e *Explanation) {
	wanted := m[1]
	if len(m) > 2 {
		wanted = m[2]
	}
	if s.here {
		safe := map[ast.Expr]bool{} // v, ok := x.(T)
		each(s.code, s.code.hit, func(_ *piece, a *ast.AssignStmt) {
			if len(a.Lhs) == 2 && len(a.Rhs) == 1 {
				safe[a.Rhs[0]] = true
			}
		})
		var spots []spot
		each(s.code, s.code.hit, func(p *piece, a *ast.TypeAssertExpr) {
			if a.Type == nil || safe[a] || !sameType(wanted, p.source(a.Type)) {
				return
			}
			if was, _ := s.reached(spot{p, a}); was {
				spots = append(spots, spot{p, a})
			}
		})
		if e.Mark = s.mark(spots); e.Mark != nil {
			p, a := spots[0].piece, spots[0].node.(*ast.TypeAssertExpr)
			x := p.source(a.X)
			for i := range e.Try {
				e.Try[i] = strings.Replace(e.Try[i], "`v, ok := x.(", "`v, ok := "+bare(x)+".(", 1)
			}
			if isPure(a.X) {
				e.add(s.sentence(x))
			}
			if strings.Contains(x, ".Value(") {
				e.Try = append(e.Try, "A context gives nil for a key that was not set: is the middleware missing that sets it, or is its key of another type?")
			}
		}
	}
	if len(m) > 3 && m[3] != "" {
		e.add("Both are called the same but come from different packages.")
	}
	if len(m) > 2 && m[1] == "float64" {
		e.Try = append(e.Try, "encoding/json makes a float64 of each number that it reads into an `any`: decode into a struct instead.")
	}
	if len(m) > 2 && m[2] == "*"+m[1] {
		e.Try = append(e.Try, fmt.Sprintf("It holds the value and not a pointer to it: write `.(%s)`, or put `&` before it where it is put in.", bare(m[1])))
	}
	if len(m) > 2 && m[1] == "*"+m[2] {
		e.Try = append(e.Try, fmt.Sprintf("It holds a pointer: write `.(%s)`.", bare(m[1])))
	}
}

// sameType tells whether a type as the runtime names it may be the one that is written like that: "main.user" is "user", but
// the name of an alias, which may be anything, is written, too.
func sameType(runtime, written string) bool {
	last := func(s string) string { return s[strings.LastIndexAny(s, ".*[] ")+1:] }
	stars := func(s string) int { return len(s) - len(strings.TrimLeft(s, "*")) }
	if a, b := last(runtime), last(written); a != b && a != "" && b != "" {
		return written == "any" || written == "byte" || written == "rune" || !predeclared(b) && predeclared(a) || isParameter(written)
	}
	return stars(runtime) == stars(written)
}

// isParameter tells whether a type as it is written may well be the parameter of a generic function.
func isParameter(written string) bool {
	written = strings.TrimLeft(written, "*[]")
	return len(written) <= 2 && written != "" && 'A' <= written[0] && written[0] <= 'Z'
}

// isWhole tells whether a value is an integer, as far as can be told.
func (s *subject) isWhole(expression string) bool {
	_, ok := s.lookup("(" + expression + ") & 1")
	return ok
}

func predeclared(name string) bool {
	return types.Universe.Lookup(name) != nil
}

func (s *subject) channel(_ []string, e *Explanation) {
	if strings.HasPrefix(e.Title, "Send") {
		only(s, e, func(_ *piece, send *ast.SendStmt) ast.Node { return send.Chan })
	} else {
		only(s, e, func(_ *piece, call *ast.CallExpr) ast.Node {
			if fun, is := call.Fun.(*ast.Ident); is && fun.Name == "close" && len(call.Args) == 1 {
				return call.Args[0]
			}
			return nil
		})
	}
	if name := s.code.marked(e.Mark); name != "" {
		e.add("It is `" + bare(name) + "`.")
	}
}

func (s *subject) size(m []string, e *Explanation) {
	which := 1
	if len(m) > 1 && m[1] == "cap" {
		which = 2
	}
	only(s, e, func(_ *piece, call *ast.CallExpr) ast.Node {
		if fun, is := call.Fun.(*ast.Ident); is && fun.Name == "make" && len(call.Args) > 1 {
			return call.Args[min(which, len(call.Args)-1)]
		}
		return nil
	})
	each(s.code, s.code.hit, func(p *piece, call *ast.CallExpr) {
		if fun, is := call.Fun.(*ast.Ident); !s.here || !is || fun.Name != "make" || len(call.Args) < 2 {
			return
		}
		for _, x := range call.Args[1:] {
			if text := p.source(x); isPure(x) && isOrdinary(x) {
				e.add(s.sentence(text))
			}
		}
	})
}
