package process

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"example.org/microblog/fault/internal/devtool/problem"
)

// templateError is what text/template and html/template say: "template: base.html:12:5: executing …".
var templateError = regexp.MustCompile(`template: ?([^:\n"]+):(\d+)(?::(\d+))?: ([^\n]+)`)

// templateMessage finds an error of a template in a text, and its file.
func (s Source) templateMessage(text string) (problem.Message, bool) {
	found := templateError.FindStringSubmatch(text)
	if found == nil {
		return problem.Message{}, false
	}
	line, err := strconv.Atoi(found[2])
	if err != nil || line == 0 {
		return problem.Message{}, false
	}
	m := problem.Message{Text: found[4], File: found[1], Line: line, Hint: templateHint(found[4])}
	if column, err := strconv.Atoi(found[3]); err == nil {
		m.Column = column + 1 // A template counts from 0.
	}
	files := s.templates(found[1], line, found[4])
	if len(files) == 0 {
		return m, true
	}
	m.Path = files[0]
	_, m.File, _ = s.find(m.Path)
	m.Excerpt = s.excerpt(m.Path, line)
	for _, other := range files[1:] {
		if _, rel, ok := s.find(other); ok {
			m.Related = append(m.Related, fmt.Sprintf("%s:%d: it could also be this file of the same name", rel, line))
		}
	}
	return m, true
}

// quoted is what a template's error says of its source.
var quoted = regexp.MustCompile(`<([^>\n]+)>|"([^"\n]+)"`)

// templates returns the files below the module's directory that may be the template of that name, the
// likeliest first: those that have, in that line, what the error speaks of.
func (s Source) templates(name string, line int, text string) []string {
	const maxFiles, maxFound = 20_000, 10
	var said []string
	for _, m := range quoted.FindAllStringSubmatch(text, -1) {
		said = append(said, cmp.Or(m[1], m[2]))
	}
	type candidate struct {
		file  string
		score int
	}
	var found []candidate
	seen := 0
	name = path.Clean("/" + filepath.ToSlash(name))
	_ = filepath.WalkDir(s.Dir, func(file string, d fs.DirEntry, err error) error {
		if seen++; seen > maxFiles || len(found) == maxFound {
			return fs.SkipAll
		}
		if err != nil {
			return nil // What cannot be read is not the one.
		}
		if d.IsDir() {
			if file != s.Dir && skipped(d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(filepath.ToSlash(file), name) {
			return nil
		}
		lines := strings.Split(string(s.text(file)), "\n")
		if line > len(lines) {
			return nil
		}
		c := candidate{file: file}
		for _, what := range said {
			if strings.Contains(lines[line-1], what) {
				c.score++
			}
		}
		found = append(found, c)
		return nil
	}) // It returns what the function returns, which is nothing.
	slices.SortStableFunc(found, func(a, b candidate) int {
		return cmp.Or(b.score-a.score, len(a.file)-len(b.file))
	})
	var files []string
	for _, c := range found {
		if c.score == found[0].score {
			files = append(files, c.file)
		}
	}
	return files
}

// skipped are directories in which no source of an application lies.
func skipped(name string) bool {
	return strings.HasPrefix(name, ".") || name == "node_modules" || name == "vendor"
}

func templateHint(text string) string {
	switch {
	case strings.HasPrefix(text, "function ") && strings.HasSuffix(text, " not defined"):
		return "Give it to the template with Funcs, before Parse."
	case strings.Contains(text, "can't evaluate field"):
		return "The data that the template is executed with has no such exported field or method."
	case strings.HasPrefix(text, "unexpected EOF"):
		return "A {{if}}, {{range}}, {{with}}, {{define}} or {{block}} has no {{end}}."
	case strings.HasPrefix(text, "unexpected {{end}}"):
		return "There is one {{end}} more than there is {{if}}, {{range}}, {{with}}, {{define}} or {{block}}."
	case strings.HasPrefix(text, "no such template"), strings.Contains(text, " not defined"):
		return "No file that was parsed defines it; mind that ParseFiles names a template by its file without the directory."
	}
	return ""
}

// codePlace is a place in Go code as programs write it: "main.go:12".
var codePlace = regexp.MustCompile(`((?:\b[A-Za-z]:)?[\w./\\~@+-]+\.go):(\d+)`)

// placeIn finds the first place in a text that is in the application's own source.
func (s Source) placeIn(text string) (rel, file string, line int) {
	for _, m := range codePlace.FindAllStringSubmatch(text, 5) {
		line, err := strconv.Atoi(m[2])
		if err != nil || line == 0 {
			continue
		}
		file := filepath.FromSlash(m[1])
		if !filepath.IsAbs(file) {
			file = s.only(file)
		}
		if _, rel, ok := s.find(file); ok {
			return rel, file, line
		}
	}
	return "", "", 0
}

// only returns the one file below the module's directory whose name ends like that, "" if there is none
// or more than one.
func (s Source) only(name string) string {
	if direct := filepath.Join(s.Dir, name); filepath.IsLocal(name) {
		if _, err := os.Stat(direct); !errors.Is(err, fs.ErrNotExist) {
			return direct
		}
	}
	files := s.templates(name, 1, "")
	if len(files) != 1 {
		return ""
	}
	return files[0]
}
