package build

import (
	"cmp"
	"fmt"
	"go/parser"
	"go/token"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"example.org/microblog/fault/internal/devtool/problem"
)

// maxMessages is how many mistakes a problem tells.
const maxMessages = 20

// explainer makes problems of findings.
type explainer struct {
	dir    string // the go command's working directory
	base   string // what paths for people are relative to: the directory of the program's module
	work   string // that of go.work, "" if there is none
	in     Inputs
	dirs   map[string]string // of packages, by import path
	recent []string
	name   string            // the program, for people
	files  map[string]string // by a path of the go command: the absolute one of a file that exists, or ""
	parsed map[string][]goFile
}

func (b *Builder) explainer(recent []string) *explainer {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := &explainer{dir: b.command.dir, in: b.known.inputs, dirs: maps.Clone(b.known.dirs), recent: recent, name: b.name(),
		files: map[string]string{}, parsed: map[string][]goFile{}}
	e.base = e.dir
	if len(e.in.Modules) > 0 {
		e.base = e.in.Modules[0].Dir
	}
	if b.env.GOWORK != "" {
		e.work = filepath.Dir(b.env.GOWORK)
	}
	return e
}

// explain makes a problem of what a go command that failed has written.
func (e *explainer) explain(kind problem.Kind, command, output string) *problem.Problem {
	return e.problem(kind, command, parse(output), output)
}

// explainVet makes a problem of what go vet has found; nil if nothing of it counts.
func (e *explainer) explainVet(command, output string) *problem.Problem {
	findings := slices.DeleteFunc(parse(output), func(f finding) bool {
		switch {
		case f.unchecked || f.file == "" || strings.HasSuffix(f.file, "_test.go"):
			return true
		case f.vetted || f.pkg == "":
			return false
		}
		// The compiler has named the package. Findings of go vet in others may follow without a name.
		return filepath.Dir(e.path(f.file)) == e.dirs[f.pkg]
	})
	if len(findings) == 0 {
		return nil
	}
	e.sort(findings) // they come in any order
	var counting strings.Builder
	for _, f := range findings {
		fmt.Fprintf(&counting, "%s:%d:%d: %s\n", f.file, f.line, f.column, f.text)
	}
	return e.problem(problem.Vet, command, findings, counting.String())
}

func (e *explainer) problem(kind problem.Kind, command string, findings []finding, output string) *problem.Problem {
	if slices.ContainsFunc(findings, func(f finding) bool { return f.class != warning }) {
		findings = slices.DeleteFunc(findings, func(f finding) bool { return f.class == warning })
	}
	if len(findings) == 0 {
		text := strings.TrimSpace(clean(output))
		if text == "" {
			text = command + " has failed without a word"
		}
		findings = []finding{{class: other, text: cut(text, maxTextBytes)}}
	}
	for i := range findings {
		e.locate(&findings[i])
	}
	e.sort(findings)
	total := len(findings)
	p := &problem.Problem{Kind: kind, Command: command, Output: clean(steady(output)), Time: time.Now()}
	if total > maxMessages {
		p.Hint = fmt.Sprintf("The first %d of %d are shown; the others may follow from them.", maxMessages, total)
		findings = findings[:maxMessages]
	}
	for _, f := range findings {
		p.Messages = append(p.Messages, e.message(f))
	}
	p.Title = title(total, findings[0], p.Messages)
	p.Identify()
	return p
}

// sort puts the most useful finding first.
func (e *explainer) sort(findings []finding) {
	rank := func(f finding) int { // of its file, the last changed first
		if i := slices.Index(e.recent, e.path(f.file)); i >= 0 && f.file != "" {
			return i
		}
		return len(e.recent)
	}
	// Among the classes from imports to other what is new is worth more than the class.
	stage := func(f finding) class {
		if f.class > imports && f.class <= other {
			return checking
		}
		return f.class
	}
	slices.SortStableFunc(findings, func(x, y finding) int {
		return cmp.Or(cmp.Compare(stage(x), stage(y)), cmp.Compare(rank(x), rank(y)), cmp.Compare(x.class, y.class),
			// The order of packages is by chance.
			strings.Compare(x.file, y.file), cmp.Compare(x.line, y.line), cmp.Compare(x.column, y.column))
	})
}

// title is a problem in one line.
func title(total int, first finding, messages []problem.Message) string {
	switch {
	case first.class == imports && isCycle(first.stack):
		return "Packages import each other in a circle"
	case first.class == linking:
		return "The program cannot be linked"
	case first.class == modules && first.file == "":
		return "The modules cannot be loaded"
	}
	mistakes := "1 mistake"
	if total != 1 {
		mistakes = fmt.Sprintf("%d mistakes", total)
	}
	files, dirs := map[string]bool{}, map[string]bool{}
	for _, m := range messages {
		if m.File != "" {
			files[m.File], dirs[path.Dir(m.File)] = true, true
		}
	}
	switch {
	case len(files) == 0:
		return mistakes
	case len(files) == 1:
		return mistakes + " in " + slices.Collect(maps.Keys(files))[0]
	case len(dirs) == 1 && !dirs["."]:
		return mistakes + " in " + slices.Collect(maps.Keys(dirs))[0]
	}
	return fmt.Sprintf("%s in %d files", mistakes, len(files))
}

// message makes a finding readable.
func (e *explainer) message(f finding) problem.Message {
	m := problem.Message{File: f.file, Line: f.line, Column: f.column, Text: clean(f.text)}
	if f.file != "" {
		if m.Path = e.path(f.file); m.Path != "" {
			m.File = e.relative(m.Path)
			m.Excerpt = problem.ExcerptOf(m.Path, f.line, around)
		}
		m.File = clean(filepath.ToSlash(m.File))
	}
	m.Text, m.Hint = e.advice(f, m)
	if strings.TrimSpace(m.Text) == "" {
		m.Text = "a mistake without a text"
	}
	for _, r := range f.related {
		m.Related = append(m.Related, e.related(r))
	}
	return m
}

func (e *explainer) related(r related) string {
	name := r.file
	if p := e.path(r.file); p != "" {
		name = e.relative(p)
	}
	s := filepath.ToSlash(name)
	if r.line > 0 {
		s += fmt.Sprintf(":%d", r.line)
	}
	if r.column > 0 {
		s += fmt.Sprintf(":%d", r.column)
	}
	return clean(s + ": " + r.text)
}

// path is the absolute path of a file as the go command names it; "" if there is no such file.
func (e *explainer) path(file string) string {
	if file == "" {
		return ""
	}
	found, ok := e.files[file]
	if ok {
		return found
	}
	if p := inDir(e.dir, file); isFile(p) {
		found = p
	} else if filepath.Base(file) == file {
		// go list names some files without their directory.
		dirs := map[string]bool{e.in.MainDir: true}
		for _, p := range e.in.Packages {
			dirs[p.Dir] = true
		}
		var all []string
		for dir := range dirs {
			if p := filepath.Join(dir, file); dir != "" && isFile(p) {
				all = append(all, p)
			}
		}
		if len(all) == 1 {
			found = all[0]
		}
	}
	e.files[file] = found
	return found
}

// relative is an absolute path for people: relative to the program's module, the workspace, or else with the
// path of its module.
func (e *explainer) relative(path string) string {
	short := func(dir, prefix string) (string, bool) {
		if dir == "" || !within(dir, path) {
			return "", false
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return "", false
		}
		return prefix + filepath.ToSlash(rel), true
	}
	if s, ok := short(e.base, ""); ok {
		return s
	}
	if s, ok := short(e.work, ""); ok {
		return s
	}
	for _, m := range e.in.Modules {
		if s, ok := short(m.Dir, m.Path+"/"); ok && m.Path != "" {
			return s
		}
	}
	if s, ok := short(e.in.ModCache, ""); ok {
		return s
	}
	if s, ok := short(filepath.Join(e.in.GoRoot, "src"), ""); ok && e.in.GoRoot != "" {
		return s
	}
	return filepath.ToSlash(path)
}

// notProgram is the problem of a package that is not main any more.
func (e *explainer) notProgram() *problem.Problem {
	f := finding{class: imports, text: e.name + " is no program: a program is in a package main"}
	files, _ := filepath.Glob(filepath.Join(globSafe(e.in.MainDir), "*.go")) // no pattern error: it is escaped
	for _, file := range files {
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, file, nil, parser.PackageClauseOnly)
		if err != nil || strings.HasSuffix(file, "_test.go") || parsed.Name.Name == "main" {
			continue
		}
		at := set.Position(parsed.Name.Pos())
		f.place = place{file, at.Line, at.Column}
		f.text = fmt.Sprintf("package %s is no program: that is in a package main", parsed.Name.Name)
		break
	}
	return e.problem(problem.Build, "go build "+e.name, []finding{f}, "")
}

// globSafe escapes what filepath.Glob would take for a pattern.
func globSafe(dir string) string {
	if filepath.Separator == '\\' {
		return dir // there is no escape on Windows, where brackets are rare
	}
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}
