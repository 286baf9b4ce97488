package build_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"example.org/microblog/fault/internal/devtool/build"
)

// TestExplain is for messages of systems and versions that a test cannot have.
func TestExplain(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ output, want string }{
		"clang": {
			"# example.com/app\nmain.go:4:33: error: expected expression\nint foo(int a) { return a +; }\n                           ^\n1 error generated.\n",
			"1 mistake in main.go\nmain.go:4:33: expected expression\n",
		},
		"a note and a warning of C": {
			"# example.com/app\nmain.go:2:3: warning: unused variable 'x' [-Wunused-variable]\nmain.go:4:1: error: redefinition of 'f'\nmain.go:3:1: note: previous definition is here\n",
			"1 mistake in main.go\nmain.go:4:1: redefinition of 'f'\n  see: main.go:3:1: previous definition is here\n",
		},
		"Windows": {
			"# example.com/app\r\n.\\main.go:3:2: undefined: x\r\nC:\\src\\main.go:4:2: undefined: y\r\n",
			"2 mistakes in 2 files\n.\\main.go:3:2: undefined: x\nC:\\src\\main.go:4:2: undefined: y\n",
		},
		"the compiler stops": {
			"# example.com/app\n./main.go:3:2: undefined: x\n./main.go:3:2: undefined: x\n./main.go:4:2: too many errors\ntoo many errors\n",
			"1 mistake in ./main.go\n./main.go:3:2: undefined: x\n",
		},
		"a newer language": {
			"# example.com/app\n./main.go:3:2: undefined: max\nnote: module requires Go 1.99\n",
			"1 mistake in ./main.go\n./main.go:3:2: undefined: max\nnote: module requires Go 1.99\n",
		},
		"downloads": {
			"go: downloading example.com/dep v1.0.0\n./main.go:3:2: undefined: x\n",
			"1 mistake in ./main.go\n./main.go:3:2: undefined: x\n",
		},
		"a full disk": {
			"# example.com/app\nopen /tmp/go-build123/b001/exe/a.out: no space left on device\n",
			"The program cannot be linked\n: open /tmp/go-build123/b001/exe/a.out: no space left on device\n  hint: Make room on the disk; go clean -cache empties the build cache.\n",
		},
		"a file that is gone": {
			"# example.com/app/version\nopen version/version.go: no such file or directory\n",
			"1 mistake in version/version.go\nversion/version.go: this file went while it was built\n",
		},
		"no C compiler": {
			"# runtime/cgo\ncgo: C compiler \"gcc\" not found: exec: \"gcc\": executable file not found in $PATH\n",
			"The program cannot be linked\n: cgo: C compiler \"gcc\" not found: exec: \"gcc\": executable file not found in $PATH\n" +
				"  hint: cgo needs a C compiler; without one, CGO_ENABLED=0 leaves out what is written in C.\n",
		},
		"an address is no place": {
			"go: example.com/dep@v1.0.0: Get \"http://127.0.0.1:80\": dial tcp 127.0.0.1:80: connect: connection refused\n",
			"The modules cannot be loaded\n: example.com/dep@v1.0.0: Get \"http://127.0.0.1:80\": dial tcp 127.0.0.1:80: connect: connection refused\n",
		},
		"nothing":           {"", "1 mistake\n: go build . has failed without a word\n"},
		"control sequences": {"./main.go:3:2: undefined: \x1b[31mx\x1b[0m\x07\n", "1 mistake in ./main.go\n./main.go:3:2: undefined: x\n"},
	} {
		p := build.Explain(t.TempDir(), test.output)
		check(t, p)
		if got := show(p); got != test.want {
			t.Errorf("%s: got:\n%s\nwant:\n%s", name, got, test.want)
		}
	}
}

// An excerpt is cut where lines are too long, and is left out where there is no text.
func TestExcerpts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	long := strings.Repeat("é", 1000)
	write(t, dir, "a.go", "1\n2\n3\r\n4\n"+long+"\n6\xff\n7")
	for line, want := range map[string]int{"1": 6, "5": 7, "7": 6, "8": 0, "999999": 0} {
		p := build.Explain(dir, "a.go:"+line+":1: text")
		check(t, p)
		if got := p.Messages[0].Excerpt; len(got) != want {
			t.Errorf("line %s: %d lines, want %d: %+v", line, len(got), want, got)
		}
		for _, l := range p.Messages[0].Excerpt {
			if len(l.Text) > 500 || !utf8.ValidString(l.Text) || strings.ContainsAny(l.Text, "\r\n") {
				t.Errorf("line %d is %q", l.Number, l.Text)
			}
		}
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	names := []string{"Println", "Printf", "Print", "counter", "countess", "x", "userID", "id"}
	for name, want := range map[string]string{
		"Prinln": "Println", "Pritnf": "Printf", "Pirnt": "Print", "countr": "counter", "userId": "userID", "userid": "userID",
		"countes": "", "zzzzz": "", "y": "", "ix": "", "": "", "Println": "",
	} {
		if got := build.Nearest(name, names); got != want {
			t.Errorf("%q is taken for %q, want %q", name, got, want)
		}
	}
}

// Output may be long and of any form; it is read in about the time that its length takes.
func TestLongOutput(t *testing.T) {
	t.Parallel()
	for _, part := range []string{
		"\tx\n", "package a\n\tb\n", "package a\n\timports b from a.go\n", "\timports b from a.go\n", "a.go:1:1: x\n", "\ta.go:1:1: x\n",
		"# a\n", "x\n", "go: x go.mod\n", "go: x@v1 go.mod\n", "a.go:1:1: undefined: x\n", "\x1b[", "\x1b]", "go-build1", "a", " ", ":", "a:1", "\tgo get x\n",
		"# a\nmain.main: relocation target main.f not defined\n", "found packages main (a.go) and other (b.go) in /tmp\n",
	} {
		for _, output := range []string{strings.Repeat(part, 200_000/len(part)), "package a\n" + strings.Repeat(part, 200_000/len(part))} {
			p := build.Explain(t.TempDir(), output)
			check(t, p)
		}
	}
}

func FuzzExplain(f *testing.F) {
	for _, seed := range []string{
		"# example.com/app\n./main.go:17:1: missing return\n\thave (number)\n\twant ()\n",
		"package a\n\timports b from a.go\n\timports a from b.go: import cycle not allowed\n",
		"package a\n\tmain.go:3:8: use of internal package b not allowed\n",
		"main.go:3:2: no required module provides package x.org/y; to add it:\n\tgo get x.org/y\n",
		"go: errors parsing go.mod:\ngo.mod:5: unknown directive: foo\n",
		"# a\n/usr/lib/go/link: running gcc failed: exit status 1\n/usr/bin/gcc -o x go.o\n/usr/bin/ld: x.o: in function `f':\nx.c:56: undefined reference to `foo'\ncollect2: error: ld returned 1 exit status\n",
		"# a\nmain.main: relocation target main.f not defined\n",
		"found packages main (a.go) and other (b.go) in /tmp\n",
		"# a\n# [a]\nvet: ./main.go:3:4: undefined: x\n",
		"C:\\x\\a.go:1:2: error: x\nnote: y\n", "main.go:99999999999:1: x", "\x1b]0;x\x07\xff# \n\t\n: :1:1: \n",
		"main.go:1:1: undefined: fmt.Prinln\nmain.go:3:2: undefined: mian\n",
	} {
		f.Add(seed)
	}
	dir := f.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println() }\n"), 0o666); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, output string) {
		p := build.Explain(dir, output)
		check(t, p)
		if len(p.Messages) > 20 || len(p.Output) > 64<<10 {
			t.Errorf("%d messages, %d bytes of output", len(p.Messages), len(p.Output))
		}
		for _, m := range p.Messages {
			for _, s := range append([]string{m.File, m.Text, m.Hint, p.Output, p.Title}, m.Related...) {
				if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }) {
					t.Errorf("not fit to be shown: %q", s)
				}
			}
			if m.Line < 0 || m.Column < 0 || len(m.Text) > 8<<10 || len(m.Related) > 16 {
				t.Errorf("%+v", m)
			}
		}
		if again := build.Explain(dir, output); again.ID != p.ID {
			t.Errorf("the same output has another ID: %s, %s", p.ID, again.ID)
		}
	})
}
