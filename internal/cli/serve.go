package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"

	"example.org/microblog/fault"
	"example.org/microblog/internal/app"
	"example.org/microblog/internal/config"
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
	supervised := os.Getenv(fault.SupervisorVariable) != ""
	a, err := app.Open(ctx, app.Options{
		Config:   cfg,
		Drill:    c.Drill,
		Stdout:   in.Out,
		Terminal: isTerminal(in.Out),
		Stderr:   in.Err,

		Supervised: supervised,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	fmt.Fprintf(in.Out, "Microblog is running: %s. Ctrl+C stops it.\n", whereToOpen(cfg, a.URL(), supervised))

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer onHangup(func() {
		if isTerminal(in.Out) || isTerminal(in.In) {
			stop() // the terminal was closed
			return
		}
		a.ReopenLogs()
	})()
	return a.Run(ctx)
}

// whereToOpen says where a person finds the server that listens at url. A supervisor says so itself: its address is another.
func whereToOpen(cfg config.Config, url string, supervised bool) string {
	switch socket := cfg.Listen.Network == "unix"; {
	case cfg.BaseURL != nil:
		return "open " + cfg.BaseURL.String() + " in a browser; it listens on " + url
	case socket, supervised:
		return "it listens on " + url
	}
	return "open " + url + " in a browser"
}

// onHangup calls handle for each SIGHUP until the returned function is called.
func onHangup(handle func()) (stop func()) {
	signals, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, syscall.SIGHUP)
	go func() {
		for {
			select {
			case <-signals:
				handle()
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(done)
	}
}

// isTerminal reports whether stream, a reader or a writer, is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
