// Package source finds the lines of source code around the frames of a failure.
//
// It looks in the source that the application has embedded, else in the files that the program was
// compiled from, if they are unchanged since, and for libraries in the module cache and in Go's own
// tree. Where it cannot be sure that what it would show is what failed, it shows nothing and says why.
//
// To carry its source with it, an application needs one line in a package at the root of its module:
//
//	package microblog
//
//	import "embed"
//
//	//go:embed cmd/*/*.go internal/*/*.go internal/*/*/*.go
//	var Source embed.FS
//
// and gives it to the Finder:
//
//	finder := source.New(source.Options{FS: microblog.Source})
//
// Each pattern must match a file, and none may reach into a module within the module. A program whose
// package main is the root of its module writes go:embed *.go there.
package source

import (
	"errors"
	"io/fs"
	"time"

	"example.org/microblog/fault"
)

// Options configure a Finder. Its zero value finds what the running build itself tells the place of.
type Options struct {
	// Module is the path of the application's module; "" is the running program's main module.
	Module string
	// FS holds the source of Module, as embedded into the running program. Its root is the module's.
	FS fs.FS
	// Dir is where the source of Module lies on this machine; "" is where it was compiled, which is
	// known from the caller of New unless the program was built with -trimpath.
	Dir string
	// Build is the running program's; the zero Build is what fault.ReadBuild returns.
	Build fault.Build
	// Built is when the program was built; the zero time is the modification time of its executable.
	// A file that is newer is not shown.
	Built time.Time
	// GoRoot and ModCache are the directories of Go's own tree and of the module cache; "" is where
	// they were when the program was compiled, else what the environment says.
	GoRoot, ModCache string
}

// Excerpt is some lines of a file.
type Excerpt struct {
	Lines []Line
	// From says in a few words where they were found, such as "embedded source".
	From string
}

// Line is one line of a file, valid UTF-8 without its end and with its tabs.
type Line struct {
	Number int // counted from 1
	Text   string
	Hit    bool // this is the line of the frame
}

// Why there are no lines. The text of a returned error says more, and is fit to be shown.
var (
	ErrOtherBuild = errors.New("of another build") // the frame is not of the running build
	ErrChanged    = errors.New("changed")          // the file is newer than the program
	ErrNotFound   = errors.New("not found")        // neither embedded nor on this machine
	ErrRefused    = errors.New("refused")          // outside of the known directories, or not source code
)
