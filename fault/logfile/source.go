package logfile

import (
	"net/url"
	"path"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
)

// maxSources bounds the cache of source positions. A program has one entry for
// each logging call it has reached, so only very large ones ever meet it; what
// does not fit is worked out anew each time.
const maxSources = 4096

// sources turns a program counter into a short source position such as
// "internal/app/app.go:43". It is safe for concurrent use.
type sources struct {
	module string // paths are shown relative to this module
	main   string // import path of package main

	mu    sync.RWMutex
	short map[uintptr]string
}

func newSources(module string) *sources {
	s := &sources{module: module, short: map[uintptr]string{}}
	if info, ok := debug.ReadBuildInfo(); ok {
		s.main = info.Path
		if s.module == "" {
			s.module = info.Main.Path
		}
	}
	return s
}

// at returns the position of a record's call, "" where pc is 0.
func (s *sources) at(pc uintptr) string {
	if pc == 0 {
		return ""
	}
	s.mu.RLock()
	text, ok := s.short[pc]
	s.mu.RUnlock()
	if ok {
		return text
	}
	frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	text = s.position(frame.Function, frame.File, frame.Line)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.short) < maxSources {
		s.short[pc] = text
	}
	return text
}

// position makes the path from the function's import path and the file's base
// name, which are the same with and without -trimpath; the directory a binary
// was built in never shows.
func (s *sources) position(function, file string, line int) string {
	dir := packagePath(function)
	base := path.Base(strings.ReplaceAll(file, `\`, "/"))
	if file == "" {
		base = "unknown"
	}
	if dir == "main" {
		dir = s.main
	}
	if strings.HasSuffix(base, "_test.go") {
		dir = strings.TrimSuffix(dir, "_test") // package x_test lies in directory x
	}
	switch rel, inside := strings.CutPrefix(dir, s.module+"/"); {
	case s.module == "":
	case dir == s.module:
		dir = ""
	case inside:
		dir = inlined(rel, strings.ReplaceAll(file, `\`, "/"), s.module)
	}
	text := path.Join(dir, base) + ":" + strconv.Itoa(line)
	if needsQuote(text) {
		return strconv.Quote(text)
	}
	return text
}

// inlined corrects dir, relative to the module, for a closure that the compiler
// inlined into another package: its function's name is then of that package,
// its file still of its own. Where the file does not tell the whole way, the
// name of its directory has to do.
func inlined(dir, file, module string) string {
	own := path.Dir(file)
	if file == "" || path.Base(own) == path.Base(dir) {
		return dir
	}
	if rel, ok := strings.CutPrefix(own, module+"/"); ok { // -trimpath
		return rel
	}
	first, _, _ := strings.Cut(dir, "/")
	if i := strings.LastIndex(own, "/"+first+"/"); i >= 0 {
		return own[i+1:]
	}
	return path.Base(own)
}

// packagePath cuts the import path out of a function's full name, for instance
// "example.org/a/b" out of "example.org/a/b.(*T[...]).Method.func1".
func packagePath(function string) string {
	name := function
	if i := strings.IndexAny(name, "[("); i >= 0 {
		name = name[:i] // type arguments may hold slashes and dots
	}
	element := strings.LastIndexByte(name, '/') + 1
	dot := strings.IndexByte(name[element:], '.')
	if dot < 0 {
		return ""
	}
	dir := name[:element+dot]
	if strings.IndexByte(dir, '%') >= 0 { // the compiler writes a dot of the last element as %2e
		if plain, err := url.PathUnescape(dir); err == nil {
			dir = plain
		}
	}
	return dir
}
