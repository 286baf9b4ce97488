package debugger

import (
	"context"
	"fmt"
	"go/token"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// A Variable is a variable, a field, an element, or the value of an expression.
type Variable struct {
	Name string `json:"name"`
	// Type is as one writes it in its package: "*shapes.Point"; FullType has the import paths.
	Type     string `json:"type"`
	FullType string `json:"fullType"`
	// Dynamic is the type of what is in an interface, as Type; "" if it is none, or nil.
	Dynamic string `json:"dynamic,omitempty"`
	// Value is one line for people: never more than a few hundred bytes, and without control characters.
	Value string `json:"value"`
	Kind  string `json:"kind"` // as by reflect.Kind, "ptr"; "tuple" are the results of a call that has several, "panic" is what one panicked with
	// Nil says that it is nil, or an interface that holds a nil pointer.
	Nil bool `json:"nil,omitempty"`
	// Cut says that Value does not show all of it.
	Cut bool `json:"cut,omitempty"`
	// Ref is for Children; 0: there are none.
	Ref int   `json:"ref,omitempty"`
	Len int64 `json:"len,omitempty"` // of strings in bytes, of channels what is queued
	Cap int64 `json:"cap,omitempty"`
	// KeyRef is for the Children of the key, of an entry of a map.
	KeyRef   int  `json:"keyRef,omitempty"`
	Argument bool `json:"argument,omitempty"`
	Result   bool `json:"result,omitempty"`   // it is what the function returns
	Shadowed bool `json:"shadowed,omitempty"` // another of that name is in scope, and expressions mean that
	// Unreadable says why there is no Value, in a sentence.
	Unreadable string `json:"unreadable,omitempty"`
	Line       int    `json:"line,omitempty"` // where a local variable is declared
	// Expression is what means this in its frame; "": nothing does.
	Expression string `json:"expression,omitempty"`
}

// A place is where a value can be read again: from a variable of a frame by its name, or else from the
// address of something of that type, on along the path; or else only what was read once.
type place struct {
	frame   int
	name    string
	shown   string // what name was in the program's language; "": the same
	address uint64
	typ     string
	moves   int    // how often the stack had moved when the address was true
	path    string // an expression with root in place of the variable
	read    *wireVariable
}

// root stands for the variable in a path.
const root = "\x00"

// then is the place that a step leads to, as root+".Name" or "(*"+root+")".
func (p place) then(step string) place {
	if p.path == "" {
		p.path = root
	}
	p.path = strings.Replace(step, root, p.path, 1)
	return p
}

func (p place) key() string {
	return fmt.Sprintf("%d %s %x %s %d %s", p.frame, p.name, p.address, p.typ, p.moves, p.path)
}

// places gives places numbers. The same place gets the same one.
type places struct {
	numbers map[string]int
	all     map[int]place
	last    int
}

// maxPlaces bounds what a session remembers.
const maxPlaces = 100_000

func (p *places) add(at place) int {
	if p.all == nil || len(p.all) >= maxPlaces {
		p.numbers, p.all = map[string]int{}, map[int]place{}
	}
	key := at.key()
	if at.read == nil {
		if number, ok := p.numbers[key]; ok {
			return number
		}
	}
	p.last++
	p.all[p.last] = at
	if at.read == nil {
		p.numbers[key] = p.last
	}
	return p.last
}

var (
	// loadScalars reads what needs no more than one step.
	loadScalars = loadConfig{MaxStringLen: 256}
	// loadPreview reads enough for a line on each of many variables.
	loadPreview = loadConfig{FollowPointers: true, MaxVariableRecurse: 2, MaxStringLen: 256, MaxArrayValues: 32, MaxStructFields: -1}
)

// maxChildren is how many are given at once, at most.
const maxChildren = 1000

// Variables returns the arguments of a frame's function, then its results and local variables that are in
// scope, in the order of their declaration. The Argument, Result and Shadowed of each say what it is.
func (s *Session) Variables(ctx context.Context, frame int) ([]Variable, error) {
	var variables []Variable
	err := s.do(ctx, func(ctx context.Context) error {
		f, err := s.frame(frame)
		if err != nil {
			return err
		}
		found, err := s.scopeVariables(ctx, f, loadPreview)
		if err != nil {
			return err
		}
		shadowed := map[string]bool{}
		for i := len(found) - 1; i >= 0; i-- {
			// Delve marks those that are shadowed within one function; arguments it lists on their own.
			v := &found[i]
			if v.Name == "_" {
				continue
			}
			if shadowed[v.Name] {
				v.Flags |= flagShadowed
			}
			shadowed[v.Name] = true
		}
		for i := range found {
			variables = append(variables, s.variableOf(ctx, f, &found[i]))
		}
		return nil
	})
	return variables, err
}

// scopeVariables reads the arguments and the local variables of a frame.
func (s *Session) scopeVariables(ctx context.Context, f *frame, load loadConfig) ([]wireVariable, error) {
	in := struct {
		Scope evalScope
		Cfg   loadConfig
	}{s.scope(f), load}
	arguments, err := get[struct{ Args []wireVariable }](ctx, s.wire, "ListFunctionArgs", in)
	if err != nil {
		return nil, err
	}
	locals, err := get[struct{ Variables []wireVariable }](ctx, s.wire, "ListLocalVars", in)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(locals.Variables, func(a, b wireVariable) int { return int(a.DeclLine - b.DeclLine) })
	all := slices.Concat(arguments.Args, locals.Variables)
	if n := len(arguments.Args); n > 0 {
		all = withoutSlots(all, n)
	}
	for i := range all {
		s.readZeros(ctx, &all[i])
	}
	return slices.DeleteFunc(all, func(v wireVariable) bool {
		switch {
		case strings.HasPrefix(v.Name, unnamedResult):
			// It is worth something once the function has come to a return: then its deferred functions run.
			return f.Optimized || v.Unreadable != "" || isZero(&v)
		case v.Name == "_":
			return v.Flags&flagArgument == 0
		}
		return strings.HasPrefix(v.Name, ".") // the compiler's own
	}), nil
}

// What the compiler calls parameters and results that have no name, with a number behind it.
const (
	unnamedParameter = "~p"
	unnamedResult    = "~r"
)

// shownName is what a variable of a frame is called for people.
func shownName(w *wireVariable) string {
	name := strings.TrimPrefix(w.Name, "&")
	if strings.HasPrefix(name, unnamedParameter) {
		return "_"
	}
	number, ok := strings.CutPrefix(name, unnamedResult)
	if !ok {
		return name
	}
	if n, err := strconv.Atoi(number); err == nil && n > 0 {
		return "result " + strconv.Itoa(n+1)
	}
	return "result"
}

// isZero reports whether something is its type's zero value, as far as it was read.
func isZero(w *wireVariable) bool {
	switch w.Kind {
	case reflect.Struct, reflect.Array, reflect.Complex64, reflect.Complex128:
		return !slices.ContainsFunc(w.Children, func(child wireVariable) bool { return !isZero(&child) })
	case reflect.Bool:
		return w.Value == "false"
	case reflect.String:
		return w.Len == 0
	case reflect.Float32, reflect.Float64:
		return w.Value == "0"
	case reflect.Pointer, reflect.UnsafePointer, reflect.Interface, reflect.Slice, reflect.Map, reflect.Func, reflect.Chan:
		return isNil(w)
	}
	return number(w) == 0
}

// withoutSlots puts arguments and results that lie on the heap in the place of what the compiler has for them
// among the first n: the slots that they are passed in, which do not have what they are worth now.
func withoutSlots(all []wireVariable, n int) []wireVariable {
	for i := range all[:n] {
		slot := &all[i]
		if slot.Flags&flagEscaped != 0 {
			continue
		}
		for j := n; j < len(all); j++ {
			v := all[j]
			if v.Flags&flagEscaped == 0 || v.Name != slot.Name || v.DeclLine != slot.DeclLine || v.Type != slot.Type {
				continue
			}
			v.Flags |= slot.Flags & (flagArgument | flagResult)
			*slot = v
			all = slices.Delete(all, j, j+1)
			break
		}
	}
	return all
}

// variableOf describes a variable of a frame.
func (s *Session) variableOf(ctx context.Context, f *frame, w *wireVariable) Variable {
	at := place{frame: f.Index}
	if w.Flags&flagShadowed == 0 && isPlainName(w.Name) {
		at.name = w.Name
	} else {
		at = s.addressOf(f.Index, w)
	}
	var v Variable
	if doubt := s.doubt(ctx, f, w); doubt != "" {
		v = Variable{Type: shortType(w.Type), FullType: w.Type, Kind: s.kindName(ctx, w), Unreadable: doubt}
	} else {
		v = s.describe(ctx, w, at)
	}
	v.Name = shownName(w)
	v.Argument, v.Result, v.Shadowed = w.Flags&flagArgument != 0, w.Flags&flagResult != 0, w.Flags&flagShadowed != 0
	v.Line = int(w.DeclLine)
	if w.Unreadable != "" && f.Optimized {
		v.Unreadable = "The compiler's optimisation has left it nowhere at this point of the function."
	}
	return v
}

// isPlainName reports whether an expression that is name means the variable: Delve gives some names a
// meaning of its own.
func isPlainName(name string) bool {
	switch name {
	case "runtime", "delve", "nil", "true", "false", "_":
		return false
	}
	return token.IsIdentifier(name)
}

// addressOf is the place of something by its address.
func (s *Session) addressOf(frame int, w *wireVariable) place {
	if w.Addr == 0 || w.Flags&(flagFakeAddress|flagRegister) != 0 || w.Type == "" {
		return place{frame: frame, read: w}
	}
	return place{frame: frame, address: w.Addr, typ: w.Type, moves: len(s.moved)}
}

// Children returns the fields, elements, entries or captured variables of what Variable.Ref refers to: count
// of them from start on, at most 1000, and how many there are. Pointers and interfaces have those of what
// they lead to. A map of up to 1000 entries is sorted by its keys. The children of a string are pieces of
// 4 KiB.
func (s *Session) Children(ctx context.Context, ref, start, count int) (children []Variable, total int, err error) {
	err = s.do(ctx, func(ctx context.Context) error {
		at, ok := s.places.all[ref]
		if !ok {
			return &UnknownError{"This value is no longer known: read its frame once more."}
		}
		children, total, err = s.childrenAt(ctx, at, max(start, 0), min(max(count, 0), maxChildren))
		if text, ok := refused(err); ok {
			return &EvaluateError{Text: "It cannot be read: " + sentence(text)}
		}
		return err
	})
	return children, total, err
}

// read reads what is at a place; suffix may take a slice of it, as "[2:5]".
func (s *Session) read(ctx context.Context, at place, suffix string, load loadConfig) (*wireVariable, error) {
	if at.read != nil {
		return at.read, nil
	}
	f, err := s.frame(at.frame)
	if err != nil {
		return nil, err
	}
	return s.eval(ctx, s.scope(f), s.expressionFor(at)+suffix, load)
}

// expressionFor is Delve's expression for a place.
func (s *Session) expressionFor(at place) string {
	expression := at.name
	if expression == "" {
		address := at.address
		if at.moves < len(s.moved) && s.moved[at.moves].has(address) {
			// A call needed a larger stack, to which everything was moved. It keeps its distance from the base.
			address = s.stack.high - (s.moved[at.moves].high - address)
		}
		expression = fmt.Sprintf("(*(*%q)(%#x))", at.typ, address)
	}
	if at.path == "" {
		return expression
	}
	return strings.Replace(at.path, root, expression, 1)
}

// isStale reports whether an address points to where the stack was before it moved: then the runtime did not
// know the pointer as one that is in use, and did not adjust it.
func (s *Session) isStale(address uint64) bool {
	if address == 0 || s.stack.has(address) {
		return false
	}
	return slices.ContainsFunc(s.moved, func(old stackBounds) bool { return old.has(address) })
}
