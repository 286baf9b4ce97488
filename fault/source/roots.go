package source

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"example.org/microblog/fault/trace"
)

// program is what the toolchain noted of the running program.
type program struct {
	module string
	pkg    string // import path of package main
	deps   []*debug.Module
}

func readProgram() program {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return program{}
	}
	p := program{module: info.Main.Path, pkg: strings.TrimSuffix(info.Path, ".test"), deps: info.Deps}
	if p.pkg == "command-line-arguments" {
		p.pkg = ""
	}
	return p
}

// executableTime is when the running program was built, as far as its file tells.
func executableTime() time.Time {
	file, err := os.Executable()
	if err != nil {
		return time.Time{}
	}
	info, err := os.Stat(file)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// compiledDir returns the directory that the module was compiled from, as a call of its code tells.
func compiledDir(calls trace.Stack, module, main string) string {
	for _, frame := range calls {
		pkg, file := frame.Package(), slashed(frame.File)
		if pkg == "main" {
			pkg = main
		}
		if strings.HasSuffix(file, "_test.go") {
			pkg = strings.TrimSuffix(pkg, "_test")
		}
		rel, ok := below(pkg, module)
		if !ok || !isAbs(file) {
			continue
		}
		dir := path.Dir(file)
		if rel == "" {
			return dir
		}
		if top, ok := strings.CutSuffix(dir, "/"+rel); ok && top != "" {
			return top
		}
	}
	return ""
}

// moduleTrees returns the directories of modules that are not in the module cache: the application's,
// the ones that it replaces by directories, and this kit's.
func moduleTrees(module, dir string, deps []*debug.Module) []tree {
	var trees []tree
	if dir != "" {
		if abs, err := filepath.Abs(dir); err == nil {
			trees = append(trees, tree{module: module, dir: abs})
		}
	}
	for _, d := range deps {
		if d == nil || d.Replace == nil || d.Replace.Version != "" && d.Replace.Version != "(devel)" {
			continue
		}
		replaced := filepath.FromSlash(d.Replace.Path)
		if !filepath.IsAbs(replaced) {
			if len(trees) == 0 || trees[0].module != module {
				continue // Relative to a directory that is not known.
			}
			replaced = filepath.Join(trees[0].dir, replaced)
		}
		trees = append(trees, tree{module: d.Path, dir: replaced})
	}
	if kit, dir := ownDir(); dir != "" && kit != module && !strings.Contains(dir, "@") {
		trees = append(trees, tree{module: kit, dir: dir})
	}
	return trees
}

// ownDir returns the kit's module and the directory that it was compiled from, "" with -trimpath.
func ownDir() (module, dir string) {
	const rel = "/source"
	pkg := reflect.TypeFor[Finder]().PkgPath()
	file := functionFile(New)
	module, ok := strings.CutSuffix(pkg, rel)
	dir, inside := strings.CutSuffix(path.Dir(file), rel)
	if !ok || !inside || !isAbs(file) {
		return module, ""
	}
	return module, dir
}

// functionFile is the file that a function was compiled from.
func functionFile(fn any) string {
	pc := reflect.ValueOf(fn).Pointer()
	f := runtime.FuncForPC(pc)
	if f == nil {
		return ""
	}
	file, _ := f.FileLine(pc)
	return slashed(file)
}

// findGoRoot returns the directory of Go's own tree: where the runtime was compiled from, else what
// the environment says, else where the go command is.
func findGoRoot() string {
	if dir, ok := strings.CutSuffix(functionFile(runtime.Callers), "/src/runtime/extern.go"); ok && isAbs(dir) {
		return dir
	}
	if dir := os.Getenv("GOROOT"); filepath.IsAbs(dir) {
		return dir
	}
	command, err := exec.LookPath("go")
	if err != nil {
		return ""
	}
	if command, err = filepath.EvalSymlinks(command); err != nil {
		return ""
	}
	return filepath.Dir(filepath.Dir(command))
}

// findModCache returns the module cache: where this kit was compiled from if it lay there, else what
// the go command would take.
func findModCache() string {
	if kit, dir := ownDir(); dir != "" {
		if before, _, ok := strings.Cut(dir, "/"+escape(kit)+"@"); ok {
			return before
		}
	}
	if dir := os.Getenv("GOMODCACHE"); filepath.IsAbs(dir) {
		return dir
	}
	if list := filepath.SplitList(os.Getenv("GOPATH")); len(list) > 0 && filepath.IsAbs(list[0]) {
		return filepath.Join(list[0], "pkg", "mod")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, "go", "pkg", "mod")
}
