package main

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// firstText is what stands in the application's files where the edits write.
const firstText = "FIRST"

//go:embed testdata/notes
var notesFiles embed.FS

// notesModule is the application's go.mod, which cannot be embedded: the go command takes the
// directory of one for a module of its own.
const notesModule = "module example.org/notes\n\ngo 1.25\n"

// edit is one kind of change to the application, and where its effect is seen.
type edit struct {
	name   string
	file   string
	path   string // the page that shows the file's text
	broken bool   // a mistake is saved first; what counts is the save after it
	aim    string
}

// edits are all kinds, as the tables name them.
func edits() []edit {
	const greeting = "internal/notes/greeting.go"
	return []edit{
		{name: "Go code", file: greeting, path: "/", aim: "≤ half of air"},
		{name: "Go code, mended after a mistake", file: greeting, path: "/", broken: true, aim: "≤ half of air"},
		{name: "template that is parsed at the start", file: "templates/home.html", path: "/", aim: "≤ 0.1 s"},
		{name: "template that is parsed for each request", file: "templates/about.html", path: "/about", aim: "≤ 0.1 s"},
		{name: "stylesheet", file: "static/style.css", path: "/static/style.css", aim: "≤ 0.1 s"},
	}
}

// saves is how many times a file is saved.
func (e edit) saves() int {
	if e.broken {
		return 2
	}
	return 1
}

// with returns the file with the text in place.
func (e edit) with(text string) ([]byte, error) {
	original, err := e.original()
	return []byte(strings.ReplaceAll(string(original), firstText, text)), err
}

// without returns the file, which is Go code, with a name that does not exist in place of its text.
func (e edit) without(name string) ([]byte, error) {
	original, err := e.original()
	return []byte(strings.ReplaceAll(string(original), `"`+firstText+`"`, name)), err
}

func (e edit) original() ([]byte, error) {
	return fs.ReadFile(notesFiles, "testdata/notes/"+e.file)
}

// writeNotes makes the application in dir, which must not exist yet.
func writeNotes(dir string) error {
	files, err := fs.Sub(notesFiles, "testdata/notes")
	if err != nil {
		return fmt.Errorf("writing the application: %w", err)
	}
	if err := os.CopyFS(dir, files); err != nil {
		return fmt.Errorf("writing the application: %w", err)
	}
	if err := writeLeash(dir); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(notesModule), 0o666); err != nil {
		return fmt.Errorf("writing the application: %w", err)
	}
	return nil
}
