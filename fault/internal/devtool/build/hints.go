package build

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"example.org/microblog/fault/internal/devtool/problem"
)

// advice returns the text of a message without the commands that it ends with, and what to do.
func (e *explainer) advice(f finding, m problem.Message) (text, hint string) {
	text, command := takeCommand(m.Text)
	switch {
	case f.class == modules || f.class == imports:
		hint = e.importHint(f, text, command)
	case f.class == checking:
		hint = e.nameHint(m)
	}
	for _, k := range hints {
		if hint != "" {
			break
		}
		if found := k.text.FindStringSubmatchIndex(text); found != nil {
			hint = string(k.text.ExpandString(nil, k.hint, text, found))
		}
	}
	if hint == "" && command != "" {
		hint = "Run: " + command
	}
	return text, hint
}

// goCommand is a line of a message that tells what to run.
var goCommand = regexp.MustCompile(`(?m);? ?(?:to add it|to add|to update it|To specify the module path|to match)?:?\n[\t ]+(go (?:get|mod|work|env|install) [^\n]+)$`)

// takeCommand splits a message from the command that it advises.
func takeCommand(text string) (rest, command string) {
	m := goCommand.FindStringSubmatchIndex(text)
	if m == nil {
		return text, ""
	}
	return strings.TrimRight(text[:m[0]]+text[m[1]:], ".: "), text[m[2]:m[3]]
}

// missingPackage is the import path of a package that cannot be found.
var missingPackage = regexp.MustCompile(`no required module provides package ([^\s;:]+)|^package (\S+) is not in std|module \S+ found[^,]*, but does not contain package (\S+)|cannot find (?:module providing )?package "?([^\s":]+)`)

// importHint tells what to do about a package or a module that is not there.
func (e *explainer) importHint(f finding, text, command string) string {
	if isCycle(f.stack) {
		return "Move what both need to a package of its own, or let one of them take an interface."
	}
	m := missingPackage.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	missing := strings.Join(m[1:], "") // one of them has matched
	for _, own := range e.in.Modules {
		if rest, ok := strings.CutPrefix(missing, own.Path+"/"); ok && own.Path != "" {
			dir := inDir(own.Dir, rest)
			hint := "There is no package in " + e.relative(dir) + "."
			if near := nearest(filepath.Base(dir), directories(filepath.Dir(dir))); near != "" {
				hint += " Did you mean " + missing[:len(missing)-len(filepath.Base(dir))] + near + "?"
			}
			return hint
		}
		if dir := inDir(own.Dir, missing); own.Path != "" && len(goNames(dir)) > 0 {
			return fmt.Sprintf("An import path begins with that of the module: %q", own.Path+"/"+missing)
		}
	}
	if command != "" {
		return "Run: " + command
	}
	if first, _, _ := strings.Cut(missing, "/"); !strings.Contains(first, ".") {
		dir := filepath.Join(e.in.GoRoot, "src", filepath.FromSlash(missing))
		if near := nearest(filepath.Base(dir), directories(filepath.Dir(dir))); near != "" {
			return "Did you mean " + missing[:len(missing)-len(filepath.Base(dir))] + near + "?"
		}
		return "Only packages of Go itself have a path whose first element has no dot."
	}
	return ""
}

// hints are for well-known messages; $1 is what the first group has matched.
var hints = []struct {
	text *regexp.Regexp
	hint string
}{
	{regexp.MustCompile(`^declared and not used: (\S+)`), "Use $1 or take it out. While you try something: _ = $1"},
	{regexp.MustCompile(`^"\S+" imported (?:as \S+ )?and not used`), "Take the import out; only for what its init does, write _ before it."},
	{regexp.MustCompile(`^missing return`), "Each way through the function ends with a return or a panic."},
	{regexp.MustCompile(`\(method (\S+) has pointer receiver\)`), "$1 is a method of the pointer: write & before the value."},
	{regexp.MustCompile(`\(unexported method (\S+)\)`), "Only types of the interface's own package can have its method $1."},
	{regexp.MustCompile(`(\S+) does not implement [^(]+\(missing method (\S+)\)`), "Give $1 the method $2."},
	{regexp.MustCompile(`\(wrong type for method (\S+)\)`), "There is a $1, with other parameters or results."},
	{regexp.MustCompile(`is a pointer to interface, not interface`), "An interface needs no pointer: take the * away."},
	{regexp.MustCompile(`not exported by package`), "Other packages see only names that begin with a capital letter."},
	{regexp.MustCompile(`no new variables on left side of :=`), "They are declared already: write = in place of :=."},
	{regexp.MustCompile(`^assignment mismatch: `), "There has to be one name for each value; _ takes one that is not needed."},
	{regexp.MustCompile(`\(mismatched types (\S+) and \S+\)`), "Both sides need one type: convert one of them, like $1(x)."},
	{regexp.MustCompile(`(\S+) redeclared in this block`), "Rename or remove one of them."},
	{regexp.MustCompile(`^invalid recursive type`), "A pointer, a slice or a map ends the circle."},
	{regexp.MustCompile(`non-declaration statement outside function body`), "Outside of functions only var, const, type, func and import can stand; := cannot."},
	{regexp.MustCompile(`requires go1\.[0-9]+ or later \(file declares`), "Change the //go:build line of the file."},
	{regexp.MustCompile(`requires go(1\.[0-9]+) or later`), "Run: go mod edit -go=$1"},
	{regexp.MustCompile(`^pattern \S+: no matching files found`), "A pattern is relative to the directory of this file, and leaves out files that begin with . or _."},
	{regexp.MustCompile(`^pattern \S+: invalid pattern syntax`), "A pattern uses / and cannot lead out of this directory."},
	{regexp.MustCompile(`go:embed .*import "embed"`), `Add: import _ "embed"`},
	{regexp.MustCompile(`use of internal package`), "A package below a directory internal can be imported only from the tree that holds that directory."},
	{regexp.MustCompile(`is a program, not an importable package`), "Move what is needed to a package of its own."},
	{regexp.MustCompile(`^found packages `), "All files of a directory belong to one package; tests may be of its name with _test."},
	{regexp.MustCompile(`is no program: `), "Write: package main"},
	{regexp.MustCompile(`build constraints exclude all Go files`), "Look at the //go:build lines, the ends of the file names (_linux.go), and whether they need cgo and there is no C compiler."},
	{regexp.MustCompile(`requires go >= (\S+)`), "Install Go $1, or let the go command fetch it: GOTOOLCHAIN=auto"},
	{regexp.MustCompile(`replacement directory (\S+) does not exist`), "Correct the replace line in go.mod; relative paths in it begin at its directory."},
	{regexp.MustCompile(`\(replaced by ([^)]+)\)`), "The replace line in go.mod leads to $1, which is no module."},
	{regexp.MustCompile(`listed in go\.work file`), "Correct the use line in go.work."},
	{regexp.MustCompile(`no space left on device`), "Make room on the disk; go clean -cache empties the build cache."},
	{regexp.MustCompile(`function main is undeclared`), "Write func main() in one file of the package."},
	{regexp.MustCompile(`relocation target (\S+) not defined`), "$1 is declared without a body, and no file defines it."},
	{regexp.MustCompile(`undefined reference to \W?(\w+)|symbol\(s\) not found`), "No C file or library defines $1; a library is named by #cgo LDFLAGS: -lNAME"},
	{regexp.MustCompile(`could not determine what C\.(\S+) refers to`), `Neither the comment above import "C" nor a header that it includes declares $1.`},
	{regexp.MustCompile(`^(\S+\.h)\S*: No such file|^'(\S+)' file not found`), "Install what the header $1$2 belongs to, or name its directory by #cgo CFLAGS: -IDIR"},
	{regexp.MustCompile(`C compiler .* not found|executable file not found in`), "cgo needs a C compiler; without one, CGO_ENABLED=0 leaves out what is written in C."},
}
