package debugger

import (
	"context"
	"fmt"
	"go/ast"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// predeclared are the types that every package has.
var predeclared = map[string]string{
	"bool": "bool", "string": "string", "int": "int", "int8": "int8", "int16": "int16", "int32": "int32", "int64": "int64",
	"uint": "uint", "uint8": "uint8", "uint16": "uint16", "uint32": "uint32", "uint64": "uint64", "uintptr": "uintptr",
	"byte": "uint8", "rune": "int32", "float32": "float32", "float64": "float64", "complex64": "complex64", "complex128": "complex128",
	"error": "error", "any": "interface {}",
}

// isConversion reports whether what looks like a call is a conversion.
func (e *evaluator) isConversion(ctx context.Context, call *ast.CallExpr) (bool, error) {
	if len(call.Args) != 1 {
		return false, nil
	}
	switch fun := unparen(call.Fun).(type) {
	case *ast.ArrayType, *ast.StructType, *ast.FuncType, *ast.InterfaceType, *ast.MapType, *ast.ChanType, *ast.BasicLit:
		return true, nil
	case *ast.StarExpr:
		_, err := e.typeName(ctx, fun.X)
		return err == nil, nil
	case *ast.Ident, *ast.SelectorExpr, *ast.IndexExpr:
		return e.isType(ctx, fun)
	}
	return false, nil
}

// isType reports whether an expression is the name of a type.
func (e *evaluator) isType(ctx context.Context, node ast.Expr) (bool, error) {
	switch n := node.(type) {
	case *ast.Ident:
		if e.isLocal(n.Name) {
			return false, nil
		}
		if predeclared[n.Name] != "" {
			return true, nil
		}
		return e.session.hasType(ctx, packageOf(e.frame.Function)+"."+n.Name)
	case *ast.SelectorExpr:
		x, ok := n.X.(*ast.Ident)
		if !ok || e.isLocal(x.Name) {
			return false, nil
		}
		path, err := e.packagePath(ctx, x.Name)
		if err != nil || path == "" {
			return false, nil
		}
		return e.session.hasType(ctx, path+"."+n.Sel.Name)
	case *ast.IndexExpr:
		name, err := e.typeName(ctx, n)
		if err != nil {
			return false, nil
		}
		return e.session.hasType(ctx, name)
	}
	return false, nil
}

// typeName is Delve's name of a type.
func (e *evaluator) typeName(ctx context.Context, node ast.Expr) (string, error) {
	switch n := unparen(node).(type) {
	case *ast.BasicLit:
		return strconv.Unquote(n.Value)
	case *ast.Ident:
		if name := predeclared[n.Name]; name != "" && !e.isLocal(n.Name) {
			return name, nil
		}
		return e.namedType(ctx, packageOf(e.frame.Function)+"."+n.Name, n.Name)
	case *ast.SelectorExpr:
		x, ok := n.X.(*ast.Ident)
		if !ok {
			break
		}
		path, err := e.packagePath(ctx, x.Name)
		if err != nil {
			return "", err
		}
		return e.namedType(ctx, path+"."+n.Sel.Name, x.Name+"."+n.Sel.Name)
	case *ast.StarExpr:
		name, err := e.typeName(ctx, n.X)
		return "*" + name, err
	case *ast.ArrayType:
		name, err := e.typeName(ctx, n.Elt)
		if err != nil {
			return "", err
		}
		if n.Len == nil {
			return "[]" + name, nil
		}
		length, err := e.value(ctx, n.Len)
		if err != nil || length.number == nil {
			return "", &EvaluateError{Text: "The length of the array is no constant."}
		}
		return fmt.Sprintf("[%v]%s", length.number, name), nil
	case *ast.MapType:
		key, err := e.typeName(ctx, n.Key)
		if err != nil {
			return "", err
		}
		value, err := e.typeName(ctx, n.Value)
		return "map[" + key + "]" + value, err
	case *ast.InterfaceType:
		if len(n.Methods.List) == 0 {
			return "interface {}", nil
		}
	case *ast.IndexExpr:
		return e.instance(ctx, n.X, []ast.Expr{n.Index})
	case *ast.IndexListExpr:
		return e.instance(ctx, n.X, n.Indices)
	}
	return "", &EvaluateError{Text: "Types of this kind cannot be named here; write .(data) for what is in an interface."}
}

// instance is an instantiated generic type.
func (e *evaluator) instance(ctx context.Context, generic ast.Expr, arguments []ast.Expr) (string, error) {
	var path, base string
	switch n := generic.(type) {
	case *ast.Ident:
		path, base = packageOf(e.frame.Function), n.Name
	case *ast.SelectorExpr:
		x, ok := n.X.(*ast.Ident)
		if !ok {
			return "", &EvaluateError{Text: "This is no type."}
		}
		var err error
		if path, err = e.packagePath(ctx, x.Name); err != nil {
			return "", err
		}
		base = n.Sel.Name
	}
	var names []string
	for _, argument := range arguments {
		name, err := e.typeName(ctx, argument)
		if err != nil {
			return "", err
		}
		names = append(names, name)
	}
	full := path + "." + base + "[" + strings.Join(names, ",") + "]"
	return e.namedType(ctx, full, shortType(full))
}

// namedType checks that the program has a type.
func (e *evaluator) namedType(ctx context.Context, full, short string) (string, error) {
	if has, err := e.session.hasType(ctx, full); has || err != nil {
		return full, err
	}
	found, err := e.session.typesNamed(ctx, "^"+regexp.QuoteMeta(full)+`·\d+$`)
	if err != nil {
		return "", err
	}
	switch len(found) {
	case 0:
		return "", &EvaluateError{Text: "The program has no type " + short + "."}
	case 1:
		return found[0], nil
	}
	return "", &EvaluateError{Text: "Several functions have a type " + short + " of their own; write .(data) for what is in an interface."}
}

// hasType reports whether the program has a type. Delve is asked for the one: all of them are many.
func (s *Session) hasType(ctx context.Context, name string) (bool, error) {
	if s.types != nil {
		return s.types[name], nil
	}
	if has, ok := s.known[name]; ok {
		return has, nil
	}
	found, err := s.typesNamed(ctx, "^"+regexp.QuoteMeta(name)+"$")
	if err != nil {
		return false, err
	}
	if s.known == nil {
		s.known = map[string]bool{}
	}
	s.known[name] = slices.Contains(found, name)
	return s.known[name], nil
}

// typesNamed are the names of the program's types that match.
func (s *Session) typesNamed(ctx context.Context, filter string) ([]string, error) {
	out, err := get[struct{ Types []string }](ctx, s.wire, "ListTypes", map[string]string{"Filter": filter})
	if err != nil {
		return nil, err
	}
	return out.Types, nil
}

// allTypes are the names of the program's types.
func (s *Session) allTypes(ctx context.Context) (map[string]bool, error) {
	if s.types == nil {
		all, err := s.typesNamed(ctx, "")
		if err != nil {
			return nil, err
		}
		s.types = make(map[string]bool, len(all))
		for _, name := range all {
			s.types[name] = true
		}
	}
	return s.types, nil
}
