package debugapi_test

import (
	"debug/buildinfo"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"example.org/microblog/fault/internal/devtool/debugapi"
	"example.org/microblog/fault/redact"
)

type named struct{ Name, Value string }

type environment struct {
	Dir, Program, Why string
	Arguments         []string
	Variables         []named
	Cut               int
	Build             *struct {
		Go, Package string
		Settings    []named
		Modules     []struct {
			Path, Version string
			Main          bool
			Replaced      *struct{ Path, Version string } `json:"replaced_by"`
		}
	}
}

// environmentOf asks for the environment of a failure.
func environmentOf(t *testing.T, env *debugapi.Environment) (got environment, text string) {
	t.Helper()
	s, _ := newServer(t, nil)
	f := newFailure("it failed")
	f.Environment = env
	s.Add(f)
	a := login(t, s).get("/failures/" + f.ID.Full() + "/environment")
	if a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if err := json.Unmarshal(a.body, &got); err != nil {
		t.Fatal(err)
	}
	return got, string(a.body)
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	got, _ := environmentOf(t, &debugapi.Environment{
		Dir: "/home/susan/blog", Program: program, Arguments: []string{"serve", "--addr", "127.0.0.1:1"}, Variables: []string{"B=2", "A=1=1", "B=3", "EMPTY=", "not one"},
	})
	if want := []named{{"A", "1=1"}, {"B", "3"}, {"EMPTY", ""}}; !reflect.DeepEqual(got.Variables, want) {
		t.Errorf("variables %v", got.Variables)
	}
	if got.Dir != "/home/susan/blog" || got.Program != program || !reflect.DeepEqual(got.Arguments, []string{"serve", "--addr", "127.0.0.1:1"}) || got.Why != "" || got.Build == nil {
		t.Fatalf("got %+v", got)
	}
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	b := got.Build
	if b.Go != info.GoVersion || b.Package != info.Path || len(b.Settings) != len(info.Settings) || len(b.Modules) != 1+len(info.Deps) {
		t.Fatalf("build %+v of %v", b, info)
	}
	for i, s := range info.Settings {
		if b.Settings[i] != (named{s.Key, s.Value}) {
			t.Errorf("%v is %v", s, b.Settings[i])
		}
	}
	if m := b.Modules[0]; !m.Main || m.Path != info.Main.Path || m.Version != info.Main.Version {
		t.Errorf("the main module is %+v", m)
	}
}

// A secret is masked where its name says so, and wherever its value stands besides.
func TestEnvironmentIsMasked(t *testing.T) {
	t.Parallel()
	const canary = "Tr0ub4dor-canary"
	got, text := environmentOf(t, &debugapi.Environment{
		Dir: "/srv/" + canary, Program: "/nowhere/app",
		Arguments: []string{"--smtp-password", "hunter2-canary", "--token=f00-canary", "--verbose", "--url", "http://127.0.0.1/?x=hunter2-canary"},
		Variables: []string{
			"MAIL_PASSWORD=" + canary, "MAIL_URL=smtp://mail.example.org/?p=" + canary, "DATABASE_URL=postgres://blog:other-canary@localhost/blog",
			"API_KEY=k", "HOME=/home/ubuntu", "XDG_SESSION_DESKTOP=ubuntu", "DESKTOP_SESSION=ubuntu", "HEADERS=X-Token: f00-canary",
			"DOUBLE=Authorization: Bearer abcdefghijkl-canary", "INVITE_CODE=pet-canary", "INVITED=http://localhost/join/pet-canary",
		},
		Redactor: func() *redact.Redactor { return redact.New(redact.Options{Keys: []string{"invite code"}}) },
	})
	if strings.Contains(text, "canary") {
		t.Errorf("it tells a secret: %s", text)
	}
	all := map[string]string{}
	for _, v := range got.Variables {
		all[v.Name] = v.Value
	}
	for name, want := range map[string]string{
		"MAIL_PASSWORD": "[masked]", "MAIL_URL": "smtp://mail.example.org/?p=[masked]", "DATABASE_URL": "postgres://blog:[masked]@localhost/blog", "API_KEY": "[masked]",
		"HOME": "/home/ubuntu",
	} {
		if all[name] != want {
			t.Errorf("%s is %q, want %q", name, all[name], want)
		}
	}
	if want := []string{"--smtp-password", "[masked]", "--token=[masked]", "--verbose", "--url", "http://127.0.0.1/?x=[masked]"}; !reflect.DeepEqual(got.Arguments, want) {
		t.Errorf("arguments %q", got.Arguments)
	}
}

func TestEnvironmentWithoutBuild(t *testing.T) {
	t.Parallel()
	text := filepath.Join(t.TempDir(), "app")
	if err := os.WriteFile(text, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for program, why := range map[string]string{
		filepath.Join(t.TempDir(), "app-3"): "The binary of this version has been removed",
		text:                                "cannot be read from its binary",
	} {
		got, _ := environmentOf(t, &debugapi.Environment{Program: program, Variables: []string{"LONG=" + strings.Repeat("é", 5000)}})
		if got.Build != nil || !strings.Contains(got.Why, why) || !strings.HasSuffix(got.Why, ".") {
			t.Errorf("%s: %+v %q", program, got.Build, got.Why)
		}
		if v := got.Variables[0].Value; len(v) > 5000 || !strings.HasSuffix(v, "é…") {
			t.Errorf("%d bytes of a long value", len(v))
		}
	}
}

// What a program was started with is told to nobody without a token.
func TestEnvironmentNeedsToken(t *testing.T) {
	t.Parallel()
	s, _ := newServer(t, nil)
	f := newFailure("it failed")
	s.Add(f)
	c := &caller{t: t, url: s.URL()}
	path := "/failures/" + f.ID.Full() + "/environment"
	if a := c.get(path); a.status != http.StatusUnauthorized || a.code() != "token" {
		t.Errorf("%d %s", a.status, a.body)
	}
	c = login(t, s)
	if a := c.get(path); a.status != http.StatusNotImplemented || a.code() != "unsupported" {
		t.Errorf("without an environment: %d %s", a.status, a.body)
	}
	if a := c.post(path, `{}`); a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != "GET, HEAD" {
		t.Errorf("%d %v", a.status, a.header)
	}
	if a := c.get("/failures/7F3K92QD6J8W4M2C5X0ABCDEFG/environment"); a.status != http.StatusNotFound {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// FuzzEnvironment: whatever stands in an environment, what is told is JSON, bounded and without the secret.
func FuzzEnvironment(f *testing.F) {
	const secret = "Zk3hYt0vQw9m-canary"
	for _, s := range []string{"", "=", "A", "A=b", "=C:=C:\\x", "--password", "\xff\x00\u202e=" + secret, secret + "=x", strings.Repeat("=é", 5000), "TOKEN=" + secret} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d := debugapi.EnvironmentDocument(&debugapi.Environment{Dir: s, Program: filepath.Join(t.TempDir(), "none"), Arguments: []string{s, s, secret}, Variables: []string{s, "APP_SECRET=" + secret, "X=" + s}})
		text, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), secret) {
			t.Errorf("it tells the secret: %.500s", text)
		}
	})
}
