package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"example.org/microblog/fault/internal/devtool/address"
	"example.org/microblog/fault/internal/devtool/build"
	"example.org/microblog/fault/internal/devtool/supervisor"
)

// runCommand is fault run.
type runCommand struct {
	Package string   `arg:"" optional:"" default:"." help:"The package main to run, as for go build: ./cmd/app, an import path. Default: the current directory."`
	Args    []string `arg:"" optional:"" help:"Arguments of the application, after --. {addr}, {host} and {port} stand for its private address."`

	Listen    string   `placeholder:"HOST:PORT" help:"The public address. Default: the setting LISTEN, else PORT on 127.0.0.1, else ${run_listen}."`
	Expose    bool     `help:"Allow an address that other machines can reach. Whoever can reach it sees source code, and everything that an application in development lets anyone do."`
	AllowHost []string `sep:"none" placeholder:"NAME" help:"A further name by which the development pages may be called, such as that of a container."`

	Tags      []string `placeholder:"TAGS" help:"Build tags, separated by commas, besides faultdev."`
	BuildFlag []string `sep:"none" placeholder:"FLAG" help:"A further flag for go build, such as --build-flag=-race."`
	NoVet     bool     `help:"Do not run go vet behind each build."`

	Env       []string `sep:"none" placeholder:"NAME=VALUE" help:"A setting for the application; {addr}, {host} and {port} as in its arguments."`
	Watch     []string `sep:"none" placeholder:"PATTERN" help:"Further files at whose change the application starts anew, such as config/*.yaml."`
	FromDisk  []string `sep:"none" placeholder:"DIR" help:"A directory that the application reads from disk for each request: a change there reloads the page only."`
	AppListen string   `placeholder:"HOST:PORT" help:"Where the application listens if it cannot be told. Its old process then ends before the new one starts; requests wait meanwhile."`
	Poll      bool     `help:"Look for changes every half second, for file systems that tell of none, such as network shares."`

	NoMailbox   bool   `help:"Do not run the mailbox beside the application."`
	NoDebugger  bool   `help:"Do not run the debugger beside the application."`
	DebugListen string `placeholder:"HOST:PORT" help:"The address of the debugger. Default: any free port of 127.0.0.1."`
	Open        bool   `short:"o" help:"Open the browser once the application is ready."`

	StartTimeout time.Duration `default:"${run_start_timeout}" placeholder:"TIME" help:"How long a new process may take to be ready. Default: ${run_start_timeout}."`
	Drain        time.Duration `default:"${run_drain}" placeholder:"TIME" help:"How long running requests may take to finish on the old process. Default: ${run_drain}."`
}

// runVars are the defaults that the help tells.
func runVars() map[string]string {
	return map[string]string{
		"run_listen":        supervisor.DefaultListen,
		"run_start_timeout": supervisor.DefaultStartTimeout.String(),
		"run_drain":         supervisor.DefaultDrain.String(),
	}
}

// pollInterval is how often --poll looks.
const pollInterval = 500 * time.Millisecond

// Help is what --help says besides the flags.
func (runCommand) Help() string {
	return `It builds the package, runs it, and forwards to it. On every save it builds and starts the new version beside the old one, and switches when the new one is ready: when it accepts connections and, where there is a /readyz, that answers 2xx. No request is refused meanwhile. Pages in the browser reload by themselves; what does not build, or does not start, is shown there and here.

  fault run ./cmd/app
  fault run --listen 127.0.0.1:8000 ./cmd/app -- --verbose --addr {addr}

The application is told a private address in LISTEN (HOST:PORT) and PORT. One that heeds neither is told by {addr}, {host} or {port} in its arguments or in --env. It is built with the tag faultdev, under which the fault kit shows failures in the browser. MAIL_SERVER, MAIL_PORT and ADMINS lead to the mailbox unless they are set.

Keys, in a terminal: r builds anew, o opens the browser, d tells the debugger's PIN, q quits.`
}

// Run supervises until ctx is done.
func (c *runCommand) Run(ctx context.Context, s streams) error {
	options := supervisor.Options{
		Package: c.Package, Args: c.Args,
		Listen: c.Listen, Exposed: c.Expose, Hosts: c.AllowHost,
		Tags: c.Tags, BuildFlags: c.BuildFlag, NoVet: c.NoVet,
		Env: c.Env, Watch: c.Watch, FromDisk: c.FromDisk, Fixed: c.AppListen,
		NoMailbox: c.NoMailbox, NoDebugger: c.NoDebugger, DebugListen: c.DebugListen, Open: c.Open,
		StartTimeout: c.StartTimeout, Drain: c.Drain,
		In: os.Stdin, Out: s.out, Err: s.err,
	}
	if c.Poll {
		options.Poll = pollInterval
	}
	return explainRun(supervisor.Run(ctx, options))
}

// explainRun says what to do about an error of the start.
func explainRun(err error) error {
	var (
		option *supervisor.OptionError
		listen *address.ListenError
		pkg    *build.PackageError
	)
	switch {
	case errors.As(err, &option) && option.Option == "Exposed":
		return &usageError{option.Text + cameFrom(option.From) + "; add --expose if that is meant"}
	case errors.As(err, &option) && option.From != "":
		return &usageError{option.From + ": " + option.Text + cameFrom(option.From) + "; --listen takes its place"}
	case errors.As(err, &option):
		flag := map[string]string{"Listen": "--listen", "Env": "--env", "Fixed": "--app-listen", "Hosts": "--allow-host", "Watch": "--watch", "FromDisk": "--from-disk", "Drain": "--drain", "StartTimeout": "--start-timeout"}[option.Option]
		return &usageError{flag + ": " + option.Text}
	case errors.As(err, &listen) && !listen.InUse:
		return fmt.Errorf("%w; choose another address with --listen, such as --listen 127.0.0.1:5001", err)
	case errors.As(err, &listen):
		return fmt.Errorf("%w; stop that program, or choose another address with --listen, such as --listen 127.0.0.1:5001", err)
	case errors.As(err, &pkg):
		return err
	}
	return err
}

// cameFrom names the setting of the environment, or of .env, that an address came from.
func cameFrom(setting string) string {
	if setting == "" {
		return ""
	}
	return " (it comes from the setting " + setting + ")"
}
