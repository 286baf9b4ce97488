// Command fault is the developer's companion of the fault kit.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	stop, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	// After the first signal the second one ends the process the hard way.
	context.AfterFunc(stop, cancel)

	os.Exit(run(stop, os.Args[1:], streams{out: os.Stdout, err: os.Stderr}))
}
