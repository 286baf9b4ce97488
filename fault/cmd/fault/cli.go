package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// Exit codes of every command.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// streams is what a command writes to.
type streams struct{ out, err io.Writer }

// commands is the grammar of the command line.
type commands struct {
	Run     runCommand     `cmd:"" help:"Build and run a web application for development: on every save the new version takes over, without a refused request."`
	Mailbox mailboxCommand `cmd:"" help:"Run a mail server that keeps every mail to be looked at, sends none on, and fails on purpose."`
	Verify  verifyCommand  `cmd:"" help:"Tell whether code for development is linked into a binary, which a release must not have."`
	Version versionCommand `cmd:"" help:"Tell the version, the commit and the Go release of this binary."`
}

// usageError is a command line that cannot be carried out as written.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

// run runs the command line args and returns the process's exit code. It ends early, in good order, when ctx does.
func run(ctx context.Context, args []string, s streams) int {
	var (
		cmd    commands
		exited bool
	)
	parser, err := kong.New(&cmd,
		kong.Name("fault"),
		kong.Description("The developer's companion of the fault kit."),
		kong.Writers(s.out, s.err),
		kong.Exit(func(int) { exited = true }), // --help was asked for and has been printed
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Vars(mailboxVars()),
		kong.Vars(runVars()),
	)
	if err != nil {
		fmt.Fprintln(s.err, "fault:", err)
		return exitFailed
	}
	if len(args) > 0 && args[0] == "help" {
		args = append(args[1:len(args):len(args)], "--help")
	}
	if len(args) == 0 {
		fmt.Fprintln(s.err, "fault: a command is missing")
		return shortUsage(s.err)
	}
	parsed, err := parser.Parse(joinNegative(parser.Model.Node, args))
	if exited {
		return exitOK
	}
	if err != nil {
		return usage(s.err, parser, err)
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	return report(s.err, parsed, parsed.Run(s))
}

// joinNegative makes one argument of a flag and the negative number after it, which would be taken for a
// flag of its own: --keep -1.
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

// usage tells what is wrong with the command line and how it is written.
func usage(w io.Writer, parser *kong.Kong, err error) int {
	fmt.Fprintln(w, "fault:", err)
	var bad *kong.ParseError
	if errors.As(err, &bad) && bad.Context != nil && bad.Context.Selected() != nil {
		parser.Stdout = w
		_ = bad.Context.PrintUsage(true)
		return exitUsage
	}
	return shortUsage(w)
}

func shortUsage(w io.Writer) int {
	fmt.Fprintln(w, "Usage: fault <command> [flags]")
	fmt.Fprintln(w, "Run fault --help for the commands and flags.")
	return exitUsage
}

// report turns a command's error into words and an exit code.
func report(w io.Writer, parsed *kong.Context, err error) int {
	var wrong *usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &wrong):
		fmt.Fprintln(w, "fault:", err)
		command, _, _ := strings.Cut(parsed.Command(), " ")
		fmt.Fprintf(w, "Run fault %s --help for its flags.\n", command)
		return exitUsage
	}
	fmt.Fprintln(w, "fault:", err)
	return exitFailed
}
