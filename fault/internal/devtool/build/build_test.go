package build_test

import (
	"context"
	"debug/buildinfo"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"example.org/microblog/fault/internal/devtool/build"
	"example.org/microblog/fault/internal/devtool/problem"
)

// hello is a program with a package of its own, an embedded file and a file of each sort.
var hello = map[string]string{
	"cmd/x/main.go": `package main

import (
	"fmt"

	"example.com/app/internal/web"
)

func main() { fmt.Print(web.Text(), mode) }
`,
	"cmd/x/release.go":         "//go:build !faultdev\n\npackage main\n\nconst mode = \" release\"\n",
	"cmd/x/development.go":     "//go:build faultdev\n\npackage main\n\nconst mode = \" development\"\n",
	"cmd/x/main_test.go":       "package main\n",
	"internal/web/web.go":      "package web\n\nimport _ \"embed\"\n\n//go:embed texts/*.txt\nvar text string\n\n// Text is it.\nfunc Text() string { return text }\n",
	"internal/web/texts/a.txt": "hello",
	"internal/other/other.go":  "package other\n",
}

func TestBuild(t *testing.T) {
	t.Parallel()
	files := map[string]string{"main.go": "package main\n\nfunc main() { print(\"hello\") }\n"}
	for name, text := range hello {
		files[name] = text
	}
	dir := tree(t, files)
	for name, test := range map[string]struct {
		pkg, in string
		want    string // what the program writes
	}{
		"the working directory": {"", "cmd/x", "hello development"},
		"a dot":                 {".", "cmd/x", "hello development"},
		"a directory":           {"./cmd/x", "", "hello development"},
		"from elsewhere":        {"../../cmd/x", "internal/web", "hello development"},
		"an absolute directory": {filepath.Join(dir, "cmd", "x"), "", "hello development"},
		"an import path":        {"example.com/app/cmd/x", "", "hello development"},
		"a file":                {"main.go", "", "hello"},
		"files":                 {"cmd/x/main.go cmd/x/development.go", "", "hello development"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := open(t, build.Options{Dir: filepath.Join(dir, test.in), Package: test.pkg})
			output := fine(t, b)
			said, err := exec.Command(output).CombinedOutput()
			if err != nil || string(said) != test.want {
				t.Errorf("the program says %q, %v; want %q", said, err, test.want)
			}
			if left, err := os.ReadDir(filepath.Dir(output)); err != nil || len(left) != 1 {
				t.Errorf("beside the program are %v, %v", left, err)
			}
			in, p, err := b.Inputs(context.Background())
			if err != nil || p != nil {
				t.Fatal(p, err)
			}
			if want := filepath.Join(dir, "cmd", "x"); strings.Contains(test.want, "dev") && in.MainDir != want {
				t.Errorf("the program is in %s, want %s", in.MainDir, want)
			}
		})
	}
}

func TestFlags(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{
		"main.go": "package main\n\nimport \"example.com/app/p\"\n\nfunc main() { print(p.P, text) }\n",
		"a.go":    "//go:build faultdev && a && b && c\n\npackage main\n\nvar text = \"all\"\n",
		"p/p.go":  "package p\n\nconst P = 1\n",
	})
	for name, test := range map[string]struct {
		env  string
		o    build.Options
		want string
	}{
		"options":                {"", build.Options{Tags: []string{"a,b", "c"}}, "1all"},
		"a flag":                 {"", build.Options{Flags: []string{"-tags=a b"}, Tags: []string{"c"}}, "1all"},
		"a flag of two words":    {"", build.Options{Flags: []string{"--tags", "a,b,c"}}, "1all"},
		"the environment":        {"GOFLAGS=-tags=a,b -trimpath", build.Options{Tags: []string{"c"}}, "1all"},
		"a linker's flag":        {"", build.Options{Flags: []string{"-ldflags=-X main.text=own"}, Tags: []string{"a,b,c"}}, "1own"},
		"one in the environment": {"GOFLAGS=-ldflags=-w", build.Options{Tags: []string{"a,b,c"}}, "1all"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.o.Dir, test.o.Env = dir, environment(test.env)
			output := fine(t, open(t, test.o))
			said, err := exec.Command(output).CombinedOutput()
			if err != nil || string(said) != test.want {
				t.Errorf("the program says %q, %v; want %q", said, err, test.want)
			}
			settings := map[string]string{}
			info, err := buildinfo.ReadFile(output)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range info.Settings {
				settings[s.Key] = s.Value
			}
			if !strings.Contains(settings["-gcflags"], "-N -l") && settings["-gcflags"] != "" {
				t.Error("optimised:", settings["-gcflags"])
			}
			if tags := strings.Split(settings["-tags"], ","); !slices.Contains(tags, "faultdev") || settings["-trimpath"] != "" || settings["vcs"] != "" {
				t.Error("the settings of the build are", settings)
			}
		})
	}
}

func TestInputs(t *testing.T) {
	t.Parallel()
	dir := tree(t, hello)
	b := open(t, build.Options{Dir: dir, Package: "./cmd/x"})
	in := inputs(t, b)
	if in.Main != "example.com/app/cmd/x" || in.GoRoot == "" || in.ModCache == "" {
		t.Errorf("%+v", in)
	}
	if want := []build.Module{{Path: "example.com/app", Dir: dir, Main: true}}; !slices.Equal(in.Modules, want) {
		t.Errorf("the modules are %+v, want %+v", in.Modules, want)
	}
	var all []string
	for _, p := range in.Packages {
		for kind, files := range map[string][]string{"": p.Files, "left ": p.Left, "embedded ": p.Embeds} {
			for _, f := range files {
				all = append(all, kind+short(dir, f))
			}
		}
		for _, pattern := range p.EmbedPatterns {
			all = append(all, "pattern "+short(dir, p.Dir)+" "+pattern)
		}
	}
	for _, f := range in.ModFiles {
		all = append(all, short(dir, f))
	}
	slices.Sort(all)
	want := []string{
		"cmd/x/development.go", "cmd/x/main.go", "embedded internal/web/texts/a.txt", "go.mod", "go.sum",
		"internal/web/web.go", "left cmd/x/release.go", "pattern internal/web texts/*.txt",
	}
	if !slices.Equal(all, want) {
		t.Errorf("the inputs are %q, want %q", all, want)
	}
	if i := slices.IndexFunc(in.Packages, func(p build.Package) bool { return p.ImportPath == "example.com/app/cmd/x" }); i < 0 ||
		!slices.Contains(in.Packages[i].Imports, "fmt") || !slices.Contains(in.Packages[i].Imports, "example.com/app/internal/web") {
		t.Errorf("the imports are missing: %+v", in.Packages)
	}

	// What is returned is the caller's own.
	in.Packages[0] = build.Package{}
	in.Modules[0] = build.Module{}
	if again := inputs(t, b); again.Packages[0].ImportPath == "" || again.Modules[0].Dir == "" {
		t.Error("the inputs can be changed from outside")
	}
	write(t, dir, "internal/web/texts/b.txt", "")
	write(t, dir, "internal/web/new.go", "package web\n\nimport _ \"example.com/app/internal/other\"\n")
	again := inputs(t, b)
	if len(again.Packages) != 3 || !hasFile(again, filepath.Join(dir, "internal/web/new.go")) || !hasFile(again, filepath.Join(dir, "internal/other/other.go")) {
		t.Errorf("what is new is missing: %+v", again.Packages)
	}
}

func TestInputsOfOtherModules(t *testing.T) {
	t.Parallel()
	const library = "package lib\n\n// Name is it.\nconst Name = \"lib\"\n"
	const app = "package main\n\nimport \"example.com/lib\"\n\nfunc main() { print(lib.Name) }\n"
	for name, test := range map[string]struct {
		files map[string]string
		env   string
		mods  []string
		main  bool // the library's module
	}{
		"replaced": {map[string]string{
			"app/go.mod": "module example.com/app\n\ngo 1.26\n\nrequire example.com/lib v1.0.0\n\nreplace example.com/lib => ../lib\n",
			"lib/go.mod": "module example.com/lib\n\ngo 1.26\n",
		}, "", []string{"app/go.mod", "app/go.sum", "lib/go.mod"}, false},
		"a workspace": {map[string]string{
			"go.work":    "go 1.26\n\nuse ./app\nuse ./lib\n",
			"app/go.mod": "module example.com/app\n\ngo 1.26\n",
			"lib/go.mod": "module example.com/lib\n\ngo 1.26\n",
		}, "", []string{"app/go.mod", "app/go.sum", "go.work", "go.work.sum", "lib/go.mod", "lib/go.sum"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.files["go.mod"] = "" // none is above the modules
			test.files["app/main.go"], test.files["lib/lib.go"] = app, library
			dir := tree(t, test.files)
			if err := os.Remove(filepath.Join(dir, "go.mod")); err != nil {
				t.Fatal(err)
			}
			b := open(t, build.Options{Dir: filepath.Join(dir, "app")})
			fine(t, b)
			in := inputs(t, b)
			want := []build.Module{{Path: "example.com/app", Dir: filepath.Join(dir, "app"), Main: true}, {Path: "example.com/lib", Dir: filepath.Join(dir, "lib"), Main: test.main}}
			if !slices.Equal(in.Modules, want) {
				t.Errorf("the modules are %+v, want %+v", in.Modules, want)
			}
			if !hasFile(in, filepath.Join(dir, "lib", "lib.go")) {
				t.Errorf("the library is no input: %+v", in.Packages)
			}
			var files []string
			for _, f := range in.ModFiles {
				files = append(files, short(dir, f))
			}
			if !slices.Equal(files, test.mods) {
				t.Errorf("files of the modules are %q, want %q", files, test.mods)
			}
			// A mistake in the library is told with its place, in a workspace relative to that.
			write(t, dir, "lib/lib.go", "package lib\n\nconst Name = nam\n")
			wantFile := "example.com/lib/lib.go"
			if test.main {
				wantFile = "lib/lib.go"
			}
			if m := broken(t, b).Messages[0]; m.File != wantFile || m.Path != filepath.Join(dir, "lib", "lib.go") || m.Line != 3 {
				t.Errorf("the mistake is at %+v", m)
			}
			write(t, dir, "lib/lib.go", library)
			fine(t, b)
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := tree(t, hello)
	write(t, dir, "empty/readme.txt", "")
	write(t, dir, "never/never.go", "//go:build never\n\npackage main\n\nfunc main() {}\n")
	nowhere, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		o    build.Options
		want []string
	}{
		"no program":              {build.Options{Package: "./internal/web"}, []string{"package web", "package main", "./cmd/x"}},
		"no directory":            {build.Options{Package: "./cmd/y"}, []string{"no directory", filepath.Join(dir, "cmd", "y"), "./cmd/x"}},
		"no Go files":             {build.Options{Package: "./empty"}, []string{"no Go files"}},
		"no file for this system": {build.Options{Package: "./never"}, []string{"build constraints"}},
		"no such package":         {build.Options{Package: "example.com/app/nothing"}, []string{"example.com/app/nothing"}},
		"no dot before it":        {build.Options{Package: "cmd/x"}, []string{"cmd/x", "./cmd/x"}},
		"several":                 {build.Options{Package: "./..."}, []string{"one package"}},
		"several packages":        {build.Options{Package: "./cmd/x ./internal/web"}, []string{"one package"}},
		"no such file":            {build.Options{Package: "main.go"}, []string{"no file main.go"}},
		"a version":               {build.Options{Package: "example.com/app@latest"}, []string{"version"}},
		"a flag":                  {build.Options{Package: "-x"}, []string{"dash"}},
		"no module":               {build.Options{Dir: nowhere}, []string{"go mod init"}},
		"an unknown flag":         {build.Options{Package: "./cmd/x", Flags: []string{"-fast"}}, []string{"-fast"}},
		"a flag of our own":       {build.Options{Package: "./cmd/x", Flags: []string{"-o=x"}}, []string{"-o=x"}},
		"no working directory":    {build.Options{Dir: filepath.Join(dir, "gone")}, []string{"gone"}},
		"a file for a directory":  {build.Options{Dir: filepath.Join(dir, "go.mod")}, []string{"is a file"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.o.Dir == "" {
				test.o.Dir = dir
			}
			test.o.Env = environment()
			_, err := build.Open(context.Background(), test.o)
			if err == nil {
				t.Fatal("it is opened")
			}
			for _, w := range test.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not say %q", err, w)
				}
			}
			var pkg *build.PackageError
			if errors.As(err, &pkg) && pkg.Package == "" {
				t.Errorf("%+v names no package", pkg)
			}
		})
	}
}

// Without a go command there is nothing to do.
func TestNoGo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := build.Open(context.Background(), build.Options{Dir: tree(t, hello), Package: "./cmd/x"}); !errors.Is(err, build.ErrNoGo) {
		t.Error(err)
	}
}

// A package that stops to be a program is a problem, and one that is mended is none.
func TestNoProgramAnyMore(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{"main.go": "package main\n\nfunc main() {}\n"})
	b := open(t, build.Options{Dir: dir})
	write(t, dir, "main.go", "// Comment.\npackage mian\n\nfunc main() {}\n")
	p := broken(t, b)
	if m := p.Messages[0]; m.File != "main.go" || m.Line != 2 || !strings.Contains(m.Text, "mian") || len(m.Excerpt) != 4 {
		t.Errorf("%+v", m)
	}
	if _, listed, err := b.Inputs(context.Background()); err != nil || listed == nil || listed.Messages[0].Line != 2 {
		t.Errorf("%+v, %v", listed, err)
	}
	write(t, dir, "main.go", "package main\n\nfunc main() {}\n")
	fine(t, b)
	inputs(t, b)
	if err := os.Remove(filepath.Join(dir, "main.go")); err != nil {
		t.Fatal(err)
	}
	if p := broken(t, b); !strings.Contains(p.Messages[0].Text, "no Go files") {
		t.Error(show(p))
	}
	in, listed, err := b.Inputs(context.Background())
	if err != nil || listed == nil || in.MainDir != dir || in.Main != "example.com/app" {
		t.Errorf("%+v, %+v, %v", in, listed, err)
	}
}

func TestVet(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{
		"main.go": `package main

import (
	"fmt"
	"time"
)

func main() {
	fmt.Printf("%d\n", "text")
	fmt.Println(time.Now().Format("2006-02-01"))
}
`,
		"good/good.go":    "package good\n",
		"tests/a.go":      "package tests\n",
		"tests/a_test.go": "package tests\n\nimport \"fmt\"\n\nfunc f() { fmt.Printf(\"%d\", \"x\") }\n",
		"broken/a.go":     "package broken\n\nvar x = y\n",
	})
	b := open(t, build.Options{Dir: dir})
	vet := func(paths ...string) *problem.Problem {
		t.Helper()
		p, err := b.Vet(context.Background(), paths)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := vet("example.com/app", "example.com/app/good", "example.com/app/tests", "example.com/app/broken")
	if p == nil {
		t.Fatal("nothing is found")
	}
	check(t, p)
	if p.Kind != problem.Vet || len(p.Messages) != 2 || p.Messages[0].Line != 9 || p.Messages[1].Line != 10 || p.Messages[0].File != "main.go" {
		t.Error(show(p))
	}
	if p := vet("example.com/app/good", "example.com/app/tests", "example.com/app/broken"); p != nil {
		t.Error("found:", show(p))
	}
	if p := vet(); p != nil {
		t.Error("found in nothing:", show(p))
	}
	b = open(t, build.Options{Dir: dir, Package: "main.go"})
	if p := vet("command-line-arguments"); p == nil || len(p.Messages) != 2 {
		t.Error("of a file:", p)
	}
}

func inputs(t *testing.T, b *build.Builder) *build.Inputs {
	t.Helper()
	in, p, err := b.Inputs(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if p != nil {
		t.Fatal(show(p))
	}
	return in
}

func hasFile(in *build.Inputs, path string) bool {
	return slices.ContainsFunc(in.Packages, func(p build.Package) bool { return slices.Contains(p.Files, path) })
}

func short(dir, path string) string {
	rel, err := filepath.Rel(dir, path)
	if err != nil {
		return path
	}
	return filepath.ToSlash(rel)
}
