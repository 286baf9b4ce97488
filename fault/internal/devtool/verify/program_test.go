package verify_test

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"example.org/microblog/fault/internal/devtool/verify"
)

// devlink and freeze are the packages for development of the generated program: of another module than this one, and
// with a dot in a name, which the linker escapes.
const (
	module  = "company.example/shop.v2/fault"
	devlink = module + "/internal/devlink"
	freeze  = module + "/internal/freeze.dev"
)

// sources make a program that has code for development with the tag faultdev only.
var sources = map[string]string{
	"go.mod":     "module " + module + "\n\ngo 1.26\n",
	"main.go":    "package main\n\nfunc main() { hook(); println(\"hello\") }\n",
	"release.go": "//go:build !faultdev\n\npackage main\n\nfunc hook() {}\n",
	"development.go": `//go:build faultdev

package main

import (
	"company.example/shop.v2/fault/internal/devlink"
	_ "company.example/shop.v2/fault/internal/freeze.dev"
)

func hook() { devlink.Open("socket").Send() }
`,
	"internal/devlink/devlink.go": `package devlink

type Client struct{ socket string }

//go:noinline
func Open(socket string) *Client { return &Client{socket} }

//go:noinline
func (c *Client) Send() { func() { defer func() { _ = recover() }(); println(c.socket) }() }
`,
	"internal/freeze.dev/freeze.go": `package freeze

var started = begin()

//go:noinline
func begin() bool { println("frozen"); return true }
`,
	// A package whose name only begins like that of the other, as an application may have.
	"internal/devlinker/devlinker.go": "package devlinker\n\n//go:noinline\nfunc Hello() { println(\"hi\") }\n",
	"innocent.go": `package main

import "company.example/shop.v2/fault/internal/devlinker"

func init() { devlinker.Hello() }
`,
}

// linked are the functions that a development build has at least.
var linked = []string{
	devlink + ".Open", devlink + ".(*Client).Send", devlink + ".(*Client).Send.func1.1",
	module + "/internal/freeze%2edev.begin", module + "/internal/freeze%2edev.init",
}

// write writes the program and returns its directory.
func write(tb testing.TB) string {
	tb.Helper()
	dir := tb.TempDir()
	for name, text := range sources {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

// build builds the program in dir and returns the binary's path. env is added to the environment.
func build(tb testing.TB, dir string, env []string, flags ...string) string {
	tb.Helper()
	binary := filepath.Join(tb.TempDir(), "program")
	args := append([]string{"build", "-buildvcs=false", "-o", binary}, flags...)
	cmd := exec.CommandContext(tb.Context(), "go", append(args, ".")...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), append([]string{"GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0", "GOTOOLCHAIN=local"}, env...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

func TestFile(t *testing.T) {
	t.Parallel()
	dir := write(t)
	for name, test := range map[string]struct {
		env    []string
		flags  []string
		system string // "" is any
		slow   bool   // it needs the standard library for another system
	}{
		"plain":                {},
		"stripped":             {flags: []string{"-ldflags=-s -w"}},
		"trimmed":              {flags: []string{"-trimpath"}},
		"of any place":         {flags: []string{"-buildmode=pie", "-ldflags=-s -w"}},
		"for a debugger":       {flags: []string{"-gcflags=all=-N -l"}},
		"of macOS":             {env: []string{"GOOS=darwin", "GOARCH=arm64"}, flags: []string{"-ldflags=-s -w"}, system: "darwin/arm64", slow: true},
		"of Windows":           {env: []string{"GOOS=windows", "GOARCH=amd64"}, system: "windows/amd64", slow: true},
		"of Windows, stripped": {env: []string{"GOOS=windows", "GOARCH=amd64"}, flags: []string{"-ldflags=-s -w", "-trimpath"}, system: "windows/amd64", slow: true},
		"of 32 bits":           {env: []string{"GOOS=linux", "GOARCH=386"}, flags: []string{"-ldflags=-s -w"}, system: "linux/386", slow: true},
		"of the other order":   {env: []string{"GOOS=linux", "GOARCH=s390x"}, system: "linux/s390x", slow: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.slow && testing.Short() {
				t.Skip("it builds the standard library for " + test.system)
			}
			unoptimised := slices.Contains(test.flags, "-gcflags=all=-N -l")
			for _, development := range []bool{false, true} {
				flags := test.flags
				if development {
					flags = append([]string{"-tags=other,faultdev"}, flags...)
				}
				r, err := verify.File(build(t, dir, test.env, flags...), []string{devlink, freeze})
				if err != nil {
					t.Fatal(err)
				}
				if r.Development() != development || slices.Equal(r.Tags, []string{"faultdev"}) != development || r.Hooked {
					t.Errorf("development %v: %+v", development, r)
				}
				if !development && len(r.Symbols) > 0 {
					t.Errorf("in a release: %q", r.Symbols)
				}
				for _, name := range linked {
					if slices.Contains(r.Symbols, name) != development {
						t.Errorf("development %v: of %s it says otherwise: %q", development, name, r.Symbols)
					}
				}
				for _, name := range r.Symbols {
					if strings.Contains(name, "devlinker") {
						t.Errorf("%s is of another package", name)
					}
				}
				if r.Unoptimised != unoptimised {
					t.Errorf("unoptimised: %v", r.Unoptimised)
				}
				if r.Functions < 500 || !strings.HasPrefix(r.GoVersion, "go1.") || test.system != "" && r.System != test.system {
					t.Errorf("%+v", r)
				}
			}
		})
	}
}

// TestRuntime judges programs that have nothing for development but what their runtime has. That they call it so is enough: a runtime of
// its own takes a minute to build.
func TestRuntime(t *testing.T) {
	t.Parallel()
	const start = "package main\n\nimport _ \"unsafe\"\n\n"
	for name, test := range map[string]struct {
		source string
		env    []string
		flags  []string
		want   []string
		slow   bool
	}{
		"a function": {
			source: "//go:linkname crash runtime.faultCrash\n//go:noinline\nfunc crash() { println(1) }\n\nfunc main() { crash() }\n",
			flags:  []string{"-ldflags=-s -w"}, want: []string{"runtime.faultCrash"},
		},
		"a variable": {
			source: "//go:linkname hook runtime.faultPanicHook\nvar hook func(any)\n\nfunc main() { if hook != nil { hook(1) } }\n",
			want:   []string{"runtime.faultPanicHook"},
		},
		"a variable on macOS": {
			source: "//go:linkname hook runtime.faultPanicHook\nvar hook func(any)\n\nfunc main() { if hook != nil { hook(1) } }\n",
			env:    []string{"GOOS=darwin", "GOARCH=arm64"}, want: []string{"runtime.faultPanicHook"}, slow: true,
		},
		"a variable on Windows": {
			source: "//go:linkname hook runtime.faultPanicHook\nvar hook func(any)\n\nfunc main() { if hook != nil { hook(1) } }\n",
			env:    []string{"GOOS=windows", "GOARCH=amd64"}, want: []string{"runtime.faultPanicHook"}, slow: true,
		},
		"the tag": {source: "func main() {}\n", flags: []string{"-tags=faulthook"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.slow && testing.Short() {
				t.Skip("it builds the standard library for another system")
			}
			dir := t.TempDir()
			for file, text := range map[string]string{"go.mod": "module company.example/hooked\n\ngo 1.26\n", "main.go": start + test.source, "empty.s": ""} {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			r, err := verify.File(build(t, dir, test.env, test.flags...), verify.Packages())
			if err != nil {
				t.Fatal(err)
			}
			if !r.Development() || !slices.Equal(r.Symbols, test.want) || r.Hooked != (test.want != nil) || r.Hooked != (r.Tags == nil) {
				t.Errorf("%+v, want %q", r, test.want)
			}
		})
	}
}

// TestWithoutSectionHeaders judges what is left when the section headers are stripped too, as some packers do.
func TestWithoutSectionHeaders(t *testing.T) {
	t.Parallel()
	binary := build(t, write(t), []string{"GOOS=linux", "GOARCH=amd64"}, "-tags=faultdev", "-ldflags=-s -w")
	text, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	const offset, number, names = 0x28, 0x3c, 0x3e // Elf64_Ehdr: e_shoff, e_shnum, e_shstrndx
	clear(text[offset : offset+8])
	clear(text[number : number+2])
	clear(text[names : names+2])
	if err := os.WriteFile(binary, text, 0o755); err != nil {
		t.Fatal(err)
	}
	r, err := verify.File(binary, []string{devlink})
	if err != nil || !slices.Contains(r.Symbols, devlink+".Open") {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestItself judges this very test binary, which has all of the package under test.
func TestItself(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	pkg := strings.TrimSuffix(path.Dir(verify.Packages()[0]), "/") + "/devtool/verify"
	r, err := verify.File(self, []string{pkg})
	if err != nil || !slices.Contains(r.Symbols, pkg+".File") {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err = verify.File(self, []string{pkg + "/nothing"}); err != nil || r.Symbols != nil {
		t.Errorf("%+v, %v", r, err)
	}
}

func BenchmarkFile(b *testing.B) {
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := verify.File(self, verify.Packages()); err != nil {
			b.Fatal(err)
		}
	}
}

func ExamplePackages() {
	for _, p := range verify.Packages() {
		fmt.Println(path.Base(p))
	}
	// Output:
	// devlink
	// freeze
}
