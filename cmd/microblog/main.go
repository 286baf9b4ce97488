// Command microblog is a self-hosted microblog in one binary.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"example.org/microblog/internal/cli"
)

func main() {
	stop, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// After the first signal the second one ends the process the hard way.
	context.AfterFunc(stop, cancel)

	os.Exit(cli.Main(stop, os.Args[1:], cli.Streams{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		LookupEnv: os.LookupEnv,
	}))
}
