package build

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
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
// panic and makes a copy of the process when it crashes or ends with an error, provided that PrepareHook has once done its work for such a program: ready says so. dir, which is
// made, keeps what is needed over runs of the program; it belongs to the builder's user alone. The error may be
// a *HookError.
func (b *Builder) UseHook(dir string) (ready bool, err error) {
	h, err := b.openHook(dir)
	if err != nil {
		return false, err
	}
	return h.isBuilt() && b.use(h), nil
}

// PrepareHook compiles, with such a runtime, what programs are made of besides Inputs, which takes a minute or
// two for each version of Go and is done with the lowest priority. When it returns nil, Build does as after UseHook. Its error may be a
// *HookError, or that of ctx; Build then goes on without the hook.
func (b *Builder) PrepareHook(ctx context.Context, dir string) error {
	for {
		h, err := b.buildHook(ctx, dir)
		if err != nil {
			return err
		}
		removeHooks(dir)
		if b.use(h) {
			return nil
		} // By now it would be of another version of Go.
	}
}

func (b *Builder) buildHook(ctx context.Context, dir string) (hook, error) {
	packages, err := b.libraries(ctx)
	if err != nil {
		return hook{}, err
	}
	h, err := b.openHook(dir)
	if err != nil {
		return hook{}, err
	}
	args := slices.Concat([]string{"build"}, b.common, b.flags, b.flagsOf(h.overlay), []string{"--"}, packages)
	r, err := h.of(b.command).politely().run(ctx, args...)
	if err != nil {
		return hook{}, fmt.Errorf("building the libraries of %s: %w", b.name(), err)
	}
	if r.code != 0 {
		return hook{}, &HookError{Text: "the libraries do not build with it: " + clean(r.first())}
	}
	if err := os.WriteFile(h.mark, nil, 0o600); err != nil {
		return hook{}, fmt.Errorf("remembering that the libraries are built: %w", err)
	}
	return h, nil
}

// Hooked tells whether Build gives programs the hook. It does not any more once Inputs or Build has noticed another version of Go, as when
// go.mod asks for one, or that what PrepareHook has made is gone: UseHook and PrepareHook then work for that.
func (b *Builder) Hooked() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.hook.overlay != ""
}

// goRoot is where the version of Go lies that builds now.
func (b *Builder) goRoot() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.known.goRoot
}

// use has builds use the hook, if it is of the version of Go that builds now.
func (b *Builder) use(h hook) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if h.goRoot != b.known.goRoot {
		return false
	}
	b.hook = h
	h.touch()
	return true
}

// hooked is the go command that builds, with the flags of the hook, if it is in use, and all tags.
func (b *Builder) hooked() (c command, flags []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.hook.of(b.command), b.flagsOf(b.hook.overlay)
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
	goRoot  string // the version of Go that it is of
	root    string // a further name of GOROOT by which its files can be replaced; "" where its own will do
}

// openHook writes the files of the hook.
func (b *Builder) openHook(dir string) (hook, error) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		return hook{}, &HookError{Text: "copies of a running program can be made on Linux on amd64 and arm64 only"}
	}
	if hasFlag(strings.Fields(b.env.GOFLAGS), "overlay") || hasFlag(b.flags, "overlay") {
		return hook{}, &HookError{Text: "the build flags have an -overlay of their own"}
	}
	b.mu.Lock()
	b.hookDir = dir
	b.mu.Unlock()
	goRoot := b.goRoot()
	if goRoot == "" {
		return hook{}, &HookError{Text: "the go command does not tell where Go's source code lies"}
	}
	for name, value := range map[string]string{"GOOS": runtime.GOOS, "GOARCH": runtime.GOARCH} {
		if set := b.setting(name); set != "" && set != value {
			return hook{}, &HookError{Text: fmt.Sprintf("the program is built for another system, %s=%s", name, set)}
		}
	}
	files, err := hookedRuntime(filepath.Join(goRoot, "src", "runtime"))
	if err != nil {
		return hook{}, err
	}
	// The files of one version of Go are never changed, since other builds may be reading them.
	var parts []string
	for _, f := range files {
		parts = append(parts, f.original, string(f.text))
	}
	fetched := within(b.env.GOMODCACHE, goRoot)
	if fetched {
		parts = append(parts, "linked")
	}
	dir, err = filepath.Abs(filepath.Join(dir, digest(parts...)))
	if err != nil {
		return hook{}, fmt.Errorf("the directory for the hook: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return hook{}, fmt.Errorf("making a directory for the hook: %w", err)
	}
	h := hook{overlay: filepath.Join(dir, overlayName), goRoot: goRoot}
	replaced := filepath.Join(goRoot, "src", "runtime")
	if fetched {
		if h.root, err = b.linkRoot(goRoot, dir); err != nil {
			return hook{}, err
		}
		replaced = filepath.Join(h.root, "src", "runtime")
	}
	replace := map[string]string{}
	for _, f := range files {
		path := filepath.Join(dir, filepath.Base(f.original))
		replace[filepath.Join(replaced, filepath.Base(f.original))] = path
		if err := writeOnce(path, f.text); err != nil {
			return hook{}, fmt.Errorf("writing the hook: %w", err)
		}
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": replace})
	if err != nil {
		return hook{}, fmt.Errorf("the overlay: %w", err)
	}
	if err := writeOnce(h.overlay, overlay); err != nil {
		return hook{}, fmt.Errorf("writing the hook: %w", err)
	}
	// The libraries are compiled once for the flags that matter to them.
	h.mark = filepath.Join(dir, "built-"+digest(append(slices.Clone(b.flags), b.env.GOFLAGS, b.tags, b.setting("GOOS"), b.setting("GOARCH"), b.setting("CGO_ENABLED"), b.setting("GOCACHE"))...))
	return h, nil
}

// linkRoot gives a version of Go that the go command has fetched a further name, in dir: the go command does not replace
// files below its module cache, and goes by their names.
func (b *Builder) linkRoot(goRoot, dir string) (string, error) {
	link := filepath.Join(dir, "goroot")
	if within(b.env.GOMODCACHE, link) {
		return "", &HookError{Text: fmt.Sprintf("the go command has fetched this version of Go itself, and builds it only as it was fetched as long as %s lies in its module cache, %s", dir, b.env.GOMODCACHE)}
	}
	if to, err := os.Readlink(link); err != nil || to != goRoot {
		room, err := os.MkdirTemp(dir, ".new-*")
		if err != nil {
			return "", fmt.Errorf("making room for a link to %s: %w", goRoot, err)
		}
		defer os.RemoveAll(room)
		made := filepath.Join(room, "goroot")
		if err := errors.Join(os.Symlink(goRoot, made), os.Rename(made, link)); err != nil {
			return "", fmt.Errorf("linking %s: %w", goRoot, err)
		}
	}
	if !isFile(filepath.Join(link, "bin", "go")) {
		return "", &HookError{Text: "the go command has fetched this version of Go itself, and there is no " + filepath.Join(goRoot, "bin", "go")}
	}
	return link, nil
}

// of is the go command that builds with the hook: by the further name that this version of Go may have.
func (h hook) of(c command) command {
	if h.root == "" {
		return c
	}
	c.path = filepath.Join(h.root, "bin", "go")
	return c.with("GOROOT=" + h.root)
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

const (
	overlayName = "overlay.json"
	digestSize  = 12 // bytes
)

func digest(parts ...string) string {
	sum := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(sum, "%q\n", p)
	}
	return hex.EncodeToString(sum.Sum(nil)[:digestSize])
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
