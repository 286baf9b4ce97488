package fault_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The README's programs must compile as they stand there.
func TestReadme(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	programs := strings.Split(string(readme), "```go\n")[1:]
	if len(programs) != 2 {
		t.Fatalf("the README has %d programs", len(programs))
	}
	for _, program := range programs {
		program, _, _ = strings.Cut(program, "```\n")
		dir := t.TempDir()
		file := filepath.Join(dir, "main.go")
		if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
			t.Fatal(err)
		}
		// A file that is named is compiled as a part of this module.
		out, err := exec.CommandContext(t.Context(), "go", "vet", file).CombinedOutput()
		if err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
}
