package debugger

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// allPackages are the import paths of the program's packages, as its functions and types tell them: Delve's
// own list leaves some out.
func (s *Session) allPackages(ctx context.Context) ([]string, error) {
	if s.packages != nil {
		return s.packages, nil
	}
	types, err := s.allTypes(ctx)
	if err != nil {
		return nil, err
	}
	functions, err := get[struct{ Funcs []string }](ctx, s.wire, "ListFunctions", map[string]string{"Filter": ""})
	if err != nil {
		return nil, err
	}
	found := map[string]bool{}
	for _, name := range functions.Funcs {
		if !strings.HasPrefix(name, "go:") && !strings.HasPrefix(name, "type:") {
			found[packageOf(name)] = true
		}
	}
	for name := range types {
		if !strings.ContainsAny(name, "*[]<>(){} ") {
			found[packageOf(name)] = true
		}
	}
	delete(found, "")
	s.packages = slices.Sorted(maps.Keys(found))
	return s.packages, nil
}

// importsOf are the imports of a file by their names, as far as paths tell those.
func (s *Session) importsOf(file string) map[string]string {
	if imports, ok := s.files[file]; ok {
		return imports
	}
	imports := map[string]string{}
	s.files[file] = imports
	if file == "" {
		return imports
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil && parsed == nil {
		return imports // It is gone; the packages of the program are there.
	}
	for _, spec := range parsed.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		if spec.Name != nil {
			imports[spec.Name.Name] = path
			continue
		}
		for _, name := range namesOf(path) {
			imports[name] = path
		}
	}
	return imports
}

var majorVersion = regexp.MustCompile(`^v\d+$`)

// namesOf are the names that a package with this import path may well have.
func namesOf(path string) []string {
	elements := strings.Split(path, "/")
	last := elements[len(elements)-1]
	if majorVersion.MatchString(last) && len(elements) > 1 {
		last = elements[len(elements)-2]
	}
	if at := strings.LastIndex(last, ".v"); at > 0 {
		last = last[:at]
	}
	names := []string{last}
	for _, short := range []string{strings.TrimPrefix(last, "go-"), strings.TrimSuffix(last, "-go"), strings.ReplaceAll(last, "-", "")} {
		if !slices.Contains(names, short) {
			names = append(names, short)
		}
	}
	return names
}

// packagePath is the import path of a package by its name in the frame's file, or else in the program;
// "": there is no such package.
func (e *evaluator) packagePath(ctx context.Context, name string) (string, error) {
	if path, ok := e.imports[name]; ok {
		return path, nil
	}
	own := packageOf(e.frame.Function)
	if name == own[strings.LastIndexByte(own, '/')+1:] {
		return own, nil
	}
	packages, err := e.session.allPackages(ctx)
	if err != nil {
		return "", err
	}
	var found []string
	for _, path := range packages {
		if !strings.HasPrefix(path, "vendor/") && path != callsPackage() && slices.Contains(namesOf(path), name) {
			found = append(found, path)
		}
	}
	if slices.Contains(found, name) {
		return name, nil // That of the standard library.
	}
	switch len(found) {
	case 0:
		return "", nil
	case 1:
		return found[0], nil
	}
	slices.Sort(found)
	return "", &EvaluateError{Text: fmt.Sprintf("Several packages are called %s: %s. Write %q.Name for one of them.", name, strings.Join(found, ", "), found[0])}
}

// global is Delve's expression for a variable, a function or a constant of a package. Delve takes any that
// ends like the path: so variables are named by their address.
func (r *rewriter) global(ctx context.Context, path, name string) (ast.Expr, error) {
	full := path + "." + name
	s := r.session
	if known, ok := s.globals[full]; ok {
		return known, nil
	}
	filter := "^" + regexp.QuoteMeta(full) + "$"
	variables, err := get[struct{ Variables []wireVariable }](ctx, s.wire, "ListPackageVars", struct {
		Filter string
		Cfg    loadConfig
	}{filter, loadConfig{}})
	if err != nil {
		return nil, err
	}
	var result ast.Expr = &ast.SelectorExpr{X: quote(path), Sel: ast.NewIdent(name)}
	if len(variables.Variables) == 1 && variables.Variables[0].Addr != 0 && variables.Variables[0].Type != "" {
		v := &variables.Variables[0]
		result = dereferenced(v.Type, v.Addr)
	} else if err := r.checkUnique(ctx, path, name); err != nil {
		return nil, err
	}
	if s.globals == nil {
		s.globals = map[string]ast.Expr{}
	}
	s.globals[full] = result
	return result, nil
}

// checkUnique makes sure that Delve takes the function or constant that is meant, and not that of a package whose path has
// this one's at its end.
func (r *rewriter) checkUnique(ctx context.Context, path, name string) error {
	functions, err := get[struct{ Funcs []string }](ctx, r.session.wire, "ListFunctions",
		map[string]string{"Filter": "^(.*/)?" + regexp.QuoteMeta(path+"."+name) + "$"})
	if err != nil {
		return err
	}
	if len(functions.Funcs) == 1 && functions.Funcs[0] == path+"."+name {
		return nil
	}
	packages, err := r.session.allPackages(ctx)
	if err != nil {
		return err
	}
	for _, other := range packages {
		if !strings.HasSuffix(other, "/"+path) {
			continue
		}
		if len(functions.Funcs) == 0 {
			// A constant of a type of its own package is told by that.
			w, err := r.session.eval(ctx, evalScope{r.session.goroutine, 0}, strconv.Quote(path)+"."+name, loadScalars)
			if err != nil || packageOf(w.Type) == path {
				return err
			}
		}
		return &EvaluateError{Text: fmt.Sprintf("%s.%s cannot be told from that of %s here.", path, name, other)}
	}
	return nil
}
