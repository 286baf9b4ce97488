//go:build linux && (amd64 || arm64)

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// goTool runs the go command in the application's module.
func (d *debugRun) goTool(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = d.source, environment(goSettings(), settings{"GOWORK": "off"})
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// debugCopies takes the failure out of the browser: as a Go test, which is run, as Markdown and for curl.
func debugCopies(t *testing.T, d *debugRun) {
	f := d.fail(t, "/buy?n=23")
	test := f.text(t, "test")
	if !strings.HasPrefix(test, "package shop\n") || !strings.Contains(test, `"/buy?n=23"`) || !strings.Contains(test, "var handler http.Handler = Handler()\n") {
		t.Fatalf("the test is\n%s", test)
	}
	file := filepath.Join(d.source, "shop", "failure_test.go")
	put := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(test)
	t.Cleanup(func() { _ = os.Remove(file) })
	if out, err := d.goTool("vet", "./..."); err != nil {
		t.Errorf("go vet: %v\n%s", err, out)
	}
	if out, err := d.goTool("test", "./shop"); err == nil || !strings.Contains(out, "GET /buy?n=23 was answered 500") {
		t.Errorf("the test does not fail as the request did: %v\n%s", err, out)
	}
	mended := strings.Replace(debugAppShop, "rate := rates[at]", "rate := rates[at%len(rates)]", 1)
	shop := filepath.Join(d.source, "shop", "shop.go")
	if err := os.WriteFile(shop, []byte(mended), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := d.goTool("test", "./shop"); err != nil {
		t.Errorf("mended, it still fails: %v\n%s", err, out)
	}
	if err := os.WriteFile(shop, []byte(debugAppShop), 0o600); err != nil {
		t.Fatal(err)
	}
	soon(t, "the version that fails", func() error {
		_, _, err := d.failing("/buy?n=23")
		return err
	})

	for kind, wants := range map[string][]string{
		"markdown": {"## `GET /buy?n=23` 500", "index out of range [26] with length 3", "shop/shop.go:", "> ", "`rates` has 3 elements"},
		"curl":     {"curl ", d.url + "/buy?n=23"},
		"text":     {"index out of range [26]", "shop/shop.go:"},
	} {
		text := f.text(t, kind)
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %q:\n%s", kind, want, text)
			}
		}
	}
	// The command does what it says.
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if shell, err := exec.LookPath("curl"); err != nil {
		t.Log("NOT TESTED: there is no curl")
	} else if out, err := exec.CommandContext(ctx, "sh", "-c", strings.TrimSpace(f.text(t, "curl"))+" -s --fail-with-body").CombinedOutput(); err == nil || !strings.Contains(string(out), "index out of range [26]") {
		t.Errorf("%s: %v\n%s", shell, err, tail(string(out)))
	}
}

// debugEnvironment: what the version was started with, how it was built, and how far the response was; without secrets.
func debugEnvironment(t *testing.T, d *debugRun) {
	f := d.fail(t, "/buy?n=24")
	var env struct {
		Dir, Program, Why string
		Variables         []struct{ Name, Value string }
		Build             struct {
			Go       string
			Settings []struct{ Name, Value string }
			Modules  []struct {
				Path     string
				Replaced struct{ Path string } `json:"replaced_by"`
			}
		}
	}
	if err := f.ask(f.path("/environment"), nil, &env); err != nil {
		t.Fatal(err)
	}
	has := map[string]string{}
	for _, v := range append(env.Variables, env.Build.Settings...) {
		has[v.Name] = v.Value
	}
	if has["SHOP_API_KEY"] != "[masked]" || has["SHOP_BACKEND"] != "http://127.0.0.1/?for=[masked]" || has["PORT"] == "" || has["LISTEN"] != "127.0.0.1:"+has["PORT"] {
		t.Errorf("the variables are %v", env.Variables)
	}
	if env.Dir != d.source || env.Program == "" || env.Why != "" || env.Build.Go == "" || !strings.Contains(has["-tags"], "faultdev") {
		t.Errorf("it was started with %+v", env)
	}
	kit := false
	for _, m := range env.Build.Modules {
		kit = kit || m.Path == "example.org/microblog/fault" && filepath.IsAbs(m.Replaced.Path)
	}
	if !kit {
		t.Errorf("the modules are %+v", env.Build.Modules)
	}
	var s struct {
		Failure struct {
			Response struct {
				Status int
				Header map[string][]string
			}
		}
	}
	if err := f.ask(f.path("?attach=no"), nil, &s); err != nil {
		t.Fatal(err)
	}
	if r := s.Failure.Response; r.Status != 0 || len(r.Header) != 1 || len(r.Header["Set-Cookie"]) != 1 || r.Header["Set-Cookie"][0] != "basket=[masked]" {
		t.Errorf("the response so far was %+v", r)
	}
}

// bought checks some variables of a failure of /buy.
func (f *debugFailure) bought(t *testing.T, n int, version string) *debugState {
	t.Helper()
	s := f.until(t, "ready")
	for name, want := range map[string]string{"n": fmt.Sprint(n), "version": fmt.Sprintf("%q", version), "total": fmt.Sprint(100*n + 7)} {
		v := s.frame("example.test/app/shop.buy").variable(name)
		if v == nil || v.Value != want {
			t.Errorf("in %s, %s is %+v, want %s", s.Title, name, v, want)
		}
	}
	return s
}

// debugRebuild: failures outlive the version that failed.
func debugRebuild(t *testing.T, d *debugRun) {
	type failed struct {
		f   *debugFailure
		err error
	}
	both := make(chan failed)
	for _, n := range []int{51, 52} {
		go func() {
			base, id, err := d.failing(fmt.Sprintf("/buy?n=%d", n))
			both <- failed{&debugFailure{d.api, id, base + "/failures/" + id}, err}
		}()
	}
	old := map[int]*debugFailure{}
	for range 2 {
		one := <-both
		if one.err != nil {
			t.Fatal(one.err)
		}
		var s debugState
		if err := one.f.ask(one.f.path("?attach=no"), nil, &s); err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{51, 52} {
			if strings.Contains(s.Title, fmt.Sprintf("[%d]", n+3)) {
				old[n] = one.f
			}
		}
	}
	if len(old) != 2 {
		t.Fatalf("the two failures are %v", old)
	}
	before := old[51].bought(t, 51, "first") // of one the debugger is attached, of the other it is not
	undo := d.edit(t, "shop/shop.go", `const edition = "first"`, "// A line more.\nconst edition = \"second\"")
	d.serves(t, "/", "edition second")
	third := d.fail(t, "/buy?n=53")
	after := third.bought(t, 53, "second")
	for n, f := range old {
		s := f.bought(t, n, "first")
		if s.Generation != before.Generation || after.Generation <= before.Generation {
			t.Errorf("the versions are %d and then %d", s.Generation, after.Generation)
		}
		v, err := f.evaluate(5, "customer.Greeting()", true)
		if err != nil || v.Value != fmt.Sprintf(`"Dear customer %d"`, n) {
			t.Errorf("a call in an old version gives %q, %v", v.Value, err)
		}
	}
	if a, b := after.frame("example.test/app/shop.buy").Line, before.frame("example.test/app/shop.buy").Line; a != b+1 {
		t.Errorf("the lines are %d and then %d", b, a)
	}
	// A failure is sent again to the newest version.
	var replayed struct {
		Before, After struct{ Status, Generation int }
	}
	if err := old[51].ask(old[51].path("/replay"), struct{}{}, &replayed); err != nil || replayed.After.Status != 500 || replayed.After.Generation != after.Generation || replayed.Before.Generation != before.Generation {
		t.Errorf("replayed: %+v, %v", replayed, err)
	}
	undo()
	d.serves(t, "/", "edition first")
}

// debugEvict: the oldest failures make room, with their copies; pinned ones stay.
func debugEvict(t *testing.T, d *debugRun) {
	var session struct{ Keep int }
	if err := d.api.ask("/session", nil, &session); err != nil || session.Keep < 2 {
		t.Fatalf("%+v, %v", session, err)
	}
	pinned, loose := d.fail(t, "/buy?n=61"), d.fail(t, "/buy?n=62")
	if err := pinned.ask(pinned.path("/pin"), struct{}{}, nil); err != nil {
		t.Fatal(err)
	}
	for n := range session.Keep {
		d.fail(t, fmt.Sprintf("/buy?n=%d", 100+n))
	}
	if err := loose.ask(loose.path(""), nil, nil); refused(err) != "failure" {
		t.Errorf("the one that is not pinned: %v", err)
	}
	pinned.bought(t, 61, "first")
	soon(t, "the copies that are kept", func() error {
		if n := d.named("fault-copy"); n != session.Keep {
			return fmt.Errorf("there are %d copies, of %d failures", n, session.Keep)
		}
		return nil
	})
	if n := d.named("dlv"); n > 3 {
		t.Errorf("%d debuggers are attached", n)
	}
	if err := pinned.ask(pinned.path("/drop"), struct{}{}, nil); err != nil {
		t.Error(err)
	}
	if err := pinned.ask(pinned.path(""), nil, nil); refused(err) != "failure" {
		t.Errorf("dropped: %v", err)
	}
	soon(t, "the end of the dropped copy", func() error {
		if n := d.named("fault-copy"); n != session.Keep-1 {
			return fmt.Errorf("there are %d copies", n)
		}
		return nil
	})
}

// debugWrapped: an error that was wrapped by the kit shows the call that wrapped it.
func debugWrapped(t *testing.T, d *debugRun) {
	s := d.fail(t, "/wrapped").until(t, "ready")
	load := s.frame("example.test/app/shop.load")
	if s.StackOf != "wrapped" || load == nil || load.Frame != 0 {
		t.Fatalf("the stack is of %s: %+v", s.StackOf, load)
	}
	for name, want := range map[string]string{"id": "77", "table": `"table_77"`} {
		if v := load.variable(name); v == nil || v.Value != want {
			t.Errorf("%s is %+v, want %s", name, v, want)
		}
	}
	if v := load.variable("err"); v == nil || !strings.Contains(v.Value, "no table_77") {
		t.Errorf("err is %+v", v)
	}
}

// debugRecovered: a panic that a library has made an error of shows where it panicked, once the runtime has the hook.
func debugRecovered(t *testing.T, d *debugRun) {
	const function = "example.test/app/shop.badName.String"
	s := d.fail(t, "/stringer").until(t, "ready")
	if s.frame(function) == nil {
		// The runtime with the hook is compiled beside; the next build has it.
		n := 0
		undo := func() {}
		soon(t, "the runtime with the hook", func() error {
			undo()
			n++
			said := fmt.Sprintf("try %d", n)
			undo = d.edit(t, "shop/shop.go", `const edition = "first"`, fmt.Sprintf("const edition = %q", said))
			d.serves(t, "/", "edition "+said)
			if s = d.fail(t, "/stringer").until(t, "ready"); s.frame(function) == nil {
				return fmt.Errorf("the frames are %+v", s.Frames)
			}
			return nil
		})
		undo()
		d.serves(t, "/", "edition first")
		t.Logf("the hook was there after %d builds", n+1)
	}
	for _, test := range []struct{ path, function, variable, value string }{
		{"/stringer", function, "wanted", "17"},
		{"/template", "example.test/app/shop.member", "secret", `"member 42"`},
		{"/scan", "example.test/app/shop.(*badScan).Scan", "value", `"susan"`},
	} {
		s := d.fail(t, test.path).until(t, "ready")
		f := s.frame(test.function)
		if f == nil {
			var all []string
			for _, f := range s.Frames {
				all = append(all, f.Function)
			}
			t.Errorf("%s: no %s in %q", test.path, test.function, all)
			continue
		}
		if f.Variables.State == "none" {
			t.Errorf("%s: the variables of the application's frame were not loaded", test.path)
		}
		if v := f.variable(test.variable); v == nil || v.Value != test.value {
			t.Errorf("%s: %s is %+v, want %s", test.path, test.variable, v, test.value)
		}
	}
}

// debugKilled: copies outlive the process that they are of.
func debugKilled(t *testing.T, d *debugRun) {
	f := d.fail(t, "/buy?n=71")
	resp, err := transport.RoundTrip(mustRequest(t, d.url+"/die"))
	if err == nil {
		resp.Body.Close()
	}
	d.serves(t, "/", "edition first")
	s := f.bought(t, 71, "first")
	if s.Calls != 0 {
		t.Errorf("there were %d calls", s.Calls)
	}
	if next := d.fail(t, "/buy?n=72").bought(t, 72, "first"); next.Generation < s.Generation {
		t.Errorf("version %d is followed by %d", s.Generation, next.Generation)
	}
}
