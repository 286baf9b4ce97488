package process

import (
	"bufio"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"example.org/microblog/fault/internal/devtool/problem"
	"example.org/microblog/fault/redact"
	"example.org/microblog/fault/trace"
)

// Source is where the application's source code lies. Nothing outside of these directories is shown.
type Source struct {
	Module string // the path of the application's module
	Dir    string // the absolute directory of that module
	// Roots are the further directories from which source code is shown, absolute: GOROOT, the module
	// cache, modules that are replaced by directories.
	Roots []string
	// Located returns the path of a file that the program names otherwise, as with -trimpath. Nil takes names for paths.
	Located func(file string) string
	// Redactor masks secrets in what the process wrote. A nil one does so by the usual names.
	Redactor *redact.Redactor
}

// What is read and shown of a file.
const (
	around  = 5 // lines before and after the one in question
	maxFile = 4 << 20
	maxLine = 240
)

// frames turns a stack into what is shown of it.
func (s Source) frames(stack trace.Stack) []problem.Frame {
	const maxExcerpts = 20
	excerpts := 0
	frames := make([]problem.Frame, 0, len(stack))
	for _, f := range stack {
		frame := problem.Frame{Function: first(plain(f.Function), maxLine), Line: f.Line, App: f.App}
		frame.File, frame.Path = s.place(f)
		if frame.Path != "" && excerpts < maxExcerpts {
			if frame.Excerpt = s.excerpt(frame.Path, f.Line); frame.Excerpt != nil {
				excerpts++
			}
		}
		frames = append(frames, frame)
	}
	return frames
}

// place returns the file of a call for people, and its path, "" if it is not in our directories.
func (s Source) place(f trace.Frame) (name, file string) {
	file = filepath.FromSlash(f.File)
	if s.Located != nil {
		file = filepath.FromSlash(s.Located(f.File))
	}
	if rest, ok := strings.CutPrefix(f.File, s.Module+"/"); ok && s.Module != "" {
		file = filepath.Join(s.Dir, filepath.FromSlash(rest)) // built with -trimpath
	}
	if root, rel, ok := s.find(file); ok && isCode(file) {
		if root != s.Dir {
			rel = strings.TrimPrefix(rel, "src/") // of GOROOT
		}
		return rel, file
	}
	base := path.Base(filepath.ToSlash(file))
	if pkg := f.Package(); pkg != "" && pkg != "main" {
		base = pkg + "/" + base
	}
	return first(plain(base), maxLine), ""
}

// find returns which directory an existing file is in, and its name there for people.
func (s Source) find(file string) (root, rel string, ok bool) {
	if !filepath.IsAbs(file) {
		return "", "", false
	}
	for _, dir := range append([]string{s.Dir}, s.Roots...) {
		if dir == "" {
			continue
		}
		dirs := []string{dir}
		if real, err := filepath.EvalSymlinks(dir); err == nil && real != dir {
			dirs = append(dirs, real)
		}
		for _, dir := range dirs {
			rel, err := filepath.Rel(dir, file)
			if err != nil || !filepath.IsLocal(rel) {
				continue
			}
			if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
				return dir, filepath.ToSlash(rel), true
			}
		}
	}
	return "", "", false
}

// isCode tells whether calls can be in a file. Settings and keys lie beside the source.
func isCode(file string) bool {
	switch filepath.Ext(file) {
	case ".go", ".s", ".c", ".h", ".cc", ".cpp", ".templ", ".qtpl", ".y", ".rl":
		return true
	}
	return false
}

// excerpt returns the lines around the one of that number, nil if they cannot be shown.
func (s Source) excerpt(file string, number int) []problem.Line {
	return problem.Excerpt(s.text(file), number, around)
}

// text reads a text file in our directories; neither its name nor a symbolic link leads out of them.
func (s Source) text(file string) []byte {
	dir, rel, ok := s.find(file)
	if !ok {
		return nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil
	}
	defer root.Close() // only read
	f, err := root.Open(filepath.FromSlash(rel))
	if err != nil {
		return nil
	}
	defer f.Close() // only read
	text, err := io.ReadAll(io.LimitReader(bufio.NewReader(f), maxFile+1))
	if err != nil || len(text) > maxFile {
		return nil
	}
	return text
}
