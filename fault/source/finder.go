package source

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/trace"
)

// maxAround bounds how many lines Lines returns on each side.
const maxAround = 50

// Finder finds source lines. It may be used by several goroutines at once. A nil Finder finds nothing.
type Finder struct {
	module  string
	main    string // import path of the running program's package main, "" if it has none
	build   fault.Build
	built   time.Time // the zero time if it is not known
	own     root      // embedded source of module
	trees   []tree    // directories of modules, the application's first
	goRoot  root
	modules root // the module cache

	cache cache
}

// New returns a Finder. It does not fail: what it cannot use, Lines says. Where Options.Dir is to be
// found out, New must be called by the application's own code.
func New(o Options) *Finder {
	program := readProgram()
	f := &Finder{module: o.Module, main: program.pkg, build: o.Build, built: o.Built}
	if f.module == "" {
		f.module = program.module
	}
	if f.build == (fault.Build{}) {
		f.build = fault.ReadBuild()
	}
	if f.built.IsZero() {
		f.built = executableTime()
	}
	f.own = root{name: "embedded source", fsys: o.FS}
	dir := o.Dir
	if dir == "" {
		dir = compiledDir(trace.Callers(1, 64), f.module, program.pkg)
	}
	f.trees = moduleTrees(f.module, dir, program.deps)
	f.goRoot = root{name: "Go's own source", dir: o.GoRoot}
	if o.GoRoot == "" {
		f.goRoot.dir = findGoRoot()
	}
	f.modules = root{name: "module cache", dir: o.ModCache}
	if o.ModCache == "" {
		f.modules.dir = findModCache()
	}
	return f
}

// Lines returns the frame's line with so many lines before and after it, at most 50 each. build is
// that of the failure which the frame is from. The error says in plain words why there are no lines;
// it is one of this package's.
func (f *Finder) Lines(frame trace.Frame, build fault.Build, around int) (Excerpt, error) {
	if f == nil {
		return Excerpt{}, reason(ErrNotFound, "no source code is looked for")
	}
	if frame.File == "" || frame.Line < 1 {
		return Excerpt{}, reason(ErrNotFound, "it is not known in which file this is")
	}
	if !isSource(frame.File) {
		return Excerpt{}, reason(ErrRefused, "%s is not source code", path.Base(slashed(frame.File)))
	}
	var failed error
	for _, p := range f.places(frame) {
		excerpt, err := f.lines(p, frame.Line, build, min(max(around, 0), maxAround))
		if err == nil {
			return excerpt, nil
		}
		if failed == nil || errors.Is(failed, ErrNotFound) && !errors.Is(err, ErrNotFound) {
			failed = err
		}
	}
	if failed == nil {
		failed = f.nowhere(frame)
	}
	return Excerpt{}, failed
}

func (f *Finder) lines(p place, number int, build fault.Build, around int) (Excerpt, error) {
	if p.ofBuild {
		if err := f.sameBuild(build); err != nil {
			return Excerpt{}, err
		}
	}
	if p.goVersion {
		if err := f.goTree(build.Go); err != nil {
			return Excerpt{}, err
		}
	}
	return f.excerpt(p, number, around)
}

// nowhere is the reason for a frame that no known directory can hold.
func (f *Finder) nowhere(frame trace.Frame) error {
	name := slashed(frame.File)
	switch {
	case isAbs(name):
		return reason(ErrRefused, "%s lies outside of the directories that the program was compiled from", name)
	case f.own.fsys == nil && frame.In(f.module):
		return reason(ErrNotFound, "the program was built with -trimpath and holds no source code, so it is not known where %s lies", name)
	default:
		return reason(ErrNotFound, "it is not known where %s lies", name)
	}
}

// sameBuild returns why the running program's source is not that of build.
func (f *Finder) sameBuild(build fault.Build) error {
	switch {
	case build == (fault.Build{}):
		return reason(ErrOtherBuild, "it is not known which build this failed in")
	case build.ID != "" && build.ID == f.build.ID:
		return nil
	case build.Revision != "" && build.Revision == f.build.Revision && !build.Modified && !f.build.Modified:
		return nil
	case build.ID == "" && build == f.build:
		return nil // Builds of this program have no identity; more is not known.
	}
	return reason(ErrOtherBuild, "this failed in another build (%s) than the one that is running now (%s), whose source may differ",
		describe(build), describe(f.build))
}

func describe(b fault.Build) string {
	var parts []string
	if b.Version != "" && b.Version != "(devel)" {
		parts = append(parts, b.Version)
	}
	if b.Revision != "" {
		revision := "revision " + b.Revision[:min(len(b.Revision), 12)]
		if b.Modified {
			revision += " with changes"
		}
		parts = append(parts, revision)
	}
	if b.ID != "" && (len(parts) == 0 || b.Modified) {
		parts = append(parts, "build ID "+b.ID)
	}
	if len(parts) == 0 {
		return "of no known version"
	}
	return strings.Join(parts, ", ")
}

// missing is an error whose text is for people.
type missing struct {
	kind error
	text string
}

func (m *missing) Error() string { return m.text }
func (m *missing) Unwrap() error { return m.kind }

func reason(kind error, format string, args ...any) error {
	return &missing{kind, fmt.Sprintf(format, args...)}
}
