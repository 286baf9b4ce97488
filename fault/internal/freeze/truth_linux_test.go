//go:build amd64 || arm64

package freeze_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"example.org/microblog/fault/internal/devtool/debugger"
	"example.org/microblog/fault/internal/freeze"
)

// delve returns a program that can look into a copy.
func delve(t *testing.T) string {
	t.Helper()
	path, err := new(debugger.Installer).Ensure(t.Context(), func(text string) { t.Log(text) })
	if err != nil {
		t.Skip("NOT TESTED WITH A DEBUGGER: ", err)
	}
	return path
}

// TestCopiesAreTrue looks into copies of a program that works on four goroutines and collects its garbage all
// the time. Every value must be right.
func TestCopiesAreTrue(t *testing.T) {
	t.Parallel()
	dlv := delve(t)
	copies := 60
	if testing.Short() {
		copies = 3
	}
	program := filepath.Join(t.TempDir(), "truth")
	out, err := exec.Command("go", "build", "-gcflags=-N -l", "-o", program, "./testdata/truth").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	a := startProgram(t, exec.Command(program))
	for i := range copies {
		n := 1000 + 7*i
		if !look(t, dlv, a.copyOf(fmt.Sprint(n)), n) {
			return
		}
	}
}

// look tells whether a copy has the values of the number n.
func look(t *testing.T, dlv string, pid, n int) bool {
	t.Helper()
	pkg := reflect.TypeFor[freeze.Copy]().PkgPath()
	// Marker, stay, here, Here, freezeHere, inner, middle, outer
	questions := []struct{ ask, want string }{
		{"frame 4 print some[1].text", fmt.Sprintf(`"line 2 of %d"`, n)},
		{"frame 5 print text", fmt.Sprintf(`"text of %d"`, n)},
		{"frame 5 print o.next.number", fmt.Sprint(n + 1)},
		{"frame 5 print value.(*main.order).name", `"` + strings.Repeat("x", n%20+1) + `"`},
		{"frame 6 print lines[4].price", fmt.Sprint(n*10 + 4)},
		{"frame 6 print o.lines[0].text", fmt.Sprintf(`"line 0 of %d"`, n)},
		{"frame 7 print first.name", fmt.Sprintf(`"first %d"`, n)},
		{`frame 7 print table["double"]`, fmt.Sprint(2 * n)},
	}
	script := fmt.Sprintf("break %s.Marker\ncontinue\n", pkg)
	for i, q := range questions {
		script += fmt.Sprintf("print %q\n%s\n", fmt.Sprintf("question %d", i), q.ask)
	}
	file := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(file, []byte(script+"exit\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, dlv, "attach", fmt.Sprint(pid), "--init", file, "--allow-non-terminal-interactive=true")
	cmd.Env = append(os.Environ(), "NO_COLOR=1", "TERM=dumb", "HOME="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Logf("dlv: %v", err)
	}
	said := string(out)
	for i, q := range questions {
		_, answer, found := strings.Cut(said, fmt.Sprintf("\"question %d\"\n", i))
		answer, _, _ = strings.Cut(answer, "\"question ")
		if !found || !strings.Contains(answer, q.want) {
			t.Errorf("copy %d of %d: %s is %q, want %s\n%s", pid, n, q.ask, answer, q.want, said)
			return false
		}
	}
	return true
}
