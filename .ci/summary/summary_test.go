package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// write makes a module out of files, by name.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestWithGoTest reads what go test itself writes.
func TestWithGoTest(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{
		"go.mod": "module example.org/m\n\ngo 1.26.0\n",
		"good/good_test.go": `package good
import "testing"
func TestA(t *testing.T) { t.Log("unseen") }
func TestB(t *testing.T) { t.Run("one", func(t *testing.T) {}); t.Run("two", func(t *testing.T) {}) }
func FuzzA(f *testing.F) {
	f.Add(1)
	f.Add(2)
	f.Fuzz(func(t *testing.T, n int) {
		if n == 2 {
			t.Skip("out of scope")
		}
	})
}
func FuzzB(f *testing.F) { f.Skip("needs", "a lot") }
func TestNeedsMore(t *testing.T) { t.Skip("needs", "more") }
`,
		"bad/bad_test.go": `package bad
import "testing"
func TestGood(t *testing.T) { t.Log("unseen") }
func TestBad(t *testing.T) {
	t.Log("said before")
	t.Run("inner", func(t *testing.T) { t.Run("most", func(t *testing.T) { t.Error("the reason") }) })
	t.Run("fine", func(t *testing.T) { t.Log("unseen") })
}
func TestOwn(t *testing.T) { t.Run("fine", func(t *testing.T) {}); t.Error("own reason") }
`,
		"broken/broken_test.go": "package broken\nimport \"testing\"\nfunc TestX(t *testing.T) { undefinedName() }\n",
		"panics/panics_test.go": "package panics\nimport \"testing\"\nfunc TestX(t *testing.T) { var m map[string]int; m[\"x\"] = 1 }\n",
		"exits/exits_test.go":   "package exits\nimport (\"os\"; \"testing\")\nfunc TestX(t *testing.T) { os.Exit(3) }\n",
		"none/none.go":          "package none\n",
	})
	cmd := exec.Command("go", "test", "-json", "-count=1", "-p=1", "./...")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	results, err := cmd.Output()
	if err == nil {
		t.Fatal("go test did not fail")
	}

	var out strings.Builder
	s := newSummary(&out)
	if err := s.read(strings.NewReader(string(results))); err != nil {
		t.Fatal(err)
	}
	if s.finish(false, nil) {
		t.Error("finish says that all is well")
	}
	got := out.String()
	for _, want := range []string{
		"ok    example.org/m/good", "4 passed, 0 failed, 2 skipped",
		"FAIL  example.org/m/bad", "3 passed, 2 failed, 0 skipped",
		"the reason", "own reason", "said before",
		"undefined: undefinedName",
		"assignment to entry in nil map",
		"FAIL  example.org/m/exits",
		"  example.org/m/good TestNeedsMore: needs more\n",
		"  example.org/m/good FuzzB: needs a lot\n",
		"\n  example.org/m/bad TestBad/inner/most\n",
		"\n  example.org/m/bad TestOwn\n",
		"\n  example.org/m/broken\n",
		"\n  example.org/m/panics TestX\n",
		"TestX did not end.",
		"\n  example.org/m/exits\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the summary lacks %q", want)
		}
	}
	if strings.Contains(got, "out of scope") {
		t.Error("the summary lists an input of a fuzz test as skipped")
	}
	if strings.Contains(got, "unseen") {
		t.Error("the summary shows what a test said that passed")
	}
	if !strings.HasSuffix(got, "\n7 passed, 5 failed, 2 skipped\n") {
		t.Error("the last line is not the counts")
	}
	if t.Failed() {
		t.Log(got)
	}
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	const (
		passes = `{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Test":"TestA"}
`
		skips = `{"Action":"run","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Test":"TestB","Output":"    b_test.go:3: no server\n"}
{"Action":"skip","Package":"p","Test":"TestB"}
`
		ends = `{"Action":"pass","Package":"p","Elapsed":1}
`
	)
	allowed := []skip{{key{"p", "TestB"}, "there is none"}}
	tests := []struct {
		name    string
		in      string
		strict  bool
		allowed []skip
		well    bool
		want    string
	}{
		{"all pass", passes + ends, true, nil, true, "1 passed, 0 failed, 0 skipped\n"},
		{"a skip", passes + skips + ends, false, nil, true, "p TestB: no server\n1 passed, 0 failed, 1 skipped\n"},
		{"a skip where nothing may be", passes + skips + ends, true, nil, false, "p TestB: no server (NOT ALLOWED HERE)\n"},
		{"a skip that may be", passes + skips + ends, true, allowed, true, "p TestB: no server (may be: there is none)\n"},
		{"a package that does not end", passes, false, nil, false, "0 passed, 1 failed, 0 skipped\n"},
		{"nothing at all", "", false, nil, false, "no test ran\n0 passed, 0 failed, 0 skipped\n"},
		{"what is no event", "go: no such module\n" + passes + ends, false, nil, true, "go: no such module\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			s := newSummary(&out)
			if err := s.read(strings.NewReader(tt.in)); err != nil {
				t.Fatal(err)
			}
			if well := s.finish(tt.strict, tt.allowed); well != tt.well || !strings.Contains(out.String(), tt.want) {
				t.Errorf("well is %v, want %v; the summary is\n%s\nwant %q in it", well, tt.well, out.String(), tt.want)
			}
		})
	}
}

func TestReadAllowed(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{
		"good": "# comment\n\np/q TestA/b  for a reason\n",
		"bad":  "p/q TestA\n",
	})
	got, err := readAllowed(filepath.Join(dir, "good"))
	if err != nil || len(got) != 1 || got[0] != (skip{key{"p/q", "TestA/b"}, "for a reason"}) {
		t.Errorf("readAllowed = %+v, %v", got, err)
	}
	for _, name := range []string{"bad", "missing"} {
		if _, err := readAllowed(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
