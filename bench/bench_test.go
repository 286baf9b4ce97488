package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"
)

// The benchmark starts its own program as the bare server; in tests that is this one, and it is
// development tools too.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 {
		switch os.Args[1] {
		case bareCommand:
			main()
			return
		case naiveTool, deserterTool, quittingTool, endingTool:
			if err := developNaively(os.Args[1]); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			return
		}
	}
	if signal.Ignored(os.Interrupt) {
		// As in a shell's background. What is started here would inherit that, and not end when it is told to.
		signal.Notify(make(chan os.Signal, 1), os.Interrupt)
	}
	os.Exit(m.Run())
}

// A run in small: every page is what it is meant to be, and everything is measured.
func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and starts the whole program")
	}
	t.Setenv("DATABASE_URL", "")
	t.Setenv("TMPDIR", t.TempDir())
	t.Chdir("..")
	file := filepath.Join(t.TempDir(), "figures.json")
	var stdout, stderr bytes.Buffer
	code := run([]string{"-posts=10000", "-sizes=10000,12000", "-storm=200", "-connections=2", "-rounds=1", "-round=150ms", "-warm-up=0s",
		"-reload-tools=fault", "-reload-edits=1", "-reload-saves=3",
		"-debugger-sizes=20", "-debugger-failures=2", "-debugger-hook-wait=0s", "-json=" + file}, &stdout, &stderr)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr.Bytes())
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	for _, sc := range scenarios(people{}) {
		if !strings.Contains(stdout.String(), "| "+sc.name+" |") {
			t.Errorf("%q is not in the tables", sc.name)
		}
	}
	if len(r.Pages) != len(scenarios(people{})) || r.People != fewestPeople || r.Machine.Go == "" || r.Machine.Cores == 0 {
		t.Errorf("the report holds %d pages, %d people, machine %+v", len(r.Pages), r.People, r.Machine)
	}
	for _, p := range r.Pages {
		if p.Bytes < 500 || len(p.Microblog.PerSecond) != 1 || p.Microblog.PerSecond[0] <= 0 || p.Bare.PerSecond[0] <= 0 || p.Ratio.Median <= 0 || p.Microblog.P50 <= 0 {
			t.Errorf("%s was not measured: %+v", p.Name, p)
		}
	}
	if r.Growth == nil || len(r.Growth.Sizes) != 2 || len(r.Growth.Pages) != len(growingPages(people{posts: 1000, writers: []string{"a"}})) {
		t.Fatalf("growth was not measured: %+v", r.Growth)
	}
	for _, p := range r.Growth.Pages {
		if p.P50[0] <= 0 || p.P99[1] < p.P50[1] {
			t.Errorf("%s was not measured: %+v", p.Name, p)
		}
	}
	if r.Failing == nil || len(r.Failing.Servers) != 3 || r.Failing.Page.Cost.Median <= 0 {
		t.Errorf("failing requests were not measured: %+v", r.Failing)
	}
	if r.Storm == nil || r.Storm.Failures < 200 || r.Storm.Mails < 1 || !strings.HasPrefix(r.Storm.Books, "captured ") {
		t.Errorf("the storm was not measured: %+v", r.Storm)
	}
	if r.Reload == nil || len(r.Reload.Tools) != 1 || r.Reload.Tools[0].Load == nil {
		t.Fatalf("reloading was not measured: %+v", r.Reload)
	}
	for _, e := range r.Reload.Tools[0].Edits {
		if len(e.Times) != 1 || e.Times[0] <= 0 || !strings.Contains(stdout.String(), "| "+e.Name+" | **") {
			t.Errorf("%s: it was not measured how long that takes: %+v", e.Name, e)
		}
	}
	checkDebugging(t, r.Debugger, stdout.String())
	if left, err := filepath.Glob(filepath.Join(os.Getenv("TMPDIR"), "*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestWrongUsage(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		code int
		says string
	}{
		"help":         {[]string{"--help"}, 0, "go run ./bench"},
		"unknown flag": {[]string{"--fast"}, 2, "-fast"},
		"argument":     {[]string{"fast"}, 2, `unexpected argument "fast"`},
		"pattern":      {[]string{"--run=("}, 2, "--run"},
		"size":         {[]string{"--sizes=10000,many"}, 2, `"many" is not a number`},
		"posts":        {[]string{"--posts=1"}, 2, "--posts"},
		"connections":  {[]string{"--connections=65"}, 2, "--connections: 65 is not within 1 and 64"},
		"round":        {[]string{"--round=2h"}, 2, "--round"},
		"storm":        {[]string{"--storm=0"}, 2, "--storm: 0 is not within"},
		"tools":        {[]string{"--reload-tools=air,make"}, 2, `--reload-tools: "make" is not one of fault, air`},
		"no tools":     {[]string{"--reload-tools="}, 2, `--reload-tools: "" is not one of`},
		"edits":        {[]string{"--reload-edits=0"}, 2, "--reload-edits: 0 is not within"},
		"saves":        {[]string{"--reload-saves=-1"}, 2, "--reload-saves"},
		"rate":         {[]string{"--reload-rate=5000"}, 2, "--reload-rate"},
		"residents":    {[]string{"--debugger-sizes=20,1"}, 2, `--debugger-sizes: "1" is not a number of megabytes from 20 to`},
		"looked at":    {[]string{"--debugger-failures=0"}, 2, "--debugger-failures: 0 is not within"},
		"hook":         {[]string{"--debugger-hook-wait=2h"}, 2, "--debugger-hook-wait: 2h0m0s is not within"},
		"rounds":       {[]string{"--rounds=0"}, 2, "--rounds"},
		"warm-up":      {[]string{"--warm-up=-1s"}, 2, "--warm-up"},
		"database":     {[]string{"--database-url=mysql://u:secret-word@h/d"}, 2, "not a PostgreSQL address"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if code := run(test.args, &stdout, &stderr); code != test.code || !strings.Contains(stderr.String(), test.says) {
				t.Errorf("exit code %d and %q, want %d and %q", code, stderr.String(), test.code, test.says)
			}
			if strings.Contains(stderr.String(), "secret-word") {
				t.Error("the message repeats the password")
			}
		})
	}
}

func TestSpread(t *testing.T) {
	for _, test := range []struct {
		in   []float64
		want spread
	}{
		{nil, spread{}},
		{[]float64{3}, spread{3, 3, 3}},
		{[]float64{3, 1, 2}, spread{2, 1, 3}},
		{[]float64{4, 1, 2, 8}, spread{3, 1, 8}},
	} {
		if got := spreadOf(test.in); got != test.want {
			t.Errorf("spreadOf(%v) = %v, want %v", test.in, got, test.want)
		}
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 45678: "45,678", 1234567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("thousands(%d) = %s, want %s", n, got, want)
		}
	}
}

func TestStatementNumbersItsArguments(t *testing.T) {
	b := bulk{into: "INSERT INTO t (a, b)", columns: 2}
	if got, want := b.statement(2), "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
