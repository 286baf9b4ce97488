// Package verify tells whether code for development is linked into a Go binary, which a release must not have.
package verify

import (
	"debug/buildinfo"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"
)

// Errors of File, when a file cannot be judged. Others are those of the operating system.
var (
	ErrDirectory = errors.New("it is a directory")
	ErrIrregular = errors.New("it is no regular file")
	ErrEmpty     = errors.New("it is empty")
	ErrFormat    = errors.New("it is no program for Linux, macOS, Windows or another system with ELF, Mach-O or PE files")
	ErrDamaged   = errors.New("it is damaged or cut off")
	ErrTable     = errors.New("its table of Go functions cannot be read: it is damaged, or of a newer Go release than this command")
	ErrNotGo     = errors.New("it has no table of Go functions: it is no Go program, or is packed or stripped of more than its symbols")
)

// devTags are the build tags that link code for development.
var devTags = []string{"faultdev", "faulthook"}

// hook is how the names begin of what a runtime for development has and others have not. What follows is a capital letter.
const hook = "runtime.fault"

// Report is what was found in a binary.
type Report struct {
	// Symbols are the functions that belong to code for development, and in a program that is not stripped the variables of a runtime for
	// development, sorted.
	Symbols []string
	// Functions is how many functions the binary has.
	Functions int

	// Hooked says that its runtime is one for development.
	Hooked bool

	// What the binary says about its own build. All of it is empty if it says nothing.

	GoVersion string // "go1.26.8"
	System    string // "linux/amd64"
	// Tags are those for development that it was built with: faultdev, faulthook.
	Tags []string
	// Unoptimised says that it was built for a debugger, with -gcflags=-N. That alone is no code for development.
	Unoptimised bool
}

// Development reports whether the binary has, or was built to have, code for development.
func (r Report) Development() bool { return len(r.Symbols) > 0 || len(r.Tags) > 0 }

// Packages are the import paths of the packages for development, in this build of the kit.
func Packages() []string {
	// This package's path, whatever the module is called.
	internal := strings.TrimSuffix(reflect.TypeFor[Report]().PkgPath(), "/devtool/verify")
	return []string{internal + "/devlink", internal + "/freeze"}
}

// File looks for functions of the given packages, and of those below them, and for a runtime for development, in the Go binary at path: an ELF, Mach-O or PE
// file of any system and architecture, stripped or not. A function of which all calls were inlined cannot be seen.
// An error says why the file cannot be judged: one of those above, or the operating system's, with the path before it.
func File(path string, packages []string) (Report, error) {
	r, err := look(path, packages)
	if err != nil {
		var system *fs.PathError
		if errors.As(err, &system) {
			err = system.Err // without what was tried: the path is told anyway
		}
		return Report{}, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

func look(path string, packages []string) (Report, error) {
	f, err := open(path)
	if err != nil {
		return Report{}, err
	}
	defer f.Close() // only read
	names, err := functions(f)
	if err != nil {
		return Report{}, err
	}
	r := Report{Functions: len(names)}
	for _, name := range names {
		if isHook(name) || slices.ContainsFunc(packages, func(p string) bool { return belongs(name, p) }) {
			r.Symbols = append(r.Symbols, name)
		}
	}
	for _, name := range symbols(f) {
		if isHook(name) {
			r.Symbols = append(r.Symbols, name)
		}
	}
	slices.Sort(r.Symbols)
	r.Symbols = slices.Compact(r.Symbols)
	r.Hooked = slices.ContainsFunc(r.Symbols, isHook)
	r.readBuild(f)
	return r, nil
}

// open opens a file that has something in it.
func open(path string) (*os.File, error) {
	// Looked at before it is opened: opening a pipe would wait for its other end.
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	switch {
	case info.IsDir():
		return nil, ErrDirectory
	case !info.Mode().IsRegular():
		return nil, ErrIrregular
	case info.Size() == 0:
		return nil, ErrEmpty
	}
	return os.Open(path)
}

// readBuild reads what the binary says about its own build, if it does.
func (r *Report) readBuild(f *os.File) {
	info, err := buildinfo.Read(f)
	if err != nil {
		return
	}
	r.GoVersion = info.GoVersion
	system := map[string]string{}
	for _, s := range info.Settings {
		switch s.Key {
		case "-tags":
			given := strings.FieldsFunc(s.Value, func(c rune) bool { return c == ',' || c == ' ' })
			for _, tag := range devTags {
				if slices.Contains(given, tag) {
					r.Tags = append(r.Tags, tag)
				}
			}
		case "-gcflags":
			r.Unoptimised = slices.Contains(strings.FieldsFunc(s.Value, func(c rune) bool { return strings.ContainsRune(" =\"'", c) }), "-N")
		case "GOOS", "GOARCH":
			system[s.Key] = s.Value
		}
	}
	if len(system) == 2 {
		r.System = system["GOOS"] + "/" + system["GOARCH"]
	}
}

// belongs reports whether a function is of the package or one below it, as
//
//	PACKAGE.Open, PACKAGE.(*Client).Send.func1, PACKAGE/below.F, type:.eq.PACKAGE.message, sort.Slice[…PACKAGE.T]
func belongs(function, pkg string) bool {
	name := escaped(pkg)
	for from := 0; ; {
		i := strings.Index(function[from:], name)
		if i < 0 {
			return false
		}
		start, end := from+i, from+i+len(name)
		begins := start == 0 || !inPath(function[start-1]) || strings.HasSuffix(function[:start], "/vendor/") ||
			strings.HasPrefix(function, "type:.") && strings.HasSuffix(function[:start], ".")
		if begins && end < len(function) && (function[end] == '.' || function[end] == '/') {
			return true
		}
		from = start + 1
	}
}

// isHook reports whether a function or a variable is one that only a runtime for development has.
func isHook(name string) bool {
	rest, ok := strings.CutPrefix(name, hook)
	return ok && rest != "" && 'A' <= rest[0] && rest[0] <= 'Z'
}

// inPath reports whether a byte may be in the middle of an import path.
func inPath(b byte) bool {
	return b == '/' || b == '.' || b == '-' || b == '_' || b == '~' || b == '%' || b >= 0x80 ||
		'0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
}

// escaped is an import path as the linker writes it: in its last element, dots are escaped too.
func escaped(pkg string) string {
	var b strings.Builder
	last := strings.LastIndexByte(pkg, '/')
	for i := range len(pkg) {
		switch c := pkg[i]; {
		case c <= ' ' || c == '.' && i > last || c == '%' || c == '"' || c >= 0x7f:
			fmt.Fprintf(&b, "%%%02x", c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
