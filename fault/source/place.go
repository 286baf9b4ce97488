package source

import (
	"path"
	"runtime"
	"strings"
	"unicode"

	"example.org/microblog/fault/trace"
)

// place is where the file of a frame may be.
type place struct {
	root root
	rel  string // within root, with slashes
	name string // for people
	// What must hold for the file to be what was compiled.
	ofBuild   bool // the failure is of the running build
	fresh     bool // the file is not newer than the program
	goVersion bool // the tree is of the failure's version of Go
}

// tree is the directory of a module that may change.
type tree struct {
	module string
	dir    string
}

// places returns where the frame's file may be, the surest first.
func (f *Finder) places(frame trace.Frame) []place {
	file := path.Clean(slashed(frame.File))
	var found []place
	if f.own.fsys != nil {
		for _, rel := range f.embedded(frame, file) {
			found = append(found, place{root: f.own, rel: rel, name: rel, ofBuild: true})
		}
	}
	for _, t := range f.trees {
		if rel, ok := t.rel(file); ok {
			found = append(found, place{
				root: root{name: "file as it was compiled", dir: t.dir}, rel: rel, name: rel, ofBuild: true, fresh: true,
			})
		}
	}
	if rel, ok := f.inCache(file); ok {
		found = append(found, place{root: f.modules, rel: rel, name: rel})
		if module, inside, ok := cutVersion(file); ok && !isAbs(file) && len(f.trees) > 0 && f.trees[0].module == f.module {
			rel := "vendor/" + module + "/" + inside
			found = append(found, place{
				root: root{name: "vendored file", dir: f.trees[0].dir}, rel: rel, name: rel, ofBuild: true, fresh: true,
			})
		}
	}
	if rel, ok := f.inGoRoot(file); ok {
		found = append(found, place{root: f.goRoot, rel: "src/" + rel, name: rel, goVersion: true})
	}
	return found
}

// embedded returns the names that the frame's file may have in the application's embedded source.
func (f *Finder) embedded(frame trace.Frame, file string) []string {
	var names []string
	for _, t := range f.trees {
		if rel, ok := t.rel(file); ok && t.module == f.module {
			names = append(names, rel)
		}
	}
	if rel, ok := (tree{module: f.module}).rel(file); ok {
		names = append(names, rel)
	}
	// Wherever it was compiled, the import path tells the directory.
	pkg := frame.Package()
	if strings.HasSuffix(file, "_test.go") {
		pkg = strings.TrimSuffix(pkg, "_test")
	}
	if pkg == "main" {
		pkg = f.main
	}
	if dir, ok := below(pkg, f.module); ok {
		names = append(names, path.Join(dir, path.Base(file)))
	}
	for i := 1; i < len(names); i++ {
		if names[i] == names[0] {
			names = append(names[:i], names[i+1:]...)
			i--
		}
	}
	return names
}

// rel returns the file's name within the module, if it was compiled from there.
func (t tree) rel(file string) (string, bool) {
	if isAbs(file) {
		return within(file, t.dir)
	}
	if rel, ok := below(file, t.module); ok && rel != "" {
		return rel, true
	}
	module, rel, ok := cutVersion(file)
	return rel, ok && module == t.module
}

// inCache returns the file's name within the module cache.
func (f *Finder) inCache(file string) (string, bool) {
	if f.modules.dir == "" {
		return "", false
	}
	if isAbs(file) {
		rel, ok := within(file, f.modules.dir)
		return rel, ok && strings.Contains(rel, "@") // Nothing of what else is kept there.
	}
	if _, _, ok := cutVersion(file); !ok {
		return "", false
	}
	module, rest, _ := strings.Cut(file, "@")
	version, inside, _ := strings.Cut(rest, "/")
	return escape(module) + "@" + escape(version) + "/" + inside, true
}

// inGoRoot returns the file's name within the source of Go.
func (f *Finder) inGoRoot(file string) (string, bool) {
	switch {
	case f.goRoot.dir == "":
		return "", false
	case isAbs(file):
		return within(file, f.goRoot.dir+"/src")
	case strings.Contains(file, "@"):
		return "", false
	}
	first, _, _ := strings.Cut(file, "/")
	_, own := below(file, f.module)
	return file, !own && !strings.Contains(first, ".")
}

// cutVersion splits "module/path@v1.2.3/a/b.go".
func cutVersion(file string) (module, rel string, ok bool) {
	module, rest, ok := strings.Cut(file, "@")
	if !ok || module == "" {
		return "", "", false
	}
	_, rel, ok = strings.Cut(rest, "/")
	return module, rel, ok && rel != ""
}

// escape is how the module cache writes capital letters.
func escape(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsUpper(r) {
			b.WriteByte('!')
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}

// within returns an absolute file's name within the directory.
func within(file, dir string) (string, bool) {
	if dir == "" {
		return "", false
	}
	dir = strings.TrimSuffix(slashed(dir), "/") + "/"
	if len(file) <= len(dir) {
		return "", false
	}
	head := file[:len(dir)]
	if head != dir && !(runtime.GOOS == "windows" && strings.EqualFold(head, dir)) {
		return "", false
	}
	return file[len(dir):], true
}

// below returns what of a path is below an import path, "" for that itself.
func below(file, module string) (string, bool) {
	rest, ok := strings.CutPrefix(file, module)
	if !ok || module == "" {
		return "", false
	}
	if rest == "" {
		return "", true
	}
	return rest[1:], rest[0] == '/'
}

// isAbs tells whether a path, as the compiler writes it, is an absolute one of any system.
func isAbs(file string) bool {
	return strings.HasPrefix(file, "/") || len(file) > 2 && file[1] == ':' && file[2] == '/'
}

func slashed(file string) string {
	if runtime.GOOS == "windows" {
		return strings.ReplaceAll(file, `\`, "/")
	}
	return file
}

// sources are the files that frames are from: Go, assembly, cgo, and what is translated to Go with
// line directives. Nothing else is read, whatever a frame says; settings and keys lie beside the source.
var sources = map[string]bool{
	".go": true, ".s": true, ".S": true, ".c": true, ".h": true, ".cc": true, ".cpp": true, ".cxx": true,
	".hh": true, ".hpp": true, ".m": true, ".mm": true, ".y": true, ".rl": true, ".templ": true, ".qtpl": true,
}

func isSource(file string) bool { return sources[path.Ext(slashed(file))] }
