package build_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"example.org/microblog/fault/internal/devtool/build"
)

// lib is a package beside the program, for names of other packages.
const lib = `package lib

type Box struct{ Width, Height int }

func (b *Box) Area() int { return b.Width * b.Height }

func Measure(b Box) (int, error) { return b.Area(), nil }

func secret() {}
`

// TestDiagnostics goes through the families of what the go command and its companions say. Each case is what is
// shown, without the excerpts.
func TestDiagnostics(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files map[string]string
		list  bool // the graph is broken: Inputs tells the same
		needs string
		want  string
	}{
		"syntax errors": {
			files: map[string]string{"main.go": "package main\n\nfunc main() {\n\tprint(\"a\"\n\tx := 1\n}\n"},
			want:  "1 mistake in main.go\nmain.go:4:11: syntax error: unexpected newline in argument list; possibly missing comma or )\n",
		},
		"a statement outside": {
			files: map[string]string{"main.go": "package main\n\nx := 1\n\nfunc main() {}\n"},
			want: "1 mistake in main.go\nmain.go:3:1: syntax error: non-declaration statement outside function body\n" +
				"  hint: Outside of functions only var, const, type, func and import can stand; := cannot.\n",
		},
		"undefined": {
			files: map[string]string{"lib/lib.go": lib, "other.go": "package main\n\nfunc helperFunction() {}\n", "main.go": `package main

import "example.com/app/lib"

func main() {
	counter := 1
	print(countr)
	helprFunction()
	box := lib.Box{Widht: 1}
	box.Heigth = 2
	lib.Mesure(box)
	lib.secret()
	strings.ToUpper("a")
	if inner := 1; inner > 0 {
		print(counter, inner)
	}
	print(innr)
	print(nowhereToBeFound)
}
`},
			want: `9 mistakes in main.go
main.go:7:8: undefined: countr
  hint: Did you mean counter?
main.go:8:2: undefined: helprFunction
  hint: Did you mean helperFunction?
main.go:9:17: unknown field Widht in struct literal of type lib.Box
  hint: Did you mean Width?
main.go:10:6: box.Heigth undefined (type lib.Box has no field or method Heigth)
  hint: Did you mean Height?
main.go:11:6: undefined: lib.Mesure
  hint: Did you mean lib.Measure?
main.go:12:6: undefined: lib.secret
  hint: secret is there, but other packages see only names that begin with a capital letter.
main.go:13:2: undefined: strings
  hint: Add: import "strings"
main.go:17:8: undefined: innr
main.go:18:8: undefined: nowhereToBeFound
`,
		},
		"types": {
			files: map[string]string{"lib/lib.go": lib, "main.go": `package main

import (
	"os"

	"example.com/app/lib"
)

type shape interface{ Area() int }

type square struct{}

func number() int {
	for {
		break
	}
}

func main() {
	unused := 1
	var s shape = lib.Box{}
	s = square{}
	n := lib.Measure(lib.Box{}, 2)
	var text string = 4
	print(s, n, text)
	if number() == "a" {
		return 5
	}
}
`},
			want: `10 mistakes in main.go
main.go:17:1: missing return
  hint: Each way through the function ends with a return or a panic.
main.go:21:16: cannot use lib.Box{} (value of struct type lib.Box) as shape value in variable declaration: lib.Box does not implement shape (method Area has pointer receiver)
  hint: Area is a method of the pointer: write & before the value.
main.go:22:6: cannot use square{} (value of struct type square) as shape value in assignment: square does not implement shape (missing method Area)
  hint: Give square the method Area.
main.go:23:7: assignment mismatch: 1 variable but lib.Measure returns 2 values
  hint: There has to be one name for each value; _ takes one that is not needed.
main.go:23:30: too many arguments in call to lib.Measure
	have (lib.Box, number)
	want (lib.Box)
main.go:24:20: cannot use 4 (untyped int constant) as string value in variable declaration
main.go:26:17: invalid operation: number() == "a" (mismatched types int and untyped string)
main.go:27:10: too many return values
	have (number)
	want ()
main.go:20:2: declared and not used: unused
  hint: Use unused or take it out. While you try something: _ = unused
main.go:4:2: "os" imported and not used
  hint: Take the import out; only for what its init does, write _ before it.
`,
		},
		"declared twice": {
			files: map[string]string{"a.go": "package main\n\nfunc f() {}\n", "b.go": "package main\n\nfunc f() {}\n", "main.go": "package main\n\nfunc main() {}\n"},
			want:  "1 mistake in b.go\nb.go:3:6: f redeclared in this block\n  hint: Rename or remove one of them.\n  see: a.go:3:6: other declaration of f\n",
		},
		"an import cycle": {
			list: true,
			files: map[string]string{
				"main.go": "package main\n\nimport _ \"example.com/app/a\"\n\nfunc main() {}\n",
				"a/a.go":  "package a\n\nimport _ \"example.com/app/b\"\n", "b/b.go": "package b\n\nimport _ \"example.com/app/a\"\n",
			},
			want: "Packages import each other in a circle\nb/b.go:3:10: import cycle: example.com/app/a → example.com/app/b → example.com/app/a\n" +
				"  hint: Move what both need to a package of its own, or let one of them take an interface.\n" +
				"  see: a/a.go:3:10: imports example.com/app/b\n  see: b/b.go:3:10: imports example.com/app/a\n",
		},
		"missing packages": {
			list: true,
			files: map[string]string{"lib/lib.go": lib, "main.go": `package main

import (
	_ "example.com/app/libs"
	_ "example.net/no/such"
	_ "lib"
	_ "net/htpp"
)

func main() {}
`},
			want: `4 mistakes in main.go
main.go:4:2: no required module provides package example.com/app/libs
  hint: There is no package in libs. Did you mean example.com/app/lib?
main.go:5:2: no required module provides package example.net/no/such
  hint: Run: go get example.net/no/such
main.go:6:2: package lib is not in std
  hint: An import path begins with that of the module: "example.com/app/lib"
main.go:7:2: package net/htpp is not in std
  hint: Did you mean net/http?
`,
		},
		"a program is imported": {
			list:  true,
			files: map[string]string{"x/x.go": "package main\n", "main.go": "package main\n\nimport _ \"example.com/app/x\"\n\nfunc main() {}\n"},
			want:  "1 mistake in main.go\nmain.go:3:8: import \"example.com/app/x\" is a program, not an importable package\n  hint: Move what is needed to a package of its own.\n",
		},
		"an internal package": {
			list:  true,
			files: map[string]string{"x/internal/y/y.go": "package y\n", "main.go": "package main\n\nimport _ \"example.com/app/x/internal/y\"\n\nfunc main() {}\n"},
			want: "1 mistake in main.go\nmain.go:3:8: use of internal package example.com/app/x/internal/y not allowed\n" +
				"  hint: A package below a directory internal can be imported only from the tree that holds that directory.\n",
		},
		"an embed pattern": {
			list:  true,
			files: map[string]string{"main.go": "package main\n\nimport _ \"embed\"\n\n//go:embed texts/*.txt\nvar s string\n\nfunc main() {}\n"},
			want: "1 mistake in main.go\nmain.go:5:12: pattern texts/*.txt: no matching files found\n" +
				"  hint: A pattern is relative to the directory of this file, and leaves out files that begin with . or _.\n",
		},
		"embed without its import": {
			files: map[string]string{"a.txt": "", "main.go": "package main\n\n//go:embed a.txt\nvar s string\n\nfunc main() {}\n"},
			want:  "1 mistake in main.go\nmain.go:3:3: go:embed requires import \"embed\" (or import _ \"embed\", if package is not used)\n  hint: Add: import _ \"embed\"\n",
		},
		"two packages in a directory": {
			list:  true,
			files: map[string]string{"a.go": "package main\n\nfunc main() {}\n", "b.go": "// B.\npackage other\n"},
			want: "1 mistake in b.go\nb.go:2:9: found packages main (a.go) and other (b.go) in DIR\n" +
				"  hint: All files of a directory belong to one package; tests may be of its name with _test.\n",
		},
		"a broken head": {
			list:  true,
			files: map[string]string{"main.go": "package main\n\nimport \"fmt\n\nfunc main() {}\n"},
			want:  "1 mistake in main.go\nmain.go:3:8: string literal not terminated\n",
		},
		"a broken constraint": {
			list:  true,
			files: map[string]string{"main.go": "package main\n\nfunc main() {}\n", "b.go": "//go:build a &&\n\npackage main\n"},
			want:  "1 mistake in b.go\nb.go: parsing //go:build line: unexpected end of expression\n",
		},
		"a file without a package": {
			list:  true,
			files: map[string]string{"main.go": "package main\n\nfunc main() {}\n", "b.go": "\n\n"},
			want:  "1 mistake in b.go\nb.go:2:2: expected 'package', found 'EOF'\n",
		},
		"generated code": {
			files: map[string]string{"pages/a.tmpl": "one\ntwo\n", "main.go": "package main\n\nfunc main() {\n//line pages/a.tmpl:2:1\n\tx()\n}\n"},
			want:  "1 mistake in pages/a.tmpl\npages/a.tmpl:2:2: undefined: x\n",
		},
		"no main": {
			files: map[string]string{"main.go": "package main\n\nfunc init() {}\n"},
			want: "The program cannot be linked\n: runtime.main_main·f: function main is undeclared in the main package\n" +
				"  hint: Write func main() in one file of the package.\n",
		},
		"no body": {
			files: map[string]string{"a.s": "", "main.go": "package main\n\nfunc outside()\n\nfunc main() { outside() }\n"},
			want: "The program cannot be linked\nmain.go:3:1: main.main: relocation target main.outside not defined\n" +
				"  hint: main.outside is declared without a body, and no file defines it.\n",
		},
		"assembly": {
			files: map[string]string{"a.s": "TEXT ·f(SB),4,$0-0\n\tNONSENSE $1\n", "main.go": "package main\n\nfunc f()\n\nfunc main() { f() }\n"},
			want:  "1 mistake in a.s\na.s:2: unrecognized instruction \"NONSENSE\"\n",
		},
		"C": {
			needs: "gcc",
			files: map[string]string{"main.go": "package main\n\n/*\nstatic int f(void) { return 1 + ; }\n*/\nimport \"C\"\n\nfunc main() { C.f() }\n"},
			want:  "1 mistake in main.go\nmain.go:4:33: expected expression before ';' token\n",
		},
		"a C header": {
			needs: "gcc",
			files: map[string]string{"main.go": "package main\n\n// #include <nosuch.h>\nimport \"C\"\n\nfunc main() { C.f() }\n"},
			want: "1 mistake in main.go\nmain.go:3:11: nosuch.h: No such file or directory\n" +
				"  hint: Install what the header nosuch.h belongs to, or name its directory by #cgo CFLAGS: -IDIR\n",
		},
		"a C name": {
			needs: "gcc",
			files: map[string]string{"main.go": "package main\n\n// #include <stdlib.h>\nimport \"C\"\n\nfunc main() { C.nosuch() }\n"},
			want: "1 mistake in main.go\nmain.go:6:15: could not determine what C.nosuch refers to\n" +
				"  hint: Neither the comment above import \"C\" nor a header that it includes declares nosuch.\n",
		},
		"a C library": {
			needs: "gcc",
			files: map[string]string{"main.go": "package main\n\n// int outside(void);\nimport \"C\"\n\nfunc main() { C.outside() }\n"},
			want: "The program cannot be linked\nmain.go:6:15: the C linker failed\nundefined reference to `outside'\n" +
				"  hint: No C file or library defines outside; a library is named by #cgo LDFLAGS: -lNAME\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.needs != "" {
				if _, err := exec.LookPath(test.needs); err != nil {
					t.Skip("there is no", test.needs)
				}
			}
			dir := tree(t, map[string]string{"main.go": "package main\n\nfunc main() {}\n"})
			b := open(t, build.Options{Dir: dir, Env: environment("CGO_ENABLED=1", "LC_ALL=C")})
			if err := os.Remove(filepath.Join(dir, "main.go")); err != nil {
				t.Fatal(err)
			}
			for file, text := range test.files {
				write(t, dir, file, text)
			}
			plain := func(s string) string {
				goroot := strings.NewReplacer(dir, "DIR")
				s = goroot.Replace(s)
				for line := range strings.Lines(s) {
					if i := strings.Index(line, " is not in std ("); i >= 0 {
						s = strings.Replace(s, line, line[:i]+" is not in std\n", 1)
					}
				}
				return s
			}
			in, listed, err := b.Inputs(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if len(in.Modules) == 0 || in.Modules[0].Dir != dir {
				t.Errorf("the modules are unknown: %+v", in)
			}
			if (listed != nil) != test.list {
				t.Errorf("the list's problem is %+v", listed)
			}
			p := broken(t, b)
			if got := plain(show(p)); got != test.want {
				t.Errorf("got:\n%s\nwant:\n%s\noutput:\n%s", got, test.want, p.Output)
			}
			for _, m := range p.Messages {
				if m.Line > 0 && m.Path != "" && len(m.Excerpt) == 0 {
					t.Errorf("no source: %+v", m)
				}
			}
			if listed != nil {
				check(t, listed)
				if got := plain(show(listed)); got != test.want {
					t.Errorf("the list says:\n%s\nwant:\n%s", got, test.want)
				}
			}
			if again := broken(t, b); again.ID != p.ID {
				t.Errorf("the same mistake has another ID:\n%s\n%s", p.Output, again.Output)
			}
		})
	}
}
