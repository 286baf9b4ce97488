package build

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// fileList is the import path of a package that is given as a list of files.
const fileList = "command-line-arguments"

// usageCode is the exit code by which the go command says that it was called wrongly.
const usageCode = 2

// programsLimit bounds the search for programs that an error names.
const programsLimit = 5 * time.Second

// prepare checks what can be checked without the go command.
func prepare(o Options) (*Builder, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("the working directory: %w", err)
	}
	if info, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("the working directory: %w", err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("the working directory %s is a file", dir)
	}
	if err := checkFlags(o.Flags); err != nil {
		return nil, err
	}
	spec, err := packageSpec(dir, o.Package)
	if err != nil {
		return nil, err
	}
	path, err := exec.LookPath("go")
	if err != nil {
		return nil, ErrNoGo
	}
	env := o.Env
	if env == nil {
		env = os.Environ()
	}
	// The go command names files by the working directory's name in PWD.
	env = append(slices.Clone(env), "PWD="+dir)
	return &Builder{command: command{path: path, dir: dir, env: env}, spec: spec}, nil
}

// packageSpec splits what names the package: it is one, or files.
func packageSpec(dir, name string) ([]string, error) {
	name = strings.TrimSpace(name)
	wrong := func(text string) error { return &PackageError{Package: name, Text: text} }
	switch {
	case name == "":
		return []string{"."}, nil
	case strings.HasPrefix(name, "-"):
		return nil, wrong("a package's name begins with no dash")
	case name == "all" || name == "std" || name == "cmd" || name == "tool" || name == "work" || strings.Contains(name, "..."):
		return nil, wrong("it is a pattern; name one package, like ./cmd/app")
	case strings.Contains(name, "@"):
		return nil, wrong("it names a version; `fault run` runs what you work on, in the working directory")
	}
	if _, err := os.Stat(inDir(dir, name)); err == nil {
		return []string{name}, nil
	}
	words := strings.Fields(name)
	if len(words) == 1 && !strings.HasSuffix(name, ".go") {
		return words, nil
	}
	for _, w := range words {
		if !strings.HasSuffix(w, ".go") {
			return nil, wrong("name one package, or Go files only")
		}
		if _, err := os.Stat(inDir(dir, w)); errors.Is(err, fs.ErrNotExist) {
			return nil, wrong(fmt.Sprintf("there is no file %s in %s", w, dir))
		}
	}
	return words, nil
}

// checkFlags refuses flags that make something else of go build.
func checkFlags(flags []string) error {
	for _, f := range flags {
		switch flagName(f) {
		case "o", "C", "n", "x", "v", "c", "json", "work", "buildmode", "compiler":
			return &FlagError{Flags: []string{f}, Text: "`fault run` has its own use for that"}
		}
	}
	return nil
}

// flagName is the name of a flag as it is written: -race, --tags=x.
func flagName(arg string) string {
	if !strings.HasPrefix(arg, "-") {
		return ""
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(arg[1:], "-"), "=")
	return name
}

func hasFlag(flags []string, name string) bool {
	return slices.ContainsFunc(flags, func(f string) bool { return flagName(f) == name })
}

// mergeTags returns all build tags, separated by commas, and flags without those that name tags. As for the go
// command, tags in flags replace those in GOFLAGS.
func mergeTags(goflags string, flags, tags []string) (string, []string) {
	own, rest := takeTags(flags)
	if own == nil {
		own, _ = takeTags(strings.Fields(goflags))
	}
	var all []string
	for _, t := range slices.Concat([]string{DevelopmentTag}, own, tags) {
		for _, t := range strings.FieldsFunc(t, func(r rune) bool { return r == ',' || r == ' ' }) {
			if !slices.Contains(all, t) {
				all = append(all, t)
			}
		}
	}
	return strings.Join(all, ","), rest
}

// takeTags returns the last value of -tags, nil if there is none, and the other flags.
func takeTags(flags []string) (tags, rest []string) {
	for i := 0; i < len(flags); i++ {
		if flagName(flags[i]) != "tags" {
			rest = append(rest, flags[i])
			continue
		}
		_, value, found := strings.Cut(flags[i], "=")
		if !found && i+1 < len(flags) {
			i++
			value = flags[i]
		}
		tags = []string{strings.Trim(value, `'"`)}
	}
	return tags, rest
}

func (b *Builder) readEnv(ctx context.Context) error {
	r, err := b.command.run(ctx, "env", "-json", "GOFLAGS", "GOMOD", "GOWORK", "GOROOT", "GOMODCACHE")
	if err != nil {
		return fmt.Errorf("asking the go command for its settings: %w", err)
	}
	if r.code != 0 {
		return fmt.Errorf("the go command does not work here: %s", clean(r.all()))
	}
	if err := json.Unmarshal(r.stdout, &b.env); err != nil {
		return fmt.Errorf("the settings of the go command: %w", err)
	}
	if b.env.GOMOD == os.DevNull {
		b.env.GOMOD = ""
	}
	if b.env.GOWORK == "off" {
		b.env.GOWORK = ""
	}
	return nil
}

// checkPackage lists the package for the first time, and sees that it is a program.
func (b *Builder) checkPackage(ctx context.Context) error {
	l, err := b.list(ctx)
	if err != nil {
		return err
	}
	b.remember(l)
	wrong := func(text string) error {
		e := &PackageError{Package: b.name(), Text: text, Programs: b.programs(ctx)}
		if s := b.suggestion(); s != "" {
			e.Programs = []string{s}
		}
		return e
	}
	if l.failed() {
		switch {
		case l.code == usageCode:
			return &FlagError{Flags: b.flags, Text: firstLine(l.said)}
		case b.env.GOMOD == "" && b.env.GOWORK == "":
			return wrong(fmt.Sprintf("%s is in no module; `go mod init NAME` makes it one", b.command.dir))
		}
		return nil // go.mod is broken
	}
	main := l.roots()
	if len(main) != 1 {
		return wrong(fmt.Sprintf("it names %d packages; name one", len(main)))
	}
	p := main[0]
	switch {
	case p.Dir == "" || p.Name == "" && !p.unreadable():
		text := "there is no such package"
		if p.Dir == "" && strings.HasPrefix(b.spec[0], ".") {
			text = "there is no directory " + inDir(b.command.dir, b.spec[0])
		} else if p.Error != nil {
			text = p.Error.Err
		}
		return wrong(text)
	case p.Name != "" && p.Name != "main" && len(p.InvalidGoFiles) == 0:
		return wrong(fmt.Sprintf("it is the package %s, which other packages import; a program is in a package main", p.Name))
	}
	return nil
}

// unreadable says that the package has Go files, but the head of one is broken.
func (p listed) unreadable() bool {
	return len(p.InvalidGoFiles) > 0 || len(p.IgnoredGoFiles) == 0 && len(goNames(p.Dir)) > 0
}

// suggestion is the package when it is a directory and lacks the ./ that the go command asks for.
func (b *Builder) suggestion() string {
	if len(b.spec) != 1 || strings.HasPrefix(b.spec[0], ".") || filepath.IsAbs(b.spec[0]) {
		return ""
	}
	if info, err := os.Stat(inDir(b.command.dir, b.spec[0])); err != nil || !info.IsDir() {
		return ""
	}
	return "./" + filepath.ToSlash(filepath.Clean(b.spec[0]))
}

// programs names the programs below the working directory, as far as they are found in time.
func (b *Builder) programs(ctx context.Context) []string {
	const most = 8
	ctx, cancel := context.WithTimeout(ctx, programsLimit)
	defer cancel()
	r, err := b.command.run(ctx, "list", "-e", "-tags="+b.tags, "-f", `{{if eq .Name "main"}}{{.Dir}}{{end}}`, "./...")
	if err != nil {
		return nil
	}
	var found []string
	for _, dir := range strings.Fields(string(r.stdout)) {
		rel, err := filepath.Rel(b.command.dir, dir)
		if err != nil {
			continue
		}
		if rel = filepath.ToSlash(rel); rel != "." {
			rel = "./" + rel
		}
		found = append(found, rel)
	}
	if len(found) > most {
		found = append(found[:most], "…")
	}
	return found
}

// inDir is the path of a file that is named from within dir.
func inDir(dir, name string) string {
	name = filepath.FromSlash(name)
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(dir, name)
}
