package debugger

import (
	"cmp"
	"context"
	"go/token"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// A Completion is what may stand at a place of an expression.
type Completion struct {
	Text  string `json:"text"` // the whole name
	Kind  string `json:"kind"` // "variable", "field", "method", "package", "function", "type" or "builtin"
	Type  string `json:"type,omitempty"`
	Start int    `json:"start"` // what of the expression it takes the place of, in bytes
	End   int    `json:"end"`
}

// maxCompletions is how many are offered at most.
const maxCompletions = 100

// Complete says what the name that ends at the byte offset of an expression may become: names in scope, of
// packages and in them, fields and methods. It makes no calls. If nothing is known, there are none.
func (s *Session) Complete(ctx context.Context, frame int, text string, offset int) ([]Completion, error) {
	var found []Completion
	err := s.do(ctx, func(ctx context.Context) error {
		f, err := s.frame(frame)
		if err != nil {
			return err
		}
		e, err := s.evaluator(ctx, f)
		if err != nil {
			return err
		}
		c := completer{evaluator: e, seen: map[string]bool{}}
		base := ""
		base, c.start, c.end = cursor(text, min(max(offset, 0), len(text), maxExpression))
		c.prefix = text[c.start:c.end]
		if base == "" {
			err = c.names(ctx)
		} else {
			err = c.members(ctx, base)
		}
		if _, ok := refused(err); err != nil && !ok && !isOurs(err) {
			return err
		}
		found = c.best()
		return nil
	})
	return found, err
}

// cursor finds the name that ends at the offset, and what it is selected from: "a.b[1]" in "x + a.b[1].na".
func cursor(text string, offset int) (base string, start, end int) {
	isName := func(b byte) bool {
		return b == '_' || b >= 0x80 || '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
	}
	start, end = offset, offset
	for start > 0 && isName(text[start-1]) {
		start--
	}
	if start == 0 || text[start-1] != '.' {
		return "", start, end
	}
	// Backwards over names, dots, and brackets with what is in them.
	at := start - 1
	for at > 0 {
		switch b := text[at-1]; {
		case isName(b), b == '.':
			at--
			continue
		case b == '"':
			open := strings.LastIndexByte(text[:at-1], '"')
			if open < 0 {
				return text[at : start-1], start, end
			}
			at = open
			continue
		case b == ')' || b == ']':
			depth, open := 0, at
			for open > 0 {
				open--
				if c := text[open]; c == ')' || c == ']' {
					depth++
				} else if c == '(' || c == '[' {
					depth--
				}
				if depth == 0 {
					break
				}
			}
			if depth == 0 {
				at = open
				continue
			}
		}
		break
	}
	return text[at : start-1], start, end
}

type completer struct {
	*evaluator
	prefix     string
	start, end int
	found      []Completion
	seen       map[string]bool
}

func (c *completer) offer(name, kind, typ string) {
	if !token.IsIdentifier(name) || !strings.HasPrefix(strings.ToLower(name), strings.ToLower(c.prefix)) || c.seen[name] {
		return
	}
	c.seen[name] = true
	c.found = append(c.found, Completion{name, kind, shortType(typ), c.start, c.end})
}

// best are the ones to offer.
func (c *completer) best() []Completion {
	c.sort()
	return c.found[:min(len(c.found), maxCompletions)]
}

// sort puts what was found in the order of kinds and names.
func (c *completer) sort() {
	order := []string{"variable", "field", "method", "package", "function", "type", "builtin"}
	slices.SortStableFunc(c.found, func(a, b Completion) int {
		exact := func(x Completion) int {
			if strings.HasPrefix(x.Text, c.prefix) {
				return 0
			}
			return 1
		}
		return cmp.Or(exact(a)-exact(b), slices.Index(order, a.Kind)-slices.Index(order, b.Kind), cmp.Compare(a.Text, b.Text))
	})
}

// names offers what stands alone.
func (c *completer) names(ctx context.Context) error {
	variables, err := c.session.scopeVariables(ctx, c.frame, loadConfig{})
	if err != nil {
		return err
	}
	for i := len(variables) - 1; i >= 0; i-- { // The innermost of a name is meant.
		c.offer(strings.TrimPrefix(variables[i].Name, "&"), "variable", variables[i].Type)
	}
	for name := range c.imports {
		if path, err := c.packagePath(ctx, name); err == nil && c.isLinked(ctx, path) {
			c.offer(name, "package", "")
		}
	}
	for name := range builtins {
		c.offer(name, "builtin", "")
	}
	return c.inPackage(ctx, packageOf(c.frame.Function), true)
}

// isLinked reports whether a package is in the program: not all that is imported under several possible names.
func (c *completer) isLinked(ctx context.Context, path string) bool {
	packages, err := c.session.allPackages(ctx)
	return err == nil && slices.Contains(packages, path)
}

// inPackage offers what a package has.
func (c *completer) inPackage(ctx context.Context, path string, own bool) error {
	visible := func(name string) bool { return own || token.IsExported(name) }
	prefix := "^" + regexp.QuoteMeta(path) + `\.`
	variables, err := get[struct{ Variables []wireVariable }](ctx, c.session.wire, "ListPackageVars", struct {
		Filter string
		Cfg    loadConfig
	}{prefix + "[^.]+$", loadConfig{}})
	if err != nil {
		return err
	}
	for _, v := range variables.Variables {
		if name := strings.TrimPrefix(v.Name, path+"."); visible(name) {
			c.offer(name, "variable", v.Type)
		}
	}
	functions, err := get[struct{ Funcs []string }](ctx, c.session.wire, "ListFunctions", map[string]string{"Filter": prefix + "[^.(]+$"})
	if err != nil {
		return err
	}
	for _, function := range functions.Funcs {
		name := strings.TrimPrefix(function, path+".")
		if i := strings.IndexByte(name, '['); i >= 0 {
			name = name[:i]
		}
		if visible(name) && name != "init" && name != "main" {
			c.offer(name, "function", "")
		}
	}
	types, err := c.session.allTypes(ctx)
	if err != nil {
		return err
	}
	for full := range types {
		if name, ok := strings.CutPrefix(full, path+"."); ok && token.IsIdentifier(name) && visible(name) {
			c.offer(name, "type", "")
		}
	}
	return nil
}

// members offers what can be selected from base.
func (c *completer) members(ctx context.Context, base string) error {
	if !c.isLocal(base) && token.IsIdentifier(base) {
		if path, err := c.packagePath(ctx, base); err == nil && path != "" {
			return c.inPackage(ctx, path, path == packageOf(c.frame.Function))
		}
	}
	node, err := parse(base)
	if err != nil {
		return err
	}
	if called, err := c.calledIn(ctx, node); err != nil || called != "" {
		return err // Its type is not known before it is made.
	}
	value, err := c.value(ctx, node)
	if err != nil {
		return err
	}
	w := value.wire
	if w == nil {
		return nil
	}
	if w.Kind == reflect.Interface && len(w.Children) == 1 {
		w = &w.Children[0]
	}
	own := packageOf(c.frame.Function)
	return c.membersOf(ctx, w, own, 0)
}

// membersOf offers fields and methods of a value, and those of what is embedded in it.
func (c *completer) membersOf(ctx context.Context, w *wireVariable, own string, depth int) error {
	const maxEmbedded = 3
	typ := strings.TrimPrefix(w.Type, "*")
	if err := c.methods(ctx, typ, own); err != nil {
		return err
	}
	switch {
	case w.Kind == reflect.Pointer && isNil(w):
		// What it would point to has no value, but Delve tells its fields.
		var err error
		if w, err = c.session.nowhere(ctx, typ, loadConfig{MaxVariableRecurse: 1, MaxStructFields: -1}); err != nil {
			return err
		}
	case w.Kind == reflect.Pointer && len(w.Children) == 1:
		w = &w.Children[0]
	}
	if w.Kind != reflect.Struct || depth > maxEmbedded {
		return nil
	}
	path := packageOf(typ)
	for i := range w.Children {
		field := &w.Children[i]
		if token.IsExported(field.Name) || path == own || path == "" {
			c.offer(field.Name, "field", field.Type)
		}
	}
	for i := range w.Children {
		field := &w.Children[i]
		name := shortType(strings.TrimPrefix(field.Type, "*"))
		name, _, _ = strings.Cut(name, "[")
		if name[strings.LastIndexByte(name, '.')+1:] == field.Name { // It looks embedded.
			if err := c.membersOf(ctx, field, own, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// methods offers those of a type that are in the program.
func (c *completer) methods(ctx context.Context, typ, own string) error {
	path := packageOf(typ)
	if path == "" || strings.ContainsAny(typ, " ·") {
		return nil
	}
	// Those of a generic type are there for kinds of types, and not for each.
	name, _, generic := strings.Cut(strings.TrimPrefix(typ, path+"."), "[")
	name = regexp.QuoteMeta(name)
	if generic {
		name += `\[.*\]`
	}
	out, err := get[struct{ Funcs []string }](ctx, c.session.wire, "ListFunctions", map[string]string{
		"Filter": "^" + regexp.QuoteMeta(path) + `\.(` + name + `|\(\*` + name + `\))\.[^.]+$`,
	})
	if err != nil {
		return err
	}
	for _, function := range out.Funcs {
		method := function[strings.LastIndexByte(function, '.')+1:]
		if token.IsExported(method) || path == own {
			c.offer(method, "method", "")
		}
	}
	return nil
}
