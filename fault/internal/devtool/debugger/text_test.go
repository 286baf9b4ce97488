package debugger_test

import (
	"errors"
	"strings"
	"testing"

	"example.org/microblog/fault/internal/devtool/debugger"
)

func TestShortType(t *testing.T) {
	for full, want := range map[string]string{
		"int":                           "int",
		"*example.org/a/shapes.Point":   "*shapes.Point",
		"[]uint8":                       "[]byte",
		"[4]uint8":                      "[4]byte",
		"map[string]interface {}":       "map[string]any",
		"main.row·2":                    "main.row",
		"gopkg.in/yaml%2ev3.Node":       "yaml%2ev3.Node",
		"func(interface {}) error":      "func(any) error",
		"a/b.Pair[a/c.Key,*a/d-e.Node]": "b.Pair[c.Key,*d-e.Node]",
	} {
		if got := debugger.ShortType(full); got != want {
			t.Errorf("%s becomes %s, want %s", full, got, want)
		}
	}
}

func TestPackageOf(t *testing.T) {
	for function, want := range map[string]string{
		"main.main":                       "main",
		"example.org/a/web.(*Server).run": "example.org/a/web",
		"example.org/a/web.F[a/b.T]":      "example.org/a/web",
		"example.org/a/web.f.func1.2":     "example.org/a/web",
		"gopkg.in/yaml%2ev3.Unmarshal":    "gopkg.in/yaml.v3",
		"":                                "",
		"nothing":                         "",
	} {
		if got := debugger.PackageOf(function); got != want {
			t.Errorf("%s is in %q, want %q", function, got, want)
		}
	}
}

func TestCursor(t *testing.T) {
	for text, want := range map[string]string{ // | is the offset
		"na|":               "/na",
		"a.na|":             "a/na",
		"x + a.b[1].na|":    "a.b[1]/na",
		"x + a.b[i.j].na|":  "a.b[i.j]/na",
		"f(a, b.c|":         "b/c",
		"(a.b).|":           "(a.b)/",
		`m["a.b"].x|`:       `m["a.b"]/x`,
		"a.(*b.T).x|":       "a.(*b.T)/x",
		`"some/path".Na|`:   `"some/path"/Na`,
		"a.b|.c":            "a/b",
		"|":                 "/",
		".|":                "/",
		"größe.ü|":          "größe/ü",
		"xs[len(xs)-1].fi|": "xs[len(xs)-1]/fi",
	} {
		offset := strings.IndexByte(text, '|')
		text = strings.Replace(text, "|", "", 1)
		base, start, end := debugger.Cursor(text, offset)
		if got := base + "/" + text[start:end]; got != want {
			t.Errorf("%s at %d: %s, want %s", text, offset, got, want)
		}
	}
}

func FuzzCursor(f *testing.F) {
	for _, text := range []string{"a.b", `m["x"].y`, "((a)[1]).b", ".", "]].x", `".`, "a.(T).b"} {
		f.Add(text, len(text))
	}
	f.Fuzz(func(t *testing.T, text string, offset int) {
		offset = min(max(offset, 0), len(text))
		base, start, end := debugger.Cursor(text, offset)
		if start > end || end != offset || !strings.Contains(text, base) {
			t.Errorf("%q at %d: %q, %d to %d", text, offset, base, start, end)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"a.b", "x := 1", "f(", "func() {}", "\x00", "a\n+b", "}", "1..2", "/*"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		err := debugger.Parse(text)
		var e *debugger.EvaluateError
		if err != nil && (!errors.As(err, &e) || !strings.HasSuffix(e.Text, ".")) {
			t.Errorf("%q: %v", text, err)
		}
	})
}
