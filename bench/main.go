// Command bench measures Microblog's throughput, latency and memory beside a bare net/http server
// that answers the same bytes, how its pages do as the database grows,
// what failures cost with and without a mail server, how long a developer waits for an edit with
// "fault run" and with other tools, and for what the debugger shows of a failure.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == bareCommand {
		if err := serveBare(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "bare server:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is the command: it returns the exit code, 2 for wrong usage.
func run(args []string, stdout, stderr io.Writer) int {
	o, err := parseOptions(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "bench:", err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	r, err := measure(ctx, o, stderr)
	if err == nil || len(r.Pages) > 0 || r.Reload != nil || r.Debugger != nil { // what was measured before the end is of use too
		err = errors.Join(err, write(r, o.json, stdout))
	}
	if err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 1
	}
	return 0
}

// measure does everything in a directory of its own, which is gone afterwards.
func measure(ctx context.Context, o options, progress io.Writer) (r report, err error) {
	dir, err := os.MkdirTemp("", "microblog-bench-")
	if err != nil {
		return r, fmt.Errorf("making a temporary directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	r = report{Connections: o.connections, Rounds: o.rounds, Round: o.round.String(), Posts: o.posts}
	if o.wantsMicroblog() {
		if err := measureMicroblog(ctx, o, dir, &r, progress); err != nil {
			return r, err
		}
	} else {
		r.Machine = factsOf("", "")
	}
	if o.wanted(reloadName) {
		re, err := measureReload(ctx, o.reload, dir, progress)
		if len(re.Tools) > 0 || err == nil {
			r.Reload = &re
		}
		if !o.wantsMicroblog() {
			r.Machine.from(faultProgram(dir))
		}
		if err != nil {
			return r, err
		}
	}
	if o.wanted(debuggerName) {
		d, err := measureDebugger(ctx, o, dir, progress)
		if len(d.Sizes) > 0 || len(d.Costs) > 0 || err == nil {
			r.Debugger = &d
		}
		if !o.wantsMicroblog() {
			r.Machine.from(faultProgram(dir))
		}
		if err != nil {
			return r, err
		}
	}
	return r, nil
}

// measureMicroblog does the parts that Microblog takes part in.
func measureMicroblog(ctx context.Context, o options, dir string, r *report, progress io.Writer) (err error) {
	binary := o.binary
	if binary == "" {
		fmt.Fprintln(progress, "building ./cmd/microblog")
		if binary, err = build(ctx, "./cmd/microblog", dir); err != nil {
			return err
		}
	}
	database := "SQLite"
	if o.database != nil {
		if database, err = postgresVersion(ctx, o.database); err != nil {
			return err
		}
	}
	r.Machine = factsOf(binary, database)
	if r.Pages, r.People, err = measurePages(ctx, o, binary, dir, progress); err != nil {
		return err
	}
	if o.wanted(growthName) {
		g, err := measureGrowth(ctx, o, binary, dir, progress)
		if err != nil {
			return err
		}
		r.Growth = &g
	}
	if o.wanted(failuresName) {
		f, err := measureFailures(ctx, o, binary, dir, progress)
		if err != nil {
			return err
		}
		r.Failing = &f
	}
	if o.wanted(stormName) {
		st, err := measureStorm(ctx, o, binary, dir, progress)
		if err != nil {
			return err
		}
		r.Storm = &st
	}
	return nil
}

// measurePages fills a database and compares the pages, if any are wanted.
func measurePages(ctx context.Context, o options, binary, dir string, progress io.Writer) (_ []comparison, count int, err error) {
	if !o.wantsPages() {
		return nil, 0, nil
	}
	f, err := found(ctx, o, binary, dir, "pages", o.posts)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, f.remove()) }()
	fmt.Fprintf(progress, "%d posts are in the database\n", o.posts)
	all, err := comparePages(ctx, o, f.site, f.people, progress)
	return all, len(f.people.names), err
}

// write prints the report, and stores it as JSON where that is asked for.
func write(r report, path string, stdout io.Writer) error {
	if path == "" {
		return r.markdown(stdout)
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the figures as JSON: %w", err)
	}
	text = append(text, '\n')
	if path == "-" {
		_, err := stdout.Write(text)
		return err
	}
	return errors.Join(r.markdown(stdout), os.WriteFile(path, text, 0o666))
}
