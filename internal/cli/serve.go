package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"example.org/microblog/internal/app"
)

// serveCommand is microblog serve.
type serveCommand struct {
	Drill bool `help:"Mount /drill, which fails on purpose: to see the error page, the log and the mails at work. Anyone who can reach the server can use it."`
}

// Run serves until ctx is done.
func (c *serveCommand) Run(ctx context.Context, in *invocation) (err error) {
	cfg, err := in.settings()
	if err != nil {
		return err
	}
	a, err := app.Open(ctx, app.Options{
		Config:   cfg,
		Drill:    c.Drill,
		Stdout:   in.Out,
		Terminal: isTerminal(in.Out),
		Stderr:   in.Err,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	if err := a.Listen(); err != nil {
		return err
	}
	fmt.Fprintf(in.Out, "Microblog is running: open %s in a browser. Ctrl+C stops it.\n", a.URL())

	done := make(chan struct{})
	defer close(done)
	go func() {
		for {
			select {
			case <-in.Hangup:
				a.ReopenLogs()
			case <-done:
				return
			}
		}
	}()
	return a.Run(ctx)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
