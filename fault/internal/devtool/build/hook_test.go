package build_test

import (
	"bytes"
	"errors"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"example.org/microblog/fault/internal/devtool/build"
)

// TestHookedSource patches the runtime of the Go version that runs the test.
func TestHookedSource(t *testing.T) {
	t.Parallel()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "src", "runtime", "panic.go"))
	if err != nil {
		t.Fatal(err)
	}
	patched, err := build.HookedSource(source, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.ParseFile(token.NewFileSet(), "panic.go", patched, 0); err != nil {
		t.Error(err)
	}
	if want := []string{
		"\tif faultPanicHook == nil || !faultPanicHook(e) { faultServing(e) }; var p _panic",
		"\tfaultEnd(); fatalpanic(&p)   // should not return",
		"\tfaultRecovered(); if faultRecoverHook != nil { faultRecoverHook(p.arg) }; p.recovered = true",
		"\t\tfaultCrash(); startpanic_m()",
	}; !slices.Equal(changed(source, patched), want) {
		t.Errorf("changed are %q, want %q", changed(source, patched), want)
	}
	if source, err = os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "src", "runtime", "proc.go")); err != nil {
		t.Fatal(err)
	}
	patched, found := build.HookedExit(source)
	if want := []string{"\tfaultAwait(); if panicking.Load() != 0 {", "\tfaultExit(exitCode); runExitHooks(exitCode)"}; !found || !slices.Equal(changed(source, patched), want) {
		t.Errorf("changed are %q, %v, want %q", changed(source, patched), found, want)
	}
	if source, err = os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "src", "runtime", "signal_unix.go")); err != nil {
		t.Fatal(err)
	}
	patched, found = build.HookedSignals(source)
	if want := []string{"\tif sig != _SIGQUIT { faultCrash() }; mp.throwing = throwTypeRuntime"}; !found || !slices.Equal(changed(source, patched), want) {
		t.Errorf("changed are %q, %v, want %q", changed(source, patched), found, want)
	}
	if source, err = os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "src", "runtime", "stack.go")); err != nil {
		t.Fatal(err)
	}
	patched, found = build.HookedStacks(source)
	if want := []string{"\tfaultMove(gp); if gp.syscallsp != 0 {"}; !found || !slices.Equal(changed(source, patched), want) {
		t.Errorf("changed are %q, %v, want %q", changed(source, patched), found, want)
	}
}

// changed are the lines of the second text that are others in the first one, which has as many.
func changed(before, after []byte) (lines []string) {
	old, now := bytes.Split(before, []byte("\n")), bytes.Split(after, []byte("\n"))
	if len(old) != len(now) {
		return []string{"the lines have other numbers"}
	}
	for i := range old {
		if !bytes.Equal(old[i], now[i]) {
			lines = append(lines, string(now[i]))
		}
	}
	return lines
}

// TestHookOfOtherRuntimes: what is not recognised makes no copies, and the rest does.
func TestHookOfOtherRuntimes(t *testing.T) {
	t.Parallel()
	const head = "package runtime\n\nimport \"unsafe\"\n\nfunc gopanic(e any) { var p _panic; "
	for name, test := range map[string]struct {
		source     string
		end, crash bool
	}{
		"as now":           {head + "fatalpanic(&p) }\nfunc fatalthrow(t throwType) { systemstack(func() { startpanic_m() }) }\n", true, true},
		"no fatalthrow":    {head + "fatalpanic(&p) }\n", true, false},
		"two fatalpanics":  {head + "fatalpanic(&p); fatalpanic(&p) }\nfunc fatalthrow() { systemstack(func() { startpanic_m() }) }\n", false, true},
		"nested":           {head + "if true { fatalpanic(&p) } }\nfunc fatalthrow() { systemstack(func() { if true { startpanic_m() } }) }\n", false, false},
		"not system stack": {head + "fatalpanic(&p) }\nfunc fatalthrow() { startpanic_m() }\n", true, false},
		"a named function": {head + "fatalpanic(&p) }\nfunc fatalthrow() { systemstack(throwing) }\n", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			patched, err := build.HookedSource([]byte(test.source), true)
			if err != nil {
				t.Fatal(err)
			}
			if end, crash := bytes.Contains(patched, []byte("faultEnd(); fatalpanic")), bytes.Contains(patched, []byte("faultCrash(); startpanic_m")); end != test.end || crash != test.crash {
				t.Errorf("%v, %v in %s", end, crash, patched)
			}
		})
	}
	if patched, err := build.HookedSource([]byte(head+"fatalpanic(&p) }\n"), false); err != nil || bytes.Contains(patched, []byte("faultEnd")) {
		t.Errorf("a panic makes a copy, and nobody waits for it: %s, %v", patched, err)
	}
	const waiting = "func main() { if panicking.Load() != 0 { gopark() } }\n"
	if patched, found := build.HookedExit([]byte("package runtime\n\nfunc os_beforeExit(exitCode int) { run() }\n" + waiting)); !found || !bytes.Contains(patched, []byte("faultAwait(); if")) {
		t.Errorf("%s", patched)
	}
	for name, source := range map[string]string{
		"no Go": "<html>", "another package": "package main\n\nfunc os_beforeExit(exitCode int) { run() }\n" + waiting, "none": "package runtime\n",
		"empty": "package runtime\n\nfunc os_beforeExit(exitCode int) {}\n" + waiting, "other parameters": "package runtime\n\nfunc os_beforeExit(exitCode int32) { run() }\n" + waiting,
		"without a name": "package runtime\n\nfunc os_beforeExit(_ int) { run() }\n" + waiting,
		"nobody waits":   "package runtime\n\nfunc os_beforeExit(exitCode int) { run() }\nfunc main() { if panicking { run() } }\n",
	} {
		if patched, found := build.HookedExit([]byte(source)); found {
			t.Errorf("%s: %s", name, patched)
		}
	}
	for name, source := range map[string]string{
		"no Go": "<html>", "another package": "package main\n\nfunc sighandler(sig uint32) { mp.throwing = 1 }\n", "none": "package runtime\n",
		"other parameters": "package runtime\n\nfunc sighandler(sig int) { mp.throwing = 1 }\n", "without a name": "package runtime\n\nfunc sighandler(_ uint32) { mp.throwing = 1 }\n",
		"no parameters": "package runtime\n\nfunc sighandler() { mp.throwing = 1 }\n", "no end": "package runtime\n\nfunc sighandler(sig uint32) { throwing = 1 }\n",
		"nested": "package runtime\n\nfunc sighandler(sig uint32) { if true { mp.throwing = 1 } }\n", "no body": "package runtime\n\nfunc sighandler(sig uint32)\n",
	} {
		if patched, found := build.HookedSignals([]byte(source)); found {
			t.Errorf("%s: %s", name, patched)
		}
	}
	for name, source := range map[string]string{
		"no Go": "<html>", "another package": "package main\n\nfunc copystack(gp *g) { move() }\n", "none": "package runtime\n", "empty": "package runtime\n\nfunc copystack(gp *g) {}\n",
		"other parameters": "package runtime\n\nfunc copystack(size uintptr) { move() }\n", "not g": "package runtime\n\nfunc copystack(mp *m) { move() }\n",
		"without a name": "package runtime\n\nfunc copystack(_ *g) { move() }\n", "no parameters": "package runtime\n\nfunc copystack() { move() }\n",
	} {
		if patched, found := build.HookedStacks([]byte(source)); found {
			t.Errorf("%s: %s", name, patched)
		}
	}
	for name, test := range map[string]struct{ source, want string }{
		"Go 1.26": {"package runtime\n\nimport (\n\t\"internal/runtime/atomic\"\n\t\"internal/runtime/syscall/linux\"\n)\n", `kernel "internal/runtime/syscall/linux"`},
		"Go 1.24": {"package runtime\n\nimport (\n\t\"internal/runtime/atomic\"\n\t\"internal/runtime/syscall\"\n)\n", `kernel "internal/runtime/syscall"`},
		"neither": {"package runtime\n", ""},
		"no Go":   {"<html>", ""},
	} {
		added, serving, err := build.AddedSource([]byte(test.source))
		var refused *build.HookError
		if (err != nil) != (test.want == "") || err != nil && !errors.As(err, &refused) || !bytes.Contains(added, []byte(test.want)) {
			t.Errorf("%s: %s, %v", name, added, err)
		}
		if strings.Contains(string(added)+string(serving), "ATOMIC") || strings.Contains(string(added), "VARIABLE") || strings.Contains(string(serving), "NAME") || strings.Contains(string(serving), "MOST") {
			t.Errorf("%s: %s", name, added)
		}
	}
}

func TestHookIsRefused(t *testing.T) {
	t.Parallel()
	const imports = "package runtime\n\nimport \"unsafe\"\n\n"
	for name, source := range map[string]string{
		"no Go":              "<html>",
		"empty":              "",
		"another package":    "package main\n\nimport \"unsafe\"\n\nfunc gopanic(e any) { var p _panic }\n",
		"without unsafe":     "package runtime\n\nfunc gopanic(e any) { var p _panic }\n",
		"no gopanic":         imports + "func panic1(e any) { var p _panic }\n",
		"a method":           imports + "func (t T) gopanic(e any) { var p _panic }\n",
		"no body":            imports + "func gopanic(e any)\n",
		"other parameters":   imports + "func gopanic(e any, n int) { var p _panic }\n",
		"an interface":       imports + "func gopanic(e interface{}) { var p _panic }\n",
		"a result":           imports + "func gopanic(e any) int { var p _panic }\n",
		"without a name":     imports + "func gopanic(any) { var p _panic }\n",
		"no declaration":     imports + "func gopanic(e any) { p := _panic{} }\n",
		"nested declaration": imports + "func gopanic(e any) { if true { var p _panic } }\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			patched, err := build.HookedSource([]byte(source), true)
			var refused *build.HookError
			if !errors.As(err, &refused) || patched != nil {
				t.Errorf("%q, %v; want a HookError", patched, err)
			}
		})
	}
}

func FuzzHookedSource(f *testing.F) {
	f.Add("package runtime\n\nimport \"unsafe\"\n\nfunc gopanic(e any) { var p _panic }\n")
	f.Add("package runtime\n\nimport \"unsafe\"\n\nfunc gopanic(e any) { var p _panic; fatalpanic(&p) }\nfunc fatalthrow() { systemstack(func() { startpanic_m() }) }\nfunc os_beforeExit(code int) { run() }\n")
	f.Add("package runtime\n\nimport \"unsafe\"\n\nfunc gopanic(e any) {\n\tvar x int; var p _panic\n}")
	f.Add("package runtime\n\nfunc sighandler(sig uint32, info *siginfo) {\n\tmp.throwing = throwTypeRuntime; mp.caughtsig.set(gp)\n}")
	f.Add("package runtime\n\nfunc copystack(gp *g, newsize uintptr) {\n\told := gp.stack\n}")
	f.Fuzz(func(t *testing.T, source string) {
		if patched, found := build.HookedSignals([]byte(source)); found {
			if _, err := parser.ParseFile(token.NewFileSet(), "signal_unix.go", patched, parser.SkipObjectResolution); err != nil {
				t.Errorf("%q was made of %q: %v", patched, source, err)
			}
		}
		if patched, found := build.HookedStacks([]byte(source)); found {
			if _, err := parser.ParseFile(token.NewFileSet(), "stack.go", patched, parser.SkipObjectResolution); err != nil {
				t.Errorf("%q was made of %q: %v", patched, source, err)
			}
		}
		patched, err := build.HookedSource([]byte(source), true)
		if err != nil {
			return
		}
		if _, err := parser.ParseFile(token.NewFileSet(), "panic.go", patched, parser.SkipObjectResolution); err != nil {
			t.Errorf("%q was made of %q: %v", patched, source, err)
		}
		if patched, found := build.HookedExit([]byte(source)); found {
			if _, err := parser.ParseFile(token.NewFileSet(), "proc.go", patched, parser.SkipObjectResolution); err != nil {
				t.Errorf("%q was made of %q: %v", patched, source, err)
			}
		}
	})
}
