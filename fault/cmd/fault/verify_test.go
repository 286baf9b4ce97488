package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"example.org/microblog/fault/internal/devtool/verify"
)

// kitProgram writes a program in a module of the kit's name, with a package for development of its own of the name that
// is looked for, and returns its directory. With the tag faultdev it uses count functions of that package.
func kitProgram(t *testing.T, count int) string {
	t.Helper()
	devlink := verify.Packages()[0]
	module, ok := strings.CutSuffix(devlink, "/internal/devlink")
	if !ok {
		t.Fatal(devlink)
	}
	var functions, calls strings.Builder
	for i := range count {
		fmt.Fprintf(&functions, "//go:noinline\nfunc F%02d() { println(%d) }\n\n", i, i)
		fmt.Fprintf(&calls, "\tdevlink.F%02d()\n", i)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":                      "module " + module + "\n\ngo 1.26\n",
		"main.go":                     "package main\n\nfunc main() { hook() }\n",
		"release.go":                  "//go:build !faultdev\n\npackage main\n\nfunc hook() {}\n",
		"development.go":              fmt.Sprintf("//go:build faultdev\n\npackage main\n\nimport %q\n\nfunc hook() {\n%s}\n", devlink, &calls),
		"tagged/main.go":              "package main\n\nfunc main() {}\n",
		"internal/devlink/devlink.go": "package devlink\n\n" + functions.String(),
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// goBuild builds a package below dir and returns the binary's path.
func goBuild(t *testing.T, dir, pkg string, flags ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	cmd := exec.CommandContext(t.Context(), "go", append(append([]string{"build", "-buildvcs=false", "-o", path}, flags...), pkg)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

func TestVerify(t *testing.T) {
	t.Parallel()
	dir := kitProgram(t, 25)
	release := goBuild(t, dir, ".", "-ldflags=-s -w", "-trimpath")
	development := goBuild(t, dir, ".", "-tags=faultdev", "-ldflags=-s -w", "-trimpath")
	tagged := goBuild(t, dir, "./tagged", "-tags=faultdev")
	debug := goBuild(t, dir, ".", "-gcflags=all=-N -l")
	nothing := filepath.Join(t.TempDir(), "nothing")
	devlink := verify.Packages()[0]
	for name, test := range map[string]struct {
		args           []string
		code           int
		stdout, stderr []string // what they have, in between
	}{
		"a release":    {[]string{release}, 0, []string{release + ": no code for development in "}, nil},
		"two releases": {[]string{release, debug}, 0, []string{release + ": no code", debug + ": no code", "without optimisation"}, nil},
		"a development build": {[]string{development}, 1, nil, []string{
			development + ": code for development is linked into it (go1.", "  " + devlink + ".F00\n", "  " + devlink + ".F19\n", "  … and 5 more\n",
			"Build it without -tags faultdev", "fault: " + development + " is not fit for a release\n",
		}},
		"the tag only": {[]string{tagged}, 1, nil, []string{tagged + ": built with the tag faultdev"}},
		"one of two":   {[]string{development, release}, 1, []string{release + ": no code"}, []string{devlink + ".F00", "fault: 1 of 2 binaries are not fit"}},
		"no file":      {[]string{nothing}, 1, nil, []string{nothing + ": no such file or directory\n"}},
		"a directory":  {[]string{dir}, 1, nil, []string{dir + ": it is a directory\n"}},
		"no program":   {[]string{filepath.Join(dir, "main.go")}, 1, nil, []string{"it is no program for"}},
		"no argument":  {nil, 2, nil, []string{"<binary>"}},
		"no flag":      {[]string{"--quick", release}, 2, nil, []string{"--quick"}},
		"its help":     {[]string{"--help"}, 0, []string{devlink, "faultdev"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := ended(t, append([]string{"verify"}, test.args...)...)
			if code != test.code {
				t.Errorf("exit %d, want %d", code, test.code)
			}
			for _, one := range []struct {
				name, text string
				want       []string
			}{{"out", stdout, test.stdout}, {"err", stderr, test.stderr}} {
				if (one.text == "") != (one.want == nil) {
					t.Errorf("%s: %q", one.name, one.text)
				}
				for _, want := range one.want {
					if !strings.Contains(one.text, want) {
						t.Errorf("%s: no %q in\n%s", one.name, want, one.text)
					}
				}
			}
			if strings.Contains(stderr, devlink+".F20") {
				t.Errorf("more than 20 are named:\n%s", stderr)
			}
		})
	}
}
