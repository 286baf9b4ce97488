package main

import (
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// options are what the command line asks for.
type options struct {
	run         *regexp.Regexp
	sizes       []int
	posts       int
	storm       int // failures of the storm
	connections int
	rounds      int
	round       time.Duration
	warmUp      time.Duration
	database    *url.URL // a PostgreSQL server; nil: SQLite
	binary      string
	json        string
	reload      reloadOptions
	debugger    debuggerOptions
}

// reloadOptions are those of the part "reload".
type reloadOptions struct {
	tools map[string]bool // by name
	edits int             // of each kind
	saves int             // under load; 0: no load
	rate  int             // requests per second
}

// growthName is what --run matches for the part that is not a page.
const growthName = "growth"

const usage = `Measures Microblog beside a bare net/http server that answers the same bytes,
how its pages do as the database grows, what failing requests cost without
a mail server, with a good one and with one that is silent, how long a developer
waits for an edit with "fault run" and with other tools of its kind, which are
downloaded, and for what the debugger shows of a failure. Run it inside the repository:

  go run ./bench [flags]

The tables go to standard output, what is being done to standard error. It
takes about half an hour, uses this machine only, and removes what it made.

Flags:
`

// parseOptions reads the command line. It returns flag.ErrHelp when help was asked for and printed.
func parseOptions(args []string, out io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.Usage = func() {
		fmt.Fprint(out, usage)
		flags.PrintDefaults()
	}
	run := flags.String("run", "", "measure only the pages whose name matches this `regexp`; the other parts are named \""+growthName+"\", \""+failuresName+"\", \""+stormName+"\", \""+reloadName+"\" and \""+debuggerName+"\"")
	sizes := flags.String("sizes", "10000,100000,1000000", "`numbers` of posts at which growth is measured")
	flags.IntVar(&o.posts, "posts", 100_000, "posts in the database for the comparison")
	flags.IntVar(&o.storm, "storm", 100_000, "failures of the storm")
	flags.IntVar(&o.connections, "connections", 32, fmt.Sprintf("connections that ask at the same time, 1 to %d", maxConnections))
	flags.IntVar(&o.rounds, "rounds", 5, "how many times each server is measured, in turns")
	flags.DurationVar(&o.round, "round", 3*time.Second, "how long one server is measured before it is the other's turn")
	flags.DurationVar(&o.warmUp, "warm-up", 3*time.Second, "how long each server is warmed up before a page's first round")
	database := flags.String("database-url", "", "a PostgreSQL `URL`, such as postgres://user:password@localhost/postgres, whose user may create databases; those made are dropped at the end (default: $DATABASE_URL where that is PostgreSQL, else SQLite)")
	tools := flags.String("reload-tools", strings.Join([]string{faultTool, airTool, reflexTool}, ","), "the `tools` that are compared; "+airProxyTool+" can be had too, but listens on all of this machine's networks meanwhile")
	flags.IntVar(&o.reload.edits, "reload-edits", 10, "edits of each kind, with each tool")
	flags.IntVar(&o.reload.saves, "reload-saves", 50, "files saved under load, with each tool; 0: that is not measured")
	flags.IntVar(&o.reload.rate, "reload-rate", 200, "requests per second of that load")
	residents := flags.String("debugger-sizes", "20,100", "`megabytes` that the application has in memory whose failures are looked at; 1000 is of interest too")
	flags.IntVar(&o.debugger.failures, "debugger-failures", 10, "failures of each kind, at each size")
	flags.DurationVar(&o.debugger.hookWait, "debugger-hook-wait", 5*time.Minute, "how long to wait, once on a machine, until fault run has compiled the Go runtime that tells of panics as they begin")
	flags.StringVar(&o.binary, "binary", "", "measure this microblog `program` instead of building one")
	flags.StringVar(&o.json, "json", "", "write all figures as JSON to this `file` too; - is standard output, in place of the tables")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q; see --help", flags.Arg(0))
	}
	var err error
	if o.run, err = regexp.Compile(*run); err != nil {
		return o, fmt.Errorf("--run: %w", err)
	}
	if o.sizes, err = parseSizes(*sizes); err != nil {
		return o, fmt.Errorf("--sizes: %w", err)
	}
	if o.database, err = parseDatabase(*database, os.Getenv("DATABASE_URL")); err != nil {
		return o, err
	}
	if o.reload.tools, err = parseTools(*tools); err != nil {
		return o, fmt.Errorf("--reload-tools: %w", err)
	}
	if o.debugger.sizes, err = parseResidents(*residents); err != nil {
		return o, fmt.Errorf("--debugger-sizes: %w", err)
	}
	switch {
	case o.debugger.failures < 1 || o.debugger.failures > 1000:
		return o, fmt.Errorf("--debugger-failures: %d is not within 1 and 1000", o.debugger.failures)
	case o.debugger.hookWait < 0 || o.debugger.hookWait > time.Hour:
		return o, fmt.Errorf("--debugger-hook-wait: %v is not within 0s and 1h", o.debugger.hookWait)
	case o.reload.edits < 1 || o.reload.edits > 1000:
		return o, fmt.Errorf("--reload-edits: %d is not within 1 and 1000", o.reload.edits)
	case o.reload.saves < 0 || o.reload.saves > 1000:
		return o, fmt.Errorf("--reload-saves: %d is not within 0 and 1000", o.reload.saves)
	case o.reload.rate < 1 || o.reload.rate > 1000:
		return o, fmt.Errorf("--reload-rate: %d is not within 1 and 1000", o.reload.rate)
	case o.posts < minPosts || o.posts > maxPosts:
		return o, fmt.Errorf("--posts: %d is not within %d and %d", o.posts, minPosts, maxPosts)
	case o.storm < 1 || o.storm > 10_000_000:
		return o, fmt.Errorf("--storm: %d is not within 1 and 10000000", o.storm)
	case o.connections < 1 || o.connections > maxConnections:
		return o, fmt.Errorf("--connections: %d is not within 1 and %d", o.connections, maxConnections)
	case o.rounds < 1 || o.rounds > 1000:
		return o, fmt.Errorf("--rounds: %d is not within 1 and 1000", o.rounds)
	case o.round < 10*time.Millisecond || o.round > time.Minute:
		return o, fmt.Errorf("--round: %v is not within 10ms and 1m", o.round)
	case o.warmUp < 0 || o.warmUp > time.Minute:
		return o, fmt.Errorf("--warm-up: %v is not within 0s and 1m", o.warmUp)
	}
	return o, nil
}

// wanted reports whether the page or part of that name is to be measured.
func (o options) wanted(name string) bool { return o.run.MatchString(name) }

// wantsPages reports whether a page is to be compared.
func (o options) wantsPages() bool {
	return slices.ContainsFunc(scenarios(people{}), func(sc scenario) bool { return o.wanted(sc.name) })
}

// wantsMicroblog reports whether something of Microblog is to be measured.
func (o options) wantsMicroblog() bool {
	return o.wantsPages() || o.wanted(growthName) || o.wanted(failuresName) || o.wanted(stormName)
}

func parseSizes(text string) ([]int, error) {
	var sizes []int
	for field := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(field))
		if err != nil || n < minPosts || n > maxPosts {
			return nil, fmt.Errorf("%q is not a number from %d to %d", field, minPosts, maxPosts)
		}
		sizes = append(sizes, n)
	}
	return sizes, nil
}

// parseTools reads names of tools. None at all is an error too.
func parseTools(text string) (map[string]bool, error) {
	var known []string
	for _, t := range knownTools() {
		known = append(known, t.name)
	}
	tools := make(map[string]bool)
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); !slices.Contains(known, name) {
			return nil, fmt.Errorf("%q is not one of %s", name, strings.Join(known, ", "))
		}
		tools[name] = true
	}
	return tools, nil
}

// parseDatabase reads the flag or, without it, the environment. Its errors do not repeat the URL,
// which may hold a password.
func parseDatabase(flag, environment string) (*url.URL, error) {
	text := flag
	if text == "" {
		text = environment
		if !strings.HasPrefix(text, "postgres://") && !strings.HasPrefix(text, "postgresql://") {
			return nil, nil
		}
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" || u.Host == "" && u.RawQuery == "" {
		return nil, fmt.Errorf("--database-url: this is not a PostgreSQL address such as postgres://user:password@localhost/postgres")
	}
	return u, nil
}
