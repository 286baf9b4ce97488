package main_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestRunTrimmedPaths: with -trimpath a program names no directories. Its source is shown all the same.
func TestRunTrimmedPaths(t *testing.T) {
	t.Parallel()
	dir := application(t, map[string]string{
		"go.mod": "module example.test/app\n\ngo 1.26\n\nrequire example.test/dep v1.0.0\n\nreplace example.test/dep => ./other\n",
		"main.go": `package main

import (
	"example.test/app/lib"
	"example.test/dep"
)

func main() { dep.Call(lib.Fail) } // as main does
`,
		"lib/lib.go":   "package lib\n\nfunc Fail() { panic(\"closed\") } // as a package does\n",
		"other/go.mod": "module example.test/dep\n\ngo 1.26\n",
		"other/dep.go": "package dep\n\nfunc Call(f func()) { f() } // as another module does\n",
	})
	r := runFault(t, dir, "--no-mailbox", "--no-vet", "--build-flag=-trimpath")
	r.says("panic: closed")
	a := r.browse("/")
	for _, text := range []string{"// as main does", "// as a package does", "// as another module does", "vscode://file" + dir + "/lib/lib.go"} {
		if !strings.Contains(a.body, text) {
			t.Errorf("no %q in %s", text, a.body)
		}
	}
	if a.status != http.StatusServiceUnavailable {
		t.Errorf("status %d", a.status)
	}
}
