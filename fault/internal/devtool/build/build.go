// Package build builds the package that `fault run` runs: it drives the go command, knows what the package
// is made of, and turns what the compiler and its companions say into problems for people.
package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"

	"example.org/microblog/fault/internal/devtool/problem"
)

// DevelopmentTag is the build tag of development builds.
const DevelopmentTag = "faultdev"

// Options say what to build.
type Options struct {
	Dir string // the working directory; "" is that of this process
	// Package is the program as for `go build`: ./cmd/x, an import path, "." (also ""), or Go files, separated by blanks.
	Package string
	Tags    []string // build tags besides DevelopmentTag
	Flags   []string // further flags of go build, such as -race or -mod=mod; one or two elements each
	Env     []string // of the go command; nil is that of this process
}

// A Builder builds one package. Its methods may be called at the same time.
type Builder struct {
	command  command
	spec     []string // the package, as go build takes it
	common   []string // flags of every go command
	flags    []string // the user's, but for tags
	tags     string
	ownLinks bool // the linker's flags are the user's
	env      goEnv

	mu      sync.Mutex
	known   known
	hook    hook     // zero without one
	hookDir string   // where it is kept; "" if none was asked for
	asked   []string // for which version of Go, when it was last found out
}

// goEnv is what `go env` says. It does not change while a Builder lives, but for GOROOT, which go.mod decides on, too: see known.
type goEnv struct {
	GOFLAGS, GOMOD, GOWORK, GOROOT, GOMODCACHE string
}

// Open checks that there is a go command and that Package is a program, and lists its inputs once. The error is
// for people: ErrNoGo, a *PackageError, a *FlagError, or what else kept the go command from saying anything. A
// package that is there and broken is no error; Inputs and Build tell of it.
func Open(ctx context.Context, o Options) (*Builder, error) {
	b, err := prepare(o)
	if err != nil {
		return nil, err
	}
	if err := b.readEnv(ctx); err != nil {
		return nil, err
	}
	b.tags, b.flags = mergeTags(b.env.GOFLAGS, o.Flags, o.Tags)
	b.ownLinks = hasFlag(strings.Fields(b.env.GOFLAGS), "ldflags") || hasFlag(o.Flags, "ldflags")
	b.common = []string{"-buildvcs=false", "-trimpath=false"}
	if err := b.checkPackage(ctx); err != nil {
		return nil, err
	}
	b.asked = b.versionAsked()
	return b, nil
}

// Build builds the package into the file output, whose directory is there and takes temporary files. The problem
// is what is wrong with the source; the error says that the go command could not be run, or is that of ctx. Nothing
// of the build runs on after that. Files of recent, absolute and the last changed first, come first in the problem.
//
// One `go build` is all that runs, but where a file has just begun to ask for another version of Go.
func (b *Builder) Build(ctx context.Context, output string, recent ...string) (*problem.Problem, error) {
	output, err := filepath.Abs(output)
	if err != nil {
		return nil, fmt.Errorf("the program's place: %w", err)
	}
	args := slices.Concat([]string{"build"}, b.common, b.compilerFlags())
	if !b.ownLinks {
		// Compressing takes longer than writing what it saves.
		args = append(args, "-ldflags=-compressdwarf=false")
	}
	if err := b.noticeVersion(ctx); err != nil {
		return nil, err
	}
	b.keepHook()
	command, hookFlags := b.hooked()
	args = slices.Concat(args, b.flags, hookFlags, []string{"-o", output, "--"}, b.spec)
	// The linker's file is renamed, not copied, and what a killed go command leaves is found again.
	room, err := os.MkdirTemp(filepath.Dir(output), "go-build-*")
	if err != nil {
		return nil, fmt.Errorf("making room for building %s: %w", b.name(), err)
	}
	defer os.RemoveAll(room)
	r, err := command.with("GOTMPDIR="+room).run(ctx, args...)
	if err != nil {
		return nil, fmt.Errorf("building %s: %w", b.name(), err)
	}
	if r.code == 0 {
		if isArchive(output) {
			return b.explainer(recent).notProgram(), nil
		}
		return nil, nil
	}
	return b.explainer(recent).explain(problem.Build, "go build "+b.name(), r.all()), nil
}

// Vet looks for mistakes that compile, with the analyzers that go test trusts and others that are as sure, in
// packages of the build. Findings in test files do not count, nor does a package that go vet cannot check: the
// next build says why.
func (b *Builder) Vet(ctx context.Context, importPaths []string) (*problem.Problem, error) {
	if len(importPaths) == 0 {
		return nil, nil
	}
	if slices.Contains(importPaths, fileList) {
		importPaths = b.spec // files cannot be named together with packages
	}
	// The compiler's flags are those of the build, so that its results are used.
	command, hookFlags := b.hooked()
	args := slices.Concat([]string{"vet"}, b.common, b.compilerFlags(), analyzers, b.flags, hookFlags, []string{"--"}, importPaths)
	r, err := command.run(ctx, args...)
	if err != nil {
		return nil, fmt.Errorf("vetting %s: %w", strings.Join(importPaths, " "), err)
	}
	switch r.code {
	case 0:
		return nil, nil
	case usageCode:
		return nil, &FlagError{Flags: b.flags, Text: r.first()}
	}
	return b.explainer(nil).explainVet("go vet "+some(importPaths), r.all()), nil
}

// some names the first of many packages.
func some(importPaths []string) string {
	const most = 3
	if len(importPaths) <= most {
		return strings.Join(importPaths, " ")
	}
	return strings.Join(importPaths[:most], " ") + " …"
}

// analyzers are those of go vet that are next to never wrong: those that go test runs, and some more.
var analyzers = []string{
	"-atomic", "-bools", "-buildtag", "-directive", "-errorsas", "-ifaceassert", "-nilfunc", "-printf", "-slog", "-stringintconv",
	"-defers", "-httpresponse", "-sigchanyzer", "-timeformat", "-unmarshal", "-unusedresult",
}

// compilerFlags switch optimisation off in the code that is worked on, for the debugger, and make the compiler
// name all mistakes. A package that no pattern matches keeps its cached result.
func (b *Builder) compilerFlags() []string {
	const flags = "-N -l -e"
	args := []string{"-gcflags=" + flags} // the package itself, also where it is a list of files
	args = append(args, "-gcflags="+callsPackage()+"="+flags)
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.known.inputs.Modules {
		if m.Path != "" {
			args = append(args, "-gcflags="+m.Path+"/...="+flags)
		}
	}
	return args
}

// callsPackage is what the debugger calls: package calls, which package freeze links into the program.
func callsPackage() string {
	return strings.TrimSuffix(reflect.TypeFor[Builder]().PkgPath(), "/devtool/build") + "/freeze/calls"
}

// name is the package for people.
func (b *Builder) name() string { return strings.Join(b.spec, " ") }

// isArchive says that go build has made a library: the package is not main any more.
func isArchive(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close() // only read
	head := make([]byte, 8)
	n, _ := f.Read(head)
	return bytes.Equal(head[:n], []byte("!<arch>\n"))
}

// ErrNoGo says that there is no go command.
var ErrNoGo = errors.New("there is no go command in PATH: install Go (https://go.dev/dl/) or add its bin directory to PATH")

// A PackageError is a Package that is no program which can be built here.
type PackageError struct {
	Package  string
	Text     string   // why
	Programs []string // packages beside it that are programs
}

func (e *PackageError) Error() string {
	s := fmt.Sprintf("%s cannot be run: %s", e.Package, e.Text)
	if len(e.Programs) > 0 {
		s += "\nPrograms here: " + strings.Join(e.Programs, ", ")
	}
	return s
}

// A FlagError is a flag that go build does not know, or that would be in the way.
type FlagError struct {
	Flags []string
	Text  string
}

func (e *FlagError) Error() string {
	return fmt.Sprintf("the build flags %q cannot be used: %s", strings.Join(e.Flags, " "), e.Text)
}
