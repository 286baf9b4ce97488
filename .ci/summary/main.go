// Command summary reads what go test -json writes and prints what a person wants
// to know of it: a line for each package, the whole output of each test that
// failed, the reason of each that was skipped, and last the counts.
//
// It exits with 1 if anything failed, and with -strict also if a test was
// skipped that the file of -may-skip does not name.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	strict := flag.Bool("strict", false, "a skipped test is a failure")
	maySkip := flag.String("may-skip", "", "file of the tests that may be skipped even so")
	flag.Parse()

	allowed, err := readAllowed(*maySkip)
	if err != nil {
		fmt.Fprintln(os.Stderr, "summary:", err)
		os.Exit(2)
	}
	s := newSummary(os.Stdout)
	if err := s.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "summary:", err)
		os.Exit(2)
	}
	if !s.finish(*strict, allowed) {
		os.Exit(1)
	}
}
