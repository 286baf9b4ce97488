package reproduce_test

import (
	"context"
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devtool/reproduce"
	"example.org/microblog/fault/trace"
)

// goRun runs the go command in a directory.
func goRun(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	goPath, err := exec.LookPath("go")
	if err != nil {
		t.Skip("there is no go command")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, goPath, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=", "GOPROXY=off", "GOTOOLCHAIN=local", "OUT="+dir)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// The tests that are made are clean for go vet, and their handlers see what the failed one saw.
func TestGoTest(t *testing.T) {
	dir := t.TempDir()
	text, err := os.ReadFile("describe_test.go")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "go.mod"), "module example.org/app\n\ngo 1.26\n")
	write(t, filepath.Join(dir, "describe.go"), strings.Replace(string(text), "package reproduce_test", "package app", 1))
	write(t, filepath.Join(dir, "handler.go"), `package app

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
)

func handler(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := json.Marshal(describe(r))
		if err == nil {
			err = os.WriteFile(filepath.Join(os.Getenv("OUT"), name+".json"), b, 0o600)
		}
		if err != nil {
			panic(err)
		}
		switch {
		case r.Method == "PURGE":
			w.WriteHeader(http.StatusBadGateway)
		case r.Method == "PUT":
			http.NotFound(w, r)
		case r.Header.Get("Authorization") != "":
			http.Redirect(w, r, "/login", http.StatusSeeOther)
		}
	})
}
`)
	want := map[string]description{}
	names := map[string]string{}
	for name, raw := range requests {
		f, seen := fail(t, raw)
		made, err := reproduce.GoTest(f, reproduce.TestOptions{Package: "app", Handler: "handler(t.Name())", Whole: true})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if strings.Contains(made.Source, canary) {
			t.Errorf("%s: a secret stands in the test:\n%s", name, made.Source)
		}
		write(t, filepath.Join(dir, made.Name), made.Source)
		want[made.Func], names[made.Func] = expected(t, seen), name
		if name == "secrets" {
			t.Log(made.Source)
		}
	}
	if out, err := goRun(t, dir, "vet", "."); err != nil {
		t.Fatalf("go vet: %v\n%s", err, out)
	}
	out, err := goRun(t, dir, "test", ".")
	if err == nil || strings.Count(out, "--- FAIL") != 3 {
		t.Errorf("want the three tests to fail whose answers are 502, 404 and 303: %v\n%s", err, out)
	}
	for _, want := range []string{
		"PURGE /cache was answered 502", "this handler does not know the route, or has nothing there: PUT /api/post was answered 404",
		"put in what was masked: without it, POST /login?token=%5Bmasked%5D&a=+&page=2 was answered 303 /login",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the tests do not say %q:\n%s", want, out)
		}
	}
	for fn, w := range want {
		t.Run(names[fn], func(t *testing.T) {
			b, err := os.ReadFile(filepath.Join(dir, fn+".json"))
			if err != nil {
				t.Fatal(err)
			}
			var got description
			if err := json.Unmarshal(b, &got); err != nil {
				t.Fatal(err)
			}
			w.Header.Del("Content-Length")
			switch names[fn] {
			case "json":
				w.Body = 0 // It was not kept.
			case "files":
				w.Header.Set("Content-Type", "multipart/form-data")
			case "long":
				if w.Path = got.Path; !strings.HasPrefix(got.Path, "/xxxx") {
					t.Errorf("asked for %q", got.Path)
				}
			}
			compare(t, got, w)
		})
	}
}

func compare(t *testing.T, got, want description) {
	t.Helper()
	g, w := reflect.ValueOf(got), reflect.ValueOf(want)
	for i := range g.NumField() {
		if x, y := g.Field(i), w.Field(i); !reflect.DeepEqual(x.Interface(), y.Interface()) && (x.Kind() != reflect.Map || x.Len()+y.Len() > 0) {
			t.Errorf("%s is\n%q, want\n%q", g.Type().Field(i).Name, x, y)
		}
	}
}

// Without a handler the test compiles and says what to do.
func TestWithoutHandler(t *testing.T) {
	f, _ := fail(t, requests["secrets"])
	f.Stack[0].App = true // The packages of the kit are never taken for the application's.
	made, err := reproduce.GoTest(f, reproduce.TestOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(made.Dir, "/reproduce") || !strings.HasPrefix(made.Source, "package reproduce") {
		t.Errorf("it belongs to %s: %s", made.Dir, made.Source[:40])
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), "module example.org/app\n\ngo 1.26\n")
	write(t, filepath.Join(dir, made.Name), made.Source)
	if out, err := goRun(t, dir, "vet", "."); err != nil {
		t.Errorf("go vet: %v\n%s", err, out)
	}
	if out, err := goRun(t, dir, "test", "."); err == nil || !strings.Contains(out, "the test has no handler") {
		t.Errorf("%v\n%s", err, out)
	}
}

// Whatever a failure holds, the test is Go.
func TestForeignFailures(t *testing.T) {
	text := "a\n*/ //go:build ignore\r\n\u202e`\"\\ [masked][masked]+[masked]\x00"
	header := map[string][]string{text: {text}, "Cookie": {text, "a=[masked]; b"}, "Content-Type": {text}, "X": nil}
	for name, q := range map[string]*fault.Request{
		"text":  {Method: text, URL: text, Host: text, Proto: text, RemoteAddr: text, Header: header, Form: map[string][]string{text: {text}}},
		"files": {Method: "POST", URL: "/a[masked]b?x=[masked]&%5Bmasked%5D", Header: header, Files: []fault.File{{Field: text, Name: text, Size: -1}, {Size: 1 << 40}}},
		"empty": {Header: map[string][]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fault.Failure{Message: text, Request: q, User: text, Stack: trace.Stack{{Function: text, File: text, App: true}}}
			made, err := reproduce.GoTest(f, reproduce.TestOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parser.ParseFile(token.NewFileSet(), "", made.Source, 0); err != nil {
				t.Errorf("%v\n%s", err, made.Source)
			}
			if strings.Contains(made.Source, "\n//go:build") {
				t.Errorf("a directive came in:\n%s", made.Source)
			}
		})
	}
}

func TestNoRequest(t *testing.T) {
	for name, f := range map[string]*fault.Failure{
		"none":      {},
		"path only": {Reported: true, Request: &fault.Request{Method: "GET", URL: "/x", Cut: true}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := reproduce.GoTest(f, reproduce.TestOptions{}); !errors.Is(err, reproduce.ErrNoRequest) {
				t.Errorf("GoTest: %v", err)
			}
			if _, _, err := reproduce.Curl(f, ""); !errors.Is(err, reproduce.ErrNoRequest) {
				t.Errorf("Curl: %v", err)
			}
			if _, err := reproduce.Replay(t.Context(), f, reproduce.ReplayOptions{Target: "http://127.0.0.1:1"}); !errors.Is(err, reproduce.ErrNoRequest) {
				t.Errorf("Replay: %v", err)
			}
		})
	}
}

func FuzzGoTest(f *testing.F) {
	f.Add("GET", "/a?b=c", "localhost", "Cookie", "a=[masked]", "text")
	f.Add("POST", "*", "", "Content-Type", "multipart/form-data", "[masked]")
	f.Fuzz(func(t *testing.T, method, url, host, name, value, text string) {
		failure := &fault.Failure{Message: text, Request: &fault.Request{
			Method: method, URL: url, Host: host, Header: map[string][]string{name: {value}}, Form: map[string][]string{text: {value}}, Files: []fault.File{{Field: name, Name: text}},
		}}
		made, err := reproduce.GoTest(failure, reproduce.TestOptions{Package: text})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.ParseFile(token.NewFileSet(), "", made.Source, 0); err != nil {
			t.Errorf("%v\n%s", err, made.Source)
		}
		reproduce.Markdown(failure, reproduce.Details{})
	})
}
