// Package cli is Microblog's command line: it parses the arguments, loads the settings and runs one command.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"

	"example.org/microblog/internal/config"
)

// Exit codes of every command.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// Streams is what a command reads and writes, and how it hears of the world.
type Streams struct {
	In        io.Reader
	Out, Err  io.Writer
	LookupEnv func(string) (string, bool)
	DotEnv    string // path of the settings file; "" is .env in the working directory
}

// commands is the grammar of the command line.
type commands struct {
	config.Flags `embed:""`

	Serve   serveCommand   `cmd:"" default:"withargs" help:"Run the web server (this is what microblog does without a command)."`
	Migrate migrateCommand `cmd:"" help:"Bring the database to the schema of this version, or tell where it stands."`
	User    userCommand    `cmd:"" help:"Add and list people, set a password, make administrators."`

	Incidents incidentsCommand `cmd:"" help:"List what failed, show it, resolve or mute it."`
	Doctor    doctorCommand    `cmd:"" help:"Check the settings, the database, the disk, the logs and the mail server, and say what to change."`

	Version versionCommand `cmd:"" help:"Tell the version, the commit and the Go release of this binary."`
}

// invocation is what a command gets to work with.
type invocation struct {
	Streams
	flags config.Flags
}

// settings loads and checks the settings, and tells the warnings on standard error.
func (in *invocation) settings() (config.Config, error) {
	cfg, err := config.Load(in.flags, in.LookupEnv, in.DotEnv)
	for _, warning := range cfg.Warnings {
		fmt.Fprintln(in.Err, "microblog: warning:", warning)
	}
	return cfg, err
}

// usageError is a command line that cannot be carried out as written.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

// Main runs the command line args and returns the process's exit code. It ends early, in good order, when ctx does.
func Main(ctx context.Context, args []string, s Streams) int {
	if s.DotEnv == "" {
		s.DotEnv = ".env"
	}
	var (
		cmd    commands
		exited bool
	)
	parser, err := kong.New(&cmd,
		kong.Name("microblog"),
		kong.Description("A self-hosted microblog. Without a command it serves on http://127.0.0.1:5000."),
		kong.Writers(s.Out, s.Err),
		kong.Exit(func(int) { exited = true }), // --help was asked for and has been printed
		kong.ValueFormatter(flagHelp(config.Settings())),
		kong.Help(printHelp),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
	)
	if err != nil {
		fmt.Fprintln(s.Err, "microblog:", err)
		return exitFailed
	}
	if len(args) > 0 && args[0] == "help" {
		args = append(args[1:len(args):len(args)], "--help")
	}
	parsed, err := parser.Parse(joinNegative(parser.Model.Node, args))
	if exited {
		return exitOK
	}
	if err != nil {
		return usage(s.Err, parser, err)
	}
	in := &invocation{Streams: s, flags: cmd.Flags}
	parsed.BindTo(ctx, (*context.Context)(nil))
	return report(s.Err, parsed, parsed.Run(in))
}

// joinNegative makes one argument of a flag and the negative number after it, which would be taken for a
// flag of its own: --limit -1.
func joinNegative(root *kong.Node, args []string) []string {
	valued := map[string]bool{}
	_ = kong.Visit(root, func(n kong.Visitable, next kong.Next) error {
		if f, ok := n.(*kong.Flag); ok && !f.IsBool() && !f.IsCounter() {
			valued["--"+f.Name] = true
		}
		return next(nil)
	})
	joined := make([]string, 0, len(args))
	for i := 0; i < len(args); i++ {
		if args[i] == "--" {
			return append(joined, args[i:]...)
		}
		if valued[args[i]] && i+1 < len(args) && len(args[i+1]) > 1 && args[i+1][0] == '-' && strings.Contains("0123456789.", args[i+1][1:2]) {
			joined = append(joined, args[i]+"="+args[i+1])
			i++
			continue
		}
		joined = append(joined, args[i])
	}
	return joined
}

// printHelp prints what --help asks for. The settings are listed for the whole program and for serve;
// every other command only says where they are.
func printHelp(options kong.HelpOptions, ctx *kong.Context) error {
	selected := ctx.Selected()
	if options.Summary || selected == nil || selected.Name == "serve" {
		return kong.DefaultHelpPrinter(options, ctx)
	}
	settings := map[string]bool{}
	for _, s := range config.Settings() {
		settings[s.Flag] = true
	}
	for _, f := range ctx.Model.Flags {
		f.Hidden = f.Hidden || settings[f.Name]
	}
	if err := kong.DefaultHelpPrinter(options, ctx); err != nil {
		return err
	}
	_, err := fmt.Fprintln(ctx.Stdout, "\nSettings can be given as flags here, too: see microblog --help.")
	return err
}

// flagHelp adds to a setting's help its name in the environment and its default.
func flagHelp(settings []config.Setting) kong.HelpValueFormatter {
	more := make(map[string]string, len(settings))
	for _, s := range settings {
		more[s.Flag] = " (" + s.Name + ")"
		if s.Default != "" {
			more[s.Flag] = " (" + s.Name + "; default: " + s.Default + ")"
		}
	}
	return func(v *kong.Value) string { return v.Help + more[v.Name] }
}

// usage tells what is wrong with the command line and how it is written.
func usage(w io.Writer, parser *kong.Kong, err error) int {
	fmt.Fprintln(w, "microblog:", err)
	var bad *kong.ParseError
	if errors.As(err, &bad) && bad.Context != nil && bad.Context.Selected() != nil {
		parser.Stdout = w
		_ = bad.Context.PrintUsage(true)
	} else {
		fmt.Fprintln(w, "Usage: microblog <command> [flags]")
		fmt.Fprintln(w, "Run microblog --help for the commands and flags.")
	}
	return exitUsage
}

// report turns a command's error into words and an exit code.
func report(w io.Writer, parsed *kong.Context, err error) int {
	var (
		wrong *usageError
		many  *config.Errors
	)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errWrong):
	case errors.As(err, &wrong):
		fmt.Fprintln(w, "microblog:", err)
		parsed.Stdout = w
		_ = parsed.PrintUsage(true)
		return exitUsage
	case errors.As(err, &many):
		fmt.Fprintln(w, "microblog: these settings cannot be used:")
		for _, problem := range many.Problems {
			fmt.Fprintln(w, "  "+problem.String())
		}
		fmt.Fprintln(w, "docs/configuration.md describes every setting.")
	default:
		fmt.Fprintln(w, "microblog:", err)
	}
	return exitFailed
}
