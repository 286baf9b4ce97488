package build

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"example.org/microblog/fault/internal/devtool/problem"
)

// Inputs are what the program is made of and what can change: its packages outside of the module cache and of
// Go itself. All paths are absolute.
type Inputs struct {
	Main    string // the import path of the program; "command-line-arguments" for a list of files
	MainDir string
	// Modules are the modules of Packages, the program's own first.
	Modules  []Module
	Packages []Package // in the order of their import paths
	// ModFiles say which modules are used: go.mod, go.sum, go.work, … Those that could come into being are among them.
	ModFiles []string
	GoRoot   string
	ModCache string
}

// A Module is one whose source is in a directory of the user: a main module, or one that is replaced by a directory.
type Module struct {
	Path string // "" if it cannot be read
	Dir  string
	Main bool
}

// A Package is one package of the program.
type Package struct {
	ImportPath, Dir string
	Files           []string // what is compiled, also C and assembly
	Left            []string // left out by build constraints, as they are now
	Embeds          []string // embedded files
	EmbedPatterns   []string // as in go:embed, relative to Dir
	Imports         []string // import paths, also of packages that are no inputs
}

// known is what the last lists have told.
type known struct {
	inputs Inputs
	dirs   map[string]string // by import path, of every package that was ever listed
	named  map[string]string // the same by the names that -trimpath gives them
	goRoot string
}

// listed is one package as `go list -json` gives it.
type listed struct {
	Dir, ImportPath, Name                                                 string
	Standard, DepOnly                                                     bool
	Module                                                                *listedModule
	GoFiles, CgoFiles, CFiles, CXXFiles, MFiles, HFiles, FFiles, SFiles   []string
	SwigFiles, SwigCXXFiles, SysoFiles, InvalidGoFiles                    []string
	IgnoredGoFiles, IgnoredOtherFiles, EmbedPatterns, EmbedFiles, Imports []string
	Error                                                                 *listedError
}

const listFields = "Dir,ImportPath,Name,Standard,DepOnly,Module,GoFiles,CgoFiles,CFiles,CXXFiles,MFiles,HFiles,FFiles,SFiles," +
	"SwigFiles,SwigCXXFiles,SysoFiles,InvalidGoFiles,IgnoredGoFiles,IgnoredOtherFiles,EmbedPatterns,EmbedFiles,Imports,Error"

type listedModule struct {
	Path, Version, Dir, GoMod string
	Main                      bool
}

type listedError struct {
	ImportStack []string
	Pos, Err    string
}

// list is what one go list says.
type list struct {
	packages []listed
	code     int
	said     string
}

// failed says that there is no list at all, because go.mod or a flag is wrong.
func (l *list) failed() bool { return l.code != 0 && len(l.packages) == 0 }

// roots are the packages that were asked for.
func (l *list) roots() []listed {
	return slices.DeleteFunc(slices.Clone(l.packages), func(p listed) bool { return p.DepOnly })
}

func (b *Builder) list(ctx context.Context) (*list, error) {
	args := slices.Concat([]string{"list", "-e", "-deps", "-json=" + listFields}, b.common, b.flags, []string{"-tags=" + b.tags, "--"}, b.spec)
	r, err := b.command.run(ctx, args...)
	if err != nil {
		return nil, fmt.Errorf("listing the files of %s: %w", b.name(), err)
	}
	l := &list{code: r.code, said: string(r.stderr)}
	for d := json.NewDecoder(bytes.NewReader(r.stdout)); ; {
		var p listed
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF):
			return l, nil
		case err != nil:
			return nil, fmt.Errorf("the list of the files of %s: %w", b.name(), err)
		}
		l.packages = append(l.packages, p)
	}
}

// Inputs lists what the program is made of. When the problem is not nil, the inputs are as far as known: any Go
// file and any of ModFiles may hold what is missing. The error says that the go command could not be run, or is
// that of ctx.
func (b *Builder) Inputs(ctx context.Context) (*Inputs, *problem.Problem, error) {
	l, err := b.list(ctx)
	if err != nil {
		return nil, nil, err
	}
	in := b.remember(l)
	e := b.explainer(nil)
	command := "go list -deps " + b.name()
	if l.failed() {
		return in, e.explain(problem.Build, command, l.said), nil
	}
	if findings := listFindings(l.packages); len(findings) > 0 {
		return in, e.problem(problem.Build, command, findings, l.said), nil
	}
	if roots := l.roots(); len(roots) == 1 && roots[0].Name != "main" {
		return in, e.notProgram(), nil
	}
	return in, nil, nil
}

// remember keeps what the list tells, and returns a copy of the inputs.
func (b *Builder) remember(l *list) *Inputs {
	b.mu.Lock()
	defer b.mu.Unlock()
	k := &b.known
	if k.dirs == nil {
		k.dirs, k.named = map[string]string{}, map[string]string{}
	}
	for _, p := range l.packages {
		if p.Dir != "" {
			k.dirs[p.ImportPath], k.named[p.trimmed()] = p.Dir, p.Dir
		}
	}
	before := k.goRoot
	if k.goRoot = strings.TrimSuffix(k.dirs["runtime"], filepath.Join(string(filepath.Separator), "src", "runtime")); k.goRoot == "" {
		k.goRoot = b.env.GOROOT
	}
	if before != "" && before != k.goRoot {
		b.hook = hook{} // it is of another version of Go
	}
	if l.failed() {
		if k.inputs.MainDir == "" {
			k.inputs = b.guess()
		}
	} else {
		k.inputs = b.inputs(l)
	}
	in := k.inputs
	in.Modules, in.Packages, in.ModFiles = slices.Clone(in.Modules), slices.Clone(in.Packages), slices.Clone(in.ModFiles)
	return &in
}

func (b *Builder) inputs(l *list) Inputs {
	in := Inputs{GoRoot: b.known.goRoot, ModCache: b.env.GOMODCACHE}
	for _, p := range l.roots() {
		in.Main, in.MainDir = p.ImportPath, p.Dir
		if before := b.known.inputs; p.Name == "" && before.Main != "" {
			in.Main, in.MainDir = before.Main, before.MainDir // a package without files has lost its name
		}
		if p.Module != nil {
			in.addModule(p.Module.Path, p.Module.Dir, p.Module.Main)
		}
	}
	if len(in.Modules) == 0 && b.env.GOMOD != "" {
		dir := filepath.Dir(b.env.GOMOD)
		in.addModule(modulePath(b.env.GOMOD), dir, true)
	}
	for _, p := range l.packages {
		if p.Dir == "" || p.Standard || within(b.env.GOMODCACHE, p.Dir) || within(b.known.goRoot, p.Dir) {
			continue
		}
		if !p.DepOnly {
			p.ImportPath = in.Main
		}
		in.Packages = append(in.Packages, p.input())
		if p.Module != nil && p.Module.Dir != "" {
			in.addModule(p.Module.Path, p.Module.Dir, p.Module.Main)
		}
	}
	slices.SortFunc(in.Packages, func(x, y Package) int { return strings.Compare(x.ImportPath, y.ImportPath) })
	in.ModFiles = b.modFiles(in.Modules)
	return in
}

// guess is what can be said before any list has succeeded.
func (b *Builder) guess() Inputs {
	in := Inputs{GoRoot: b.known.goRoot, ModCache: b.env.GOMODCACHE, MainDir: b.command.dir}
	if b.env.GOMOD != "" {
		in.addModule(modulePath(b.env.GOMOD), filepath.Dir(b.env.GOMOD), true)
	}
	if b.env.GOWORK != "" {
		in.addModule("", filepath.Dir(b.env.GOWORK), true)
	}
	if dir := inDir(b.command.dir, b.spec[0]); strings.HasSuffix(dir, ".go") {
		in.MainDir = filepath.Dir(dir)
	} else if info, err := os.Stat(dir); err == nil && info.IsDir() {
		in.MainDir = dir
	}
	in.ModFiles = b.modFiles(in.Modules)
	return in
}

func (in *Inputs) addModule(path, dir string, main bool) {
	if !slices.ContainsFunc(in.Modules, func(m Module) bool { return m.Dir == dir }) {
		in.Modules = append(in.Modules, Module{path, dir, main})
	}
}

// modFiles are the files that decide on modules.
func (b *Builder) modFiles(modules []Module) []string {
	files := map[string]bool{}
	for _, m := range modules {
		files[filepath.Join(m.Dir, "go.mod")] = true
		files[filepath.Join(m.Dir, "go.sum")] = m.Main
		if vendor := filepath.Join(m.Dir, "vendor", "modules.txt"); m.Main && exists(vendor) {
			files[vendor] = true
		}
	}
	if b.env.GOMOD != "" {
		files[b.env.GOMOD] = true
	}
	if b.env.GOWORK != "" {
		files[b.env.GOWORK], files[b.env.GOWORK+".sum"] = true, true
	}
	for i, f := range b.flags {
		if flagName(f) != "modfile" {
			continue
		}
		_, name, found := strings.Cut(f, "=")
		if !found && i+1 < len(b.flags) {
			name = b.flags[i+1]
		}
		mod := inDir(b.command.dir, name)
		files[mod], files[strings.TrimSuffix(mod, ".mod")+".sum"] = true, true
	}
	maps.DeleteFunc(files, func(_ string, is bool) bool { return !is })
	return slices.Sorted(maps.Keys(files))
}

// input is the package with absolute paths.
func (p listed) input() Package {
	in := Package{ImportPath: p.ImportPath, Dir: p.Dir, EmbedPatterns: p.EmbedPatterns, Imports: p.Imports}
	absolute := func(lists ...[]string) []string {
		var all []string
		for _, name := range slices.Concat(lists...) {
			all = append(all, inDir(p.Dir, name))
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	in.Files = absolute(p.GoFiles, p.CgoFiles, p.CFiles, p.CXXFiles, p.MFiles, p.HFiles, p.FFiles, p.SFiles,
		p.SwigFiles, p.SwigCXXFiles, p.SysoFiles, p.InvalidGoFiles)
	in.Left = slices.DeleteFunc(absolute(p.IgnoredGoFiles, p.IgnoredOtherFiles), func(f string) bool {
		return strings.HasSuffix(f, "_test.go") || slices.Contains(in.Files, f)
	})
	in.Embeds = absolute(p.EmbedFiles)
	return in
}

// modulePath reads the path of a module from a go.mod that may be broken elsewhere; "" if it cannot be read.
func modulePath(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "//")
		if words := strings.Fields(line); len(words) == 2 && words[0] == "module" {
			return strings.Trim(words[1], "\"`")
		}
	}
	return ""
}

// within says that path is dir or lies below it.
func within(dir, path string) bool {
	if dir == "" {
		return false
	}
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
