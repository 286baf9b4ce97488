package main

import (
	"fmt"
	"strings"

	"example.org/microblog/fault/internal/devtool/verify"
	"example.org/microblog/fault/internal/visible"
)

// maxSymbols is how many functions are named for each binary.
const maxSymbols = 20

// verifyCommand is fault verify.
type verifyCommand struct {
	Binaries []string `arg:"" name:"binary" help:"A program that was built with Go, of any system and architecture, stripped or not."`
}

// Help is what --help says besides the flags.
func (verifyCommand) Help() string {
	return `It reads the table of functions that every Go program carries, and what the program says about its own build. A release must not have been built with the tags faultdev or faulthook, nor with the runtime that fault run gives to programs, and must have no function of the packages that are for development:

  ` + strings.Join(verify.Packages(), "\n  ") + `

It exits with 0 if every binary is fit for a release, with 1 if one is not or cannot be judged.`
}

// Run judges each binary.
func (c *verifyCommand) Run(s streams) error {
	unfit := 0
	for _, path := range c.Binaries {
		report, err := verify.File(path, verify.Packages())
		switch {
		case err != nil:
			fmt.Fprintln(s.err, visible.Line(err.Error()))
			unfit++
		case report.Development():
			fmt.Fprint(s.err, developmentText(path, report))
			unfit++
		default:
			if _, err := fmt.Fprint(s.out, releaseText(path, report)); err != nil {
				return err
			}
		}
	}
	switch {
	case unfit == 0:
		return nil
	case len(c.Binaries) == 1:
		return fmt.Errorf("%s is not fit for a release", visible.Line(c.Binaries[0]))
	}
	return fmt.Errorf("%d of %d binaries are not fit for a release", unfit, len(c.Binaries))
}

// releaseText says that a binary is as it should be.
func releaseText(path string, r verify.Report) string {
	text := fmt.Sprintf("%s: no code for development in %d functions%s\n", visible.Line(path), r.Functions, buildText(r))
	if r.Unoptimised {
		text += "  It was built without optimisation (-gcflags=-N), as for a debugger: that is slow, but no danger.\n"
	}
	return text
}

// developmentText says what is in a binary that must not be there.
func developmentText(path string, r verify.Report) string {
	var b strings.Builder
	if len(r.Symbols) == 0 {
		fmt.Fprintf(&b, "%s: built with the tag %s, which is for development%s\n", visible.Line(path), strings.Join(r.Tags, " and "), buildText(r))
	} else {
		fmt.Fprintf(&b, "%s: code for development is linked into it%s:\n", visible.Line(path), buildText(r))
	}
	for i, name := range r.Symbols {
		if i == maxSymbols {
			fmt.Fprintf(&b, "  … and %d more\n", len(r.Symbols)-i)
			break
		}
		fmt.Fprintf(&b, "  %s\n", visible.Line(name))
	}
	switch {
	case len(r.Tags) > 0:
		fmt.Fprintf(&b, "  Build it without -tags %s; GOFLAGS may hold that too.\n", strings.Join(r.Tags, ","))
	case !r.Hooked:
		b.WriteString("  Something imports those packages without the build constraint faultdev.\n")
	}
	if r.Hooked {
		b.WriteString("  Its runtime is the one that fault run gives to programs. Build it without -overlay; GOFLAGS may hold that too.\n")
	}
	return b.String()
}

// buildText is what a binary says about its build, in brackets.
func buildText(r verify.Report) string {
	var known []string
	for _, one := range []string{r.GoVersion, r.System} {
		if one != "" {
			known = append(known, visible.Line(one))
		}
	}
	if len(known) == 0 {
		return ""
	}
	return " (" + strings.Join(known, ", ") + ")"
}
