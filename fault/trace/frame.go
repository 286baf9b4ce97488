// Package trace remembers where an error was first wrapped and what a request did on its way there.
//
// [Wrap] adds what was being done to an error, as fmt.Errorf does, and keeps the call stack of the
// first wrap; [StackOf] finds it again. [Begin], [Note] and [Steps] carry a bounded record of a
// request's statements and log lines through its context.
package trace

import (
	"path"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
)

// maxDepth bounds how many calls a remembered stack holds. The innermost are kept.
const maxDepth = 32

// A Frame is one function call of a stack.
type Frame struct {
	// Function is the full name: "example.org/microblog/internal/web.(*Server).profile".
	Function string `json:"function"`
	// File is the source file as it was compiled: an absolute path, or with -trimpath one that
	// begins with the module's path.
	File string `json:"file"`
	// Line is the line in File, counted from 1.
	Line int `json:"line"`
	// PC is in the form that slog.NewRecord and runtime.CallersFrames take: the return address of
	// the call. It means something in the process that captured it only, so it is not serialised.
	PC uintptr `json:"-"`
	// App says that this is the application's own code, not a library's. It is set in the stack of a
	// fault.Failure, by fault.Options.Module; in a stack from this package it is false.
	App bool `json:"app,omitempty"`
}

// Package returns the import path of the package that the frame's function belongs to: "main" for
// a program, with the suffix "_test" for an external test package, "" if Function is empty.
func (f Frame) Package() string {
	name := f.Function
	slash := strings.LastIndexByte(name, '/') + 1
	dot := strings.IndexByte(name[slash:], '.')
	if dot < 0 {
		return ""
	}
	// The linker writes a dot in the last element of an import path as %2e.
	return name[:slash] + strings.ReplaceAll(name[slash:slash+dot], "%2e", ".")
}

// Name returns the function's name with the last element of its package only: "web.(*Server).profile".
func (f Frame) Name() string {
	return f.Function[strings.LastIndexByte(f.Function, '/')+1:]
}

// In tells whether the frame belongs to the module of that path, which tells an application's own
// code from its libraries'. A function of package main belongs to every module but "".
func (f Frame) In(module string) bool {
	if module == "" {
		return false
	}
	pkg := f.Package()
	if pkg == "main" || pkg == "main_test" {
		return true
	}
	rest, ok := strings.CutPrefix(pkg, module)
	return ok && (rest == "" || rest[0] == '/' || rest == "_test")
}

// Short names the place for people: "internal/app/app.go:43", relative to the module of that path,
// else by import path, "net/http/server.go:2220". It does not depend on where the program was
// compiled.
func (f Frame) Short(module string) string {
	dir, ok := f.dir()
	file := path.Base(strings.ReplaceAll(f.File, `\`, "/"))
	if f.File == "" {
		file = "?"
	}
	place := file + ":" + strconv.Itoa(f.Line)
	switch {
	case !ok || dir == module:
		return place
	case module != "" && strings.HasPrefix(dir, module+"/"):
		return dir[len(module)+1:] + "/" + place
	case module != "" && f.Package() == "main":
		return place // of another program than the running one, whose package main lies elsewhere
	default:
		return dir + "/" + place
	}
}

// dir returns the import path of the directory that holds the frame's file.
func (f Frame) dir() (string, bool) {
	pkg := f.Package()
	if strings.HasSuffix(f.File, "_test.go") {
		pkg = strings.TrimSuffix(pkg, "_test")
	}
	switch {
	case pkg == "":
		return "", false
	case pkg != "main":
		return pkg, true
	}
	if main := mainPackage(); main != "" {
		return main, true
	}
	return "", false
}

// mainPackage is the import path of the running program's main package, "" where it has none that
// can be known (go run file.go).
var mainPackage = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Path == "command-line-arguments" {
		return ""
	}
	return strings.TrimSuffix(info.Path, ".test")
})

// A Stack is a list of calls, innermost first.
type Stack []Frame

// Callers returns the calling goroutine's stack, at most max calls. With skip 0 it begins at the
// caller of Callers, with 1 at that one's caller.
func Callers(skip, max int) Stack {
	if max <= 0 {
		return nil
	}
	pcs := make([]uintptr, max)
	return Frames(pcs[:runtime.Callers(skip+2, pcs)])
}

// Frames turns program counters, as runtime.Callers gives them, into frames.
func Frames(pcs []uintptr) Stack {
	if len(pcs) == 0 {
		return nil
	}
	s := make(Stack, 0, len(pcs))
	frames := runtime.CallersFrames(pcs)
	for {
		f, more := frames.Next()
		if f.Function != "" || f.File != "" {
			s = append(s, Frame{Function: f.Function, File: f.File, Line: f.Line, PC: f.PC + 1})
		}
		if !more {
			return s
		}
	}
}
