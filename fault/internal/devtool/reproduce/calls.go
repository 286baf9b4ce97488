package reproduce

import (
	"go/ast"
	"go/printer"
	"go/token"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// asCalled is how the package's tests call a function.
type asCalled struct {
	args    string
	imports []string
	by      string // the name of such a test
	level   int    // 0: no test does that asks for the path; 1: for something below the same first part of it; 2: for that path
	times   int
}

// called tells how those tests call a function that ask for a path. Calls with arguments that only stand in that test are left out.
func (p *goPackage) called(fn *function, path string) asCalled {
	var all []*asCalled
	for _, f := range p.functions {
		if !f.test || f.external != fn.external || f.decl.Body == nil || f.decl == fn.decl || !strings.HasPrefix(f.name, "Test") {
			continue
		}
		level := f.asks(path)
		if level == 0 {
			continue
		}
		ast.Inspect(f.decl.Body, func(n ast.Node) bool {
			call, is := n.(*ast.CallExpr)
			if !is || !isNamed(call.Fun, fn.name) || call.Ellipsis.IsValid() {
				return true
			}
			a := arguments{file: f.file, names: p.taken(f.external), imports: map[string]bool{}}
			args, ok := a.text(call.Args)
			if !ok {
				return true
			}
			at := slices.IndexFunc(all, func(o *asCalled) bool { return o.args == args })
			if at < 0 {
				at, all = len(all), append(all, &asCalled{args: args, imports: slices.Sorted(maps.Keys(a.imports)), by: f.name})
			}
			if level > all[at].level {
				all[at].level, all[at].times, all[at].by = level, 0, f.name
			}
			if level == all[at].level {
				all[at].times++
			}
			return true
		})
	}
	var best asCalled
	for _, a := range all {
		if a.level > best.level || a.level == best.level && (a.times > best.times || a.times == best.times && len(a.args) < len(best.args)) {
			best = *a
		}
	}
	return best
}

// asks tells whether strings in the function are of a path: 2, if they have all of it, 1, if its first part.
func (f *function) asks(path string) (level int) {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	ast.Inspect(f.decl.Body, func(n ast.Node) bool {
		lit, is := n.(*ast.BasicLit)
		if !is || lit.Kind != token.STRING {
			return true
		}
		text, err := strconv.Unquote(lit.Value)
		text, _, _ = strings.Cut(text, "?")
		switch {
		case err != nil:
		case text == path || first != "" && hasPath(text, path):
			level = 2
		case first != "" && hasPath(text, "/"+first):
			level = max(level, 1)
		}
		return level < 2
	})
	return level
}

// hasPath tells whether an address is that of a path, or of something below it.
func hasPath(address, path string) bool {
	rest, is := strings.CutPrefix(address, path)
	return is && (rest == "" || strings.HasSuffix(path, "/") || strings.ContainsRune("/#", rune(rest[0])))
}

// arguments are those of a call that are to be written elsewhere.
type arguments struct {
	file    *ast.File
	names   map[string]bool // that the package declares
	imports map[string]bool
}

// text is what they are written as; ok is false if they are made of something that is known in that place only.
func (a arguments) text(args []ast.Expr) (text string, ok bool) {
	var all []string
	for _, arg := range args {
		if !a.fits(arg) {
			return "", false
		}
		var b strings.Builder
		if err := printer.Fprint(&b, token.NewFileSet(), arg); err != nil {
			return "", false
		}
		all = append(all, b.String())
	}
	return strings.Join(all, ", "), true
}

func (a arguments) fits(e ast.Expr) bool {
	each := func(all []ast.Expr) bool {
		return !slices.ContainsFunc(all, func(e ast.Expr) bool { return !a.fits(e) })
	}
	switch e := e.(type) {
	case nil:
		return true
	case *ast.BasicLit:
		return true
	case *ast.Ident: // Within a test, t is its own, or that of a part of it.
		return e.Name == "t" || a.names[e.Name] || predeclared[e.Name]
	case *ast.SelectorExpr:
		x, is := e.X.(*ast.Ident)
		if !is {
			return false
		}
		from := imported(a.file, x.Name)
		if from == "" || a.names[x.Name] {
			return false
		}
		if packageName(from) != x.Name {
			from = x.Name + " " + from
		}
		a.imports[from] = true
		return true
	case *ast.CallExpr:
		return a.fits(e.Fun) && each(e.Args)
	case *ast.ParenExpr:
		return a.fits(e.X)
	case *ast.StarExpr:
		return a.fits(e.X)
	case *ast.UnaryExpr:
		return a.fits(e.X)
	case *ast.BinaryExpr:
		return a.fits(e.X) && a.fits(e.Y)
	case *ast.ArrayType:
		return a.fits(e.Len) && a.fits(e.Elt)
	case *ast.MapType:
		return a.fits(e.Key) && a.fits(e.Value)
	case *ast.CompositeLit:
		_, isMap := e.Type.(*ast.MapType)
		for _, el := range e.Elts {
			pair, is := el.(*ast.KeyValueExpr)
			if !is {
				if !a.fits(el) {
					return false
				}
				continue
			}
			if _, isField := pair.Key.(*ast.Ident); (!isField || isMap) && !a.fits(pair.Key) || !a.fits(pair.Value) {
				return false
			}
		}
		return a.fits(e.Type)
	}
	return false
}

// predeclared are names of the language that arguments are made of.
var predeclared = map[string]bool{
	"true": true, "false": true, "nil": true, "string": true, "byte": true, "int": true, "int64": true, "float64": true, "bool": true, "any": true,
	"error": true, "new": true, "make": true, "len": true,
}
