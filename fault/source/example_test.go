package source_test

import (
	"embed"
	"fmt"
	"strings"

	"example.org/microblog/fault"
	"example.org/microblog/fault/source"
	"example.org/microblog/fault/trace"
)

// In an application this is in a package at the root of its module, with all of its source.
//
//go:embed *.go
var ownSource embed.FS

func Example() {
	finder := source.New(source.Options{
		Module: "example.org/microblog/fault/source", // An application leaves this out.
		FS:     ownSource,
	})
	here := trace.Callers(0, 1)[0]
	excerpt, err := finder.Lines(here, fault.ReadBuild(), 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(excerpt.From)
	for _, line := range excerpt.Lines {
		mark := " "
		if line.Hit {
			mark = ">"
		}
		fmt.Println(mark, strings.TrimSpace(line.Text))
	}
	// Output:
	// embedded source
	//   })
	// > here := trace.Callers(0, 1)[0]
	//   excerpt, err := finder.Lines(here, fault.ReadBuild(), 1)
}
