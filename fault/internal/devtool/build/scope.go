package build

import (
	"go/ast"
	"go/token"
	"path/filepath"
)

// packageNames are what a file declares for its package.
func packageNames(f *ast.File) []string {
	var names []string
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				names = append(names, d.Name.Name)
			}
		case *ast.GenDecl:
			names = append(names, declared(d)...)
		}
	}
	return names
}

func declared(d *ast.GenDecl) []string {
	var names []string
	for _, s := range d.Specs {
		switch s := s.(type) {
		case *ast.ValueSpec:
			for _, n := range s.Names {
				names = append(names, n.Name)
			}
		case *ast.TypeSpec:
			names = append(names, s.Name.Name)
		}
	}
	return names
}

// members are the fields and methods of a type that messages about file call typeName, without those of what it embeds.
func (e *explainer) members(file, typeName string) []string {
	dir := filepath.Dir(file)
	own := true
	if qualifier, name, ok := cutLast(typeName, "."); ok {
		dir, typeName, own = e.importedDir(file, qualifier), name, false
	}
	var names []string
	add := func(n string) {
		if own || token.IsExported(n) {
			names = append(names, n)
		}
	}
	for _, f := range e.goFiles(dir) {
		for _, d := range f.parsed.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv != nil && len(d.Recv.List) == 1 && receiver(d.Recv.List[0].Type) == typeName {
					add(d.Name.Name)
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if t, ok := s.(*ast.TypeSpec); ok && t.Name.Name == typeName {
						for _, n := range fieldNames(t.Type) {
							add(n)
						}
					}
				}
			}
		}
	}
	return names
}

// receiver is the name of a receiver's type.
func receiver(t ast.Expr) string {
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.ParenExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}

func fieldNames(t ast.Expr) []string {
	var list *ast.FieldList
	switch t := t.(type) {
	case *ast.StructType:
		list = t.Fields
	case *ast.InterfaceType:
		list = t.Methods
	}
	var names []string
	if list == nil {
		return nil
	}
	for _, f := range list.List {
		for _, n := range f.Names {
			names = append(names, n.Name)
		}
		if sel, ok := f.Type.(*ast.SelectorExpr); ok && len(f.Names) == 0 {
			names = append(names, sel.Sel.Name)
		} else if len(f.Names) == 0 {
			names = append(names, receiver(f.Type))
		}
	}
	return names
}

// localNames are the names that the functions and blocks around a place have declared before it.
func localNames(f goFile, line, column int) []string {
	if f.set.File(f.parsed.FileStart) == nil || line > f.set.File(f.parsed.FileStart).LineCount() {
		return nil
	}
	pos := f.set.File(f.parsed.FileStart).LineStart(line) + token.Pos(max(column-1, 0))
	var names []string
	idents := func(list ...ast.Expr) {
		for _, x := range list {
			if id, ok := x.(*ast.Ident); ok {
				names = append(names, id.Name)
			}
		}
	}
	fields := func(list *ast.FieldList) {
		if list == nil {
			return
		}
		for _, field := range list.List {
			for _, n := range field.Names {
				names = append(names, n.Name)
			}
		}
	}
	ast.Inspect(f.parsed, func(n ast.Node) bool {
		if n == nil || n.Pos() > pos {
			return false
		}
		around := n.End() >= pos
		switch n := n.(type) {
		// A statement that declares does so for the block that holds it, which is around the place.
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE && !around {
				idents(n.Lhs...)
			}
		case *ast.DeclStmt:
			if d, ok := n.Decl.(*ast.GenDecl); ok && !around {
				names = append(names, declared(d)...)
			}
		case *ast.RangeStmt:
			if n.Tok == token.DEFINE && around {
				idents(n.Key, n.Value)
			}
		case *ast.FuncDecl:
			if around {
				fields(n.Recv)
				fields(n.Type.TypeParams)
				fields(n.Type.Params)
				fields(n.Type.Results)
			}
		case *ast.FuncLit:
			if around {
				fields(n.Type.Params)
				fields(n.Type.Results)
			}
		}
		return around
	})
	return names
}
