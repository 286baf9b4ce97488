package supervisor

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devtool/debugapi"
	"example.org/microblog/fault/internal/devtool/link"
	"example.org/microblog/fault/internal/devtool/overlay"
	"example.org/microblog/fault/internal/devtool/problem"
	"example.org/microblog/fault/trace"
)

// linesAround is how many lines of source a frame is shown with on each side.
const linesAround = 7

// failed takes a failure of the application, while the application waits with its answer. It is called by the
// goroutine of the connection.
func (s *supervisor) failed(g *generation, f link.Failure) {
	shown := &overlay.Failure{
		Failure: f.Failure, Generation: g.number,
		Excerpts: make([][]problem.Line, len(f.Stack)), Why: make([]string, len(f.Stack)),
	}
	if r := f.Failure.Request; r != nil { // what the proxy has added; others who add them are shown no source
		for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
			delete(r.Header, name)
		}
		body, whole := s.proxy.Body(f.Request)
		r.Body = bodyText(g.link.Redactor(), r.Header.Get("Content-Type"), body, whole)
	}
	g.functions.place(g.binary, f.Failure)
	s.locate(f.Stack)
	for i, frame := range f.Stack {
		shown.Excerpts[i], shown.Why[i] = s.excerpt(g, frame)
	}
	debugapi.MarkLine(shown)
	shown.Debugger = s.debug(g, f, shown)
	s.proxy.Failed(f.Request, shown)
	if !s.noted.first(f.ID.String()) {
		return // it was reported, and then its request failed with it
	}
	s.term.Event("failed: " + s.failureLine(f.Failure) + "  " + s.url + overlay.Prefix + "failures/" + f.ID.String())
}

// failureLine says what failed and where, in a line.
func (s *supervisor) failureLine(f *fault.Failure) string {
	const most = 500 // bytes
	text := strings.ReplaceAll(f.Message, "\n", "; ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	if f.Request != nil && f.Request.Method != "" {
		text = f.Request.Method + " " + f.Request.URL + ": " + text
	}
	for _, frame := range f.Stack {
		if frame.App {
			return fmt.Sprintf("%s (%s:%d)", text, s.relative(frame.File), frame.Line)
		}
	}
	return text
}

// locate gives frames the paths of their files, where the program names those otherwise.
func (s *supervisor) locate(stack trace.Stack) {
	for i := range stack {
		stack[i].File = s.builder.Located(stack[i].File)
	}
}

// excerpt returns the lines around a frame, as they were built: from the application's modules, Go's own tree and the
// module cache only.
func (s *supervisor) excerpt(g *generation, frame trace.Frame) (lines []problem.Line, why string) {
	file := s.builder.Located(frame.File)
	if file == "" || !filepath.IsAbs(file) {
		return nil, "It is not known where this file lies."
	}
	in := s.inputs.Load()
	cached := []string{sourceOf(in.GoRoot), in.ModCache}
	roots := slices.Clone(cached)
	for _, m := range in.Modules {
		roots = append(roots, m.Dir)
	}
	if !isSource(file, roots) {
		return nil, "This file lies outside of the application's modules, of Go's own source and of the module cache."
	}
	info, err := os.Stat(file)
	if err != nil {
		return nil, "This file is not there any more."
	}
	if info.ModTime().After(g.built) && !isSource(file, cached) {
		return nil, "This file was changed after this version was built."
	}
	if lines = problem.ExcerptOf(file, frame.Line, linesAround); lines == nil {
		return nil, "This file cannot be read, or has no such line."
	}
	return lines, ""
}

// sourceOf is where the source code of Go lies, which some systems keep apart from the rest and link to.
func sourceOf(root string) string {
	if root == "" {
		return ""
	}
	return filepath.Join(root, "src")
}

// isSource tells whether a file is source code and lies in one of the directories, wherever symbolic links lead to. A file that
// is missing goes by its name.
func isSource(path string, roots []string) bool {
	path = filepath.Clean(path)
	resolved, err := filepath.EvalSymlinks(path)
	missing := err != nil
	if missing {
		resolved = path
	}
	return isCode(path) && isCode(resolved) && slices.ContainsFunc(roots, func(root string) bool {
		if root == "" || missing {
			return root != "" && below(path, filepath.Clean(root))
		}
		real, err := filepath.EvalSymlinks(root)
		return err == nil && below(resolved, real)
	})
}

// isCode tells by its name whether a file may have code that is called.
func isCode(path string) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".go", ".s", ".c", ".h", ".cc", ".cpp", ".y", ".tmpl", ".html":
		return true
	}
	return false
}

// noted are the failures that the terminal has told of, the newest ones. It may be used by several goroutines.
type noted struct {
	mu  sync.Mutex
	ids []string
}

// first tells whether the failure is told of for the first time.
func (n *noted) first(id string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if slices.Contains(n.ids, id) {
		return false
	}
	if n.ids = append(n.ids, id); len(n.ids) > maxRecent {
		n.ids = n.ids[1:]
	}
	return true
}
