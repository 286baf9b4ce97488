package arch_test

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// root is the root of the repository, seen from this package.
var root = os.DirFS("../..")

func TestArchitecture(t *testing.T) {
	t.Parallel()
	for _, complaint := range check(t, root, table) {
		t.Error(complaint)
	}
}

// check returns everything in the tree that is against the table or the rules
// for packages.
func check(t *testing.T, tree fs.FS, table string) (complaints []string) {
	t.Helper()
	module, err := modulePath(tree, "go.mod")
	if err != nil {
		t.Fatal(err)
	}
	kit, err := modulePath(tree, "fault/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if kit != module+"/fault" {
		complaints = append(complaints, fmt.Sprintf("fault/go.mod names the module %s; the table takes it for %s/fault.", kit, module))
	}
	rules, err := parseTable(table)
	if err != nil {
		t.Fatal(err)
	}
	packages, err := scan(tree)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packages {
		complaints = append(complaints, checkImports(p, module, rules)...)
		complaints = append(complaints, checkPackage(p)...)
	}
	return complaints
}

// checkImports compares what a package imports with the table.
func checkImports(p pkg, module string, rules []rule) (complaints []string) {
	complain := func(format string, args ...any) { complaints = append(complaints, fmt.Sprintf(format, args...)) }
	r := ruleFor(rules, p.path)
	if r == nil {
		complain("%s is not in the import table. A new package is a decision: write an ADR in docs/adr that says what it is for and what it may import, and add its line to the table in internal/arch.", p.path)
		return complaints
	}
	for _, f := range p.files {
		where := path.Join(p.path, f.name)
		for _, name := range f.imports {
			ours, isOurs := strings.CutPrefix(name, module+"/")
			if name == module {
				ours, isOurs = ".", true
			}
			switch {
			case isOurs && inKit(p.path) && !inKit(ours):
				complain("%s imports %s, but the kit never imports the application, not even in its tests.", where, ours)
			case f.test:
			case isOurs:
				if wrong := r.refuses(ours, f); wrong != "" {
					complain("%s imports %s, %s. An arrow that is not in the import table is a decision: write an ADR in docs/adr and add it to the table in internal/arch, or find another way.", where, ours, wrong)
				}
			default:
				for only, places := range reserved {
					if (name == only || strings.HasPrefix(name, only+"/")) && !matchesAny(places, p.path) {
						complain("%s imports %s, which only %s may.", where, name, strings.Join(places, ", "))
					}
				}
			}
		}
	}
	return complaints
}

func inKit(p string) bool { return p == "fault" || strings.HasPrefix(p, "fault/") }

func matchesAny(patterns []string, p string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return matches(pattern, p) })
}

// refuses says why the rule does not let the file import a package of ours.
func (r rule) refuses(ours string, f file) string {
	if matchesAny(r.allowed, ours) {
		return ""
	}
	for _, pattern := range slices.Sorted(maps.Keys(r.tagged)) {
		if tag := r.tagged[pattern]; matches(pattern, ours) {
			if f.needs(tag) {
				return ""
			}
			return fmt.Sprintf("which it may only in files with //go:build %s", tag)
		}
	}
	return "which the table does not allow"
}

// checkPackage looks at what every package must have, and must not.
func checkPackage(p pkg) (complaints []string) {
	complain := func(format string, args ...any) { complaints = append(complaints, fmt.Sprintf(format, args...)) }
	if slices.Contains(banned, path.Base(p.path)) {
		complain("%s has a name that says nothing; name it for what it provides.", p.path)
	}
	testsOnly := !slices.ContainsFunc(p.files, func(f file) bool { return !f.test })
	var commented []string
	for _, f := range p.files {
		if f.inits > 0 && !f.test {
			complain("%s has a function init; what must happen at start is called by name.", path.Join(p.path, f.name))
		}
		if f.doc == "" || f.test && !testsOnly {
			continue
		}
		commented = append(commented, f.name)
		want := "Package " + strings.TrimSuffix(f.pkgName, "_test") + " "
		if f.pkgName == "main" {
			want = "Command " + path.Base(p.path) + " "
		}
		if !strings.HasPrefix(f.doc, want) || !strings.Contains(f.doc, ".") {
			complain("The package comment in %s does not begin with a sentence %q.", path.Join(p.path, f.name), want+"…")
		}
	}
	switch len(commented) {
	case 0:
		complain("%s has no package comment that says what it is for.", p.path)
	case 1:
	default:
		complain("%s has %d package comments, in %s; one is enough.", p.path, len(commented), strings.Join(commented, " and "))
	}
	return complaints
}

// TestCheckFinds holds one tree for each thing that must be found.
func TestCheckFinds(t *testing.T) {
	t.Parallel()
	const testTable = `
	fault/trace     -
	fault/internal/freeze -
	fault           fault/trace [faultdev] fault/internal/freeze
	internal/app    fault/...
	internal/store  -
	cmd/microblog   internal/app
	e2e/...         *
	`
	good := map[string]string{
		"go.mod":                     "module example.org/blog\n",
		"fault/go.mod":               "module example.org/blog/fault\n",
		"fault/trace/trace.go":       "// Package trace is good.\npackage trace\n",
		"fault/fault.go":             "// Package fault is good.\npackage fault\n\nimport _ \"example.org/blog/fault/trace\"\n",
		"fault/dev.go":               "//go:build faultdev && linux\n\npackage fault\n\nimport _ \"example.org/blog/fault/internal/freeze\"\n",
		"fault/internal/freeze/f.go": "// Package freeze is good.\npackage freeze\n",
		"internal/app/app.go":        "// Package app is good.\npackage app\n\nimport _ \"example.org/blog/fault\"\n",
		"internal/app/app_test.go":   "package app_test\n\nimport _ \"example.org/blog/internal/store\"\n\nfunc init() {}\n",
		"internal/store/store.go":    "// Package store is good.\npackage store\n",
		"cmd/microblog/main.go":      "// Command microblog is good.\npackage main\n",
		"e2e/e2e_test.go":            "// Package e2e is good.\npackage e2e_test\n\nimport _ \"example.org/blog/internal/store\"\n",
	}
	tests := []struct {
		name, file, source, want string
	}{
		{name: "nothing in a good tree"},
		{"an unlisted package", "internal/cache/cache.go", "// Package cache is new.\npackage cache\n", "internal/cache is not in the import table"},
		{"an arrow that is not in the table", "internal/store/more.go", "package store\n\nimport _ \"example.org/blog/internal/app\"\n", "imports internal/app, which the table does not allow"},
		{"an arrow in a file for another system", "internal/store/more_windows.go", "package store\n\nimport _ \"example.org/blog/fault\"\n", "imports fault, which"},
		{"a package internal to the kit", "internal/app/more.go", "package app\n\nimport _ \"example.org/blog/fault/internal/freeze\"\n", "imports fault/internal/freeze, which"},
		{"the debugger in a release", "fault/more.go", "package fault\n\nimport _ \"example.org/blog/fault/internal/freeze\"\n", "only in files with //go:build faultdev"},
		{"the debugger where the tag is one of two ways", "fault/more.go", "//go:build faultdev || !linux\n\npackage fault\n\nimport _ \"example.org/blog/fault/internal/freeze\"\n", "only in files with //go:build faultdev"},
		{"the debugger in a build that may lack the tag", "fault/more.go", "//go:build faultdev || linux\n\npackage fault\n\nimport _ \"example.org/blog/fault/internal/freeze\"\n", "only in files with //go:build faultdev"},
		{"the kit testing with the application", "fault/more_test.go", "package fault\n\nimport _ \"example.org/blog/internal/app\"\n", "the kit never imports the application"},
		{"a driver outside its package", "internal/app/more.go", "package app\n\nimport _ \"github.com/jackc/pgx/v5/stdlib\"\n", "only internal/store/postgres, "},
		{"a function init", "internal/app/more.go", "package app\n\nfunc init() {}\n", "has a function init"},
		{"two package comments", "internal/app/more.go", "// Package app is good, too.\npackage app\n", "2 package comments, in app.go and more.go"},
		{"no package comment", "internal/store/store.go", "package store\n", "no package comment"},
		{"a comment that does not name the package", "internal/store/store.go", "// Stores things.\npackage store\n", "does not begin with"},
		{"a command's comment", "cmd/microblog/main.go", "// Package main is odd.\npackage main\n", `"Command microblog …"`},
		{"a name that says nothing", "e2e/utils/u.go", "// Package utils is bad.\npackage utils\n", "says nothing"},
		{"a kit of another name", "fault/go.mod", "module example.org/other\n", "fault/go.mod names the module"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tree := fstest.MapFS{}
			for name, source := range good {
				tree[name] = &fstest.MapFile{Data: []byte(source)}
			}
			if tt.file != "" {
				tree[tt.file] = &fstest.MapFile{Data: []byte(tt.source)}
			}
			complaints := check(t, tree, testTable)
			if tt.file == "" {
				if len(complaints) != 0 {
					t.Errorf("complaints about a good tree: %q", complaints)
				}
				return
			}
			if len(complaints) != 1 || !strings.Contains(complaints[0], tt.want) {
				t.Errorf("complaints are %q, want one that contains %q", complaints, tt.want)
			}
		})
	}
}
