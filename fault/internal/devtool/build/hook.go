package build

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// HookTag is the build tag of programs whose runtime has the hook: package freeze then sets it.
const HookTag = "faulthook"

// A HookError says why the runtime cannot get its hook here. Everything else works without it.
type HookError struct{ Text string }

func (e *HookError) Error() string {
	return "panics that are recovered cannot be looked at as they began: " + e.Text
}

// UseHook has Build, from now on, give programs a runtime that calls package freeze at the beginning of each
// panic, provided that PrepareHook has once done its work for such a program: ready says so. dir, which is
// made, keeps what is needed over runs of the program; it belongs to the builder's user alone. The error may be
// a *HookError.
func (b *Builder) UseHook(dir string) (ready bool, err error) {
	h, err := b.openHook(dir)
	if err != nil {
		return false, err
	}
	if !isFile(h.mark) {
		return false, nil
	}
	b.use(h)
	return true, nil
}

// PrepareHook compiles, with such a runtime, what programs are made of besides Inputs, which takes a minute or
// two for each version of Go and is done with the lowest priority. When it returns nil, Build does as after UseHook. Its error may be a
// *HookError, or that of ctx; Build then goes on without the hook.
func (b *Builder) PrepareHook(ctx context.Context, dir string) error {
	h, err := b.openHook(dir)
	if err != nil {
		return err
	}
	packages, err := b.libraries(ctx)
	if err != nil {
		return err
	}
	args := slices.Concat([]string{"build"}, b.common, b.flags, b.flagsOf(h.overlay), []string{"--"}, packages)
	r, err := b.command.politely().run(ctx, args...)
	if err != nil {
		return fmt.Errorf("building the libraries of %s: %w", b.name(), err)
	}
	if r.code != 0 {
		return &HookError{Text: "the libraries do not build with it: " + clean(r.first())}
	}
	if err := os.WriteFile(h.mark, nil, 0o600); err != nil {
		return fmt.Errorf("remembering that the libraries are built: %w", err)
	}
	b.use(h)
	return nil
}

// Hooked tells whether Build gives programs the hook.
func (b *Builder) Hooked() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.overlay != ""
}

func (b *Builder) use(h hook) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.overlay = h.overlay
}

// hookFlags are the flags of the hook, if it is in use, and all tags.
func (b *Builder) hookFlags() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.flagsOf(b.overlay)
}

func (b *Builder) flagsOf(overlay string) []string {
	if overlay == "" {
		return []string{"-tags=" + b.tags}
	}
	return []string{"-overlay=" + overlay, "-tags=" + b.tags + "," + HookTag}
}

// hook is where the files of the hook are.
type hook struct {
	overlay string // for -overlay
	mark    string // is there when the libraries are built
}

// openHook writes the files of the hook.
func (b *Builder) openHook(dir string) (hook, error) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		return hook{}, &HookError{Text: "copies of a running program can be made on Linux on amd64 and arm64 only"}
	}
	if hasFlag(strings.Fields(b.env.GOFLAGS), "overlay") || hasFlag(b.flags, "overlay") {
		return hook{}, &HookError{Text: "the build flags have an -overlay of their own"}
	}
	if b.env.GOROOT == "" {
		return hook{}, &HookError{Text: "the go command does not tell where Go's source code lies"}
	}
	original := filepath.Join(b.env.GOROOT, "src", "runtime", "panic.go")
	source, err := os.ReadFile(original)
	if err != nil {
		return hook{}, &HookError{Text: fmt.Sprintf("Go's source code cannot be read: %v", err)}
	}
	patched, err := hookedSource(source)
	if err != nil {
		return hook{}, err
	}
	// The files of one version of Go are never changed, since other builds may be reading them.
	dir, err = filepath.Abs(filepath.Join(dir, digest(original, string(patched))))
	if err != nil {
		return hook{}, fmt.Errorf("the directory for the hook: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return hook{}, fmt.Errorf("making a directory for the hook: %w", err)
	}
	replacement := filepath.Join(dir, "panic.go")
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {original: replacement}})
	if err != nil {
		return hook{}, fmt.Errorf("the overlay: %w", err)
	}
	h := hook{overlay: filepath.Join(dir, "overlay.json")}
	for path, text := range map[string][]byte{replacement: patched, h.overlay: overlay} {
		if err := writeOnce(path, text); err != nil {
			return hook{}, fmt.Errorf("writing the hook: %w", err)
		}
	}
	// The libraries are compiled once for the flags that matter to them.
	h.mark = filepath.Join(dir, "built-"+digest(append(slices.Clone(b.flags), b.env.GOFLAGS, b.tags, b.setting("GOOS"), b.setting("GOARCH"), b.setting("CGO_ENABLED"), b.setting("GOCACHE"))...))
	return h, nil
}

// writeOnce writes a file, unless it is there with that content.
func writeOnce(path string, text []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, text) {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // It may be renamed.
	}
	return err
}

func digest(parts ...string) string {
	sum := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(sum, "%q\n", p)
	}
	return hex.EncodeToString(sum.Sum(nil)[:12])
}

// setting is the last value of a variable in the go command's environment.
func (b *Builder) setting(name string) string {
	for _, v := range slices.Backward(b.command.env) {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return ""
}

// libraries are the import paths of what the program is made of and what does not change.
func (b *Builder) libraries(ctx context.Context) ([]string, error) {
	l, err := b.list(ctx)
	if err != nil {
		return nil, err
	}
	if l.failed() {
		return nil, &HookError{Text: "the packages of the program cannot be listed: " + clean(firstLine(l.said))}
	}
	inputs := map[string]bool{}
	for _, p := range b.remember(l).Packages {
		inputs[p.ImportPath] = true
	}
	var found []string
	for _, p := range l.packages {
		if p.DepOnly && !inputs[p.ImportPath] && p.ImportPath != "unsafe" && p.ImportPath != "C" && p.Error == nil {
			found = append(found, p.ImportPath)
		}
	}
	if !slices.Contains(found, "runtime") {
		return nil, &HookError{Text: "the packages of the program cannot be listed"}
	}
	// The standard library's own libraries are known by other names.
	return slices.DeleteFunc(found, func(path string) bool { return strings.HasPrefix(path, "vendor/") }), nil
}

// politely is the command with the lowest priority, where that can be had.
func (c command) politely() command {
	if nice, err := exec.LookPath("nice"); err == nil {
		c.before = []string{nice, "-n", "19"}
	}
	return c
}

// hookedSource returns the runtime's panic.go with the hook. All lines keep their numbers.
//
// The call stands where gopanic has made sure that this is a panic of a program, and before it runs the first
// deferred function: just before it declares its _panic.
func hookedSource(source []byte) ([]byte, error) {
	unknown := func(text string) error {
		return &HookError{Text: "this version of Go is not known: in its runtime, " + text}
	}
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "panic.go", source, parser.SkipObjectResolution)
	if err != nil {
		return nil, unknown("panic.go cannot be parsed")
	}
	if file.Name.Name != "runtime" || !slices.ContainsFunc(file.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == strconv.Quote("unsafe") }) {
		return nil, unknown("panic.go is another file than before")
	}
	for _, decl := range file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || f.Name.Name != "gopanic" || f.Recv != nil || f.Body == nil {
			continue
		}
		argument := onlyAny(f.Type)
		if argument == "" {
			return nil, unknown("gopanic takes something else than before")
		}
		at, found := panicDeclaration(f.Body)
		if !found {
			return nil, unknown("gopanic works in another way than before")
		}
		offset := set.Position(at).Offset
		call := fmt.Sprintf("if faultPanicHook != nil { faultPanicHook(%s) }; ", argument)
		const variable = "\n// faultPanicHook is set by the program.\n//\n//go:linkname faultPanicHook\nvar faultPanicHook func(any)\n"
		return slices.Concat(source[:offset], []byte(call), source[offset:], []byte(variable)), nil
	}
	return nil, unknown("there is no gopanic")
}

// onlyAny returns the name of the only parameter of a function, if that is an any and nothing is returned.
func onlyAny(t *ast.FuncType) string {
	if t.Results != nil || len(t.Params.List) != 1 || len(t.Params.List[0].Names) != 1 {
		return ""
	}
	if typ, ok := t.Params.List[0].Type.(*ast.Ident); !ok || typ.Name != "any" {
		return ""
	}
	return t.Params.List[0].Names[0].Name
}

// panicDeclaration finds `var p _panic` among a function's own statements.
func panicDeclaration(body *ast.BlockStmt) (at token.Pos, found bool) {
	for _, s := range body.List {
		d, ok := s.(*ast.DeclStmt)
		if !ok {
			continue
		}
		g, ok := d.Decl.(*ast.GenDecl)
		if !ok || g.Tok != token.VAR || len(g.Specs) != 1 {
			continue
		}
		if typ, ok := g.Specs[0].(*ast.ValueSpec).Type.(*ast.Ident); ok && typ.Name == "_panic" {
			return s.Pos(), true
		}
	}
	return 0, false
}
