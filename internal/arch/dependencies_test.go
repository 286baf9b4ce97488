package arch_test

import (
	"encoding/json"
	"io/fs"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestDependenciesAreDocumented compares what both go.mod files require directly
// with the table in docs/dependencies.md.
func TestDependenciesAreDocumented(t *testing.T) {
	t.Parallel()
	module, err := modulePath(root, "go.mod")
	if err != nil {
		t.Fatal(err)
	}
	required := map[string]string{}
	for _, name := range []string{"go.mod", "fault/go.mod"} {
		for path, version := range direct(t, name) {
			if path == module || strings.HasPrefix(path, module+"/") {
				continue
			}
			if other, ok := required[path]; ok && other != version {
				t.Errorf("the modules require different versions of %s: %s and %s", path, other, version)
			}
			required[path] = version
		}
	}
	documented := documentedDependencies(t)
	for path, version := range required {
		switch d, ok := documented[path]; {
		case !ok:
			t.Errorf("go.mod requires %s, of which docs/dependencies.md says nothing", path)
		case d != version:
			t.Errorf("docs/dependencies.md tells of %s %s, but go.mod requires %s; look at its date, too", path, d, version)
		}
	}
	for path := range documented {
		if _, ok := required[path]; !ok {
			t.Errorf("docs/dependencies.md tells of %s, which no go.mod requires directly", path)
		}
	}
}

// direct returns the versions of what a go.mod file requires directly.
func direct(t *testing.T, name string) map[string]string {
	t.Helper()
	text, err := exec.Command("go", "mod", "edit", "-json", "../../"+name).Output()
	if err != nil {
		t.Fatalf("reading %s: %v", name, err)
	}
	var mod struct {
		Require []struct {
			Path, Version string
			Indirect      bool
		}
	}
	if err := json.Unmarshal(text, &mod); err != nil {
		t.Fatalf("reading %s: %v", name, err)
	}
	all := map[string]string{}
	for _, r := range mod.Require {
		if !r.Indirect {
			all[r.Path] = r.Version
		}
	}
	return all
}

// row is a row of the table: module, version, date, licence and two texts.
var row = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (v[^ ]+) \\| \\d{4}-\\d\\d-\\d\\d \\| [^|]+ \\| [^|]+ \\| [^|]+ \\|\\r?$")

func documentedDependencies(t *testing.T) map[string]string {
	t.Helper()
	text, err := fs.ReadFile(root, "docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		if _, ok := all[m[1]]; ok {
			t.Errorf("docs/dependencies.md tells of %s twice", m[1])
		}
		all[m[1]] = m[2]
	}
	if lines := strings.Count(string(text), "\n| `"); lines != len(all) {
		t.Errorf("%d of %d rows of docs/dependencies.md have all their columns", len(all), lines)
	}
	return all
}
