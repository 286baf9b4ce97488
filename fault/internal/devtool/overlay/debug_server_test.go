package overlay_test

import (
	"context"
	"testing"

	"example.org/microblog/fault/internal/devtool/debugapi"
)

// engine attaches to anything, where every frame has the same variables.
type engine struct{}

func (engine) Attach(_ context.Context, _ debugapi.Copy, progress func(string)) (debugapi.Session, error) {
	progress("Building Delve")
	return session{}, nil
}

type session struct{}

func (session) Frames(context.Context) ([]debugapi.Frame, error) {
	all := []debugapi.Frame{{Function: "database/sql.(*Row).Scan", File: "/usr/lib/go/src/database/sql/sql.go", Line: 3412}}
	for i, c := range failed(nil).Stack {
		all = append(all, debugapi.Frame{Index: i + 1, Function: c.Function, File: c.File, Line: c.Line, App: c.App})
	}
	return all, nil
}

func (session) Variables(context.Context, int) ([]debugapi.Variable, error) {
	return []debugapi.Variable{
		{Name: "user", Type: "*web.User", Kind: "ptr", Value: `{Name: "susan"}`, Ref: 17, Argument: true, Expression: "user"},
		{Name: "n", Type: "int", Kind: "int", Value: "3"},
	}, nil
}

func (session) Children(context.Context, int, int, int) ([]debugapi.Variable, int, error) {
	return []debugapi.Variable{{Name: "Name", Type: "string", Kind: "string", Value: `"susan"`}}, 1, nil
}

func (session) Evaluate(_ context.Context, _ int, expression string, call bool) (debugapi.Variable, error) {
	switch {
	case expression == "f()" && !call:
		return debugapi.Variable{}, &debugapi.ExpressionError{Text: "This needs a call.", Call: true}
	case expression == "bad":
		return debugapi.Variable{}, &debugapi.ExpressionError{Text: "There is no bad."}
	}
	return debugapi.Variable{Type: "int", Kind: "int", Value: "42"}, nil
}

func (session) Complete(context.Context, int, string, int) (int, []debugapi.Completion, error) {
	return 0, []debugapi.Completion{{Text: "user", Kind: "local", Type: "*web.User"}}, nil
}

func (session) Goroutines(context.Context) ([]debugapi.Goroutine, error) {
	return []debugapi.Goroutine{{ID: 88, State: "running", Function: "store.(*Store).UserByName", Failing: true}}, nil
}

func (session) Done() <-chan struct{} { return nil }
func (session) Close() error          { return nil }

// TestDebuggerAndItsServer holds the page against the server that it is made for.
func TestDebuggerAndItsServer(t *testing.T) {
	t.Parallel()
	p := chromium(t).tab(t)
	app := newStand(t)
	server, err := debugapi.New(debugapi.Options{App: app.url, PIN: "123456789", Engine: engine{}})
	must(t, err)
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	app.failing = failed(t)
	address := server.Add(debugapi.Failure{Failure: failed(t), Copy: debugapi.Copy{PID: 4711, Release: func() {}}})
	app.failing.Debugger = address

	p.open(app.url + "/")
	p.until(`!!document.querySelector("iframe.over.here")`)
	p.see("h2", "The debugger is locked")
	p.open(address)
	p.until(`!!document.getElementById("pin")`)
	p.eval(`document.getElementById("pin").focus()`)
	p.write("123456780")
	p.strike("Enter")
	p.until(`document.querySelector(".pin [role=alert]").textContent.includes("9 tries are left") && !document.querySelector(".pin button").disabled`)
	p.write("123456789")
	p.strike("Enter")
	p.ready()
	p.until(`document.querySelector(".calls > :first-child").textContent.includes("sql.(*Row).Scan")`)
	p.typed("#where", "f()")
	p.until(`document.querySelector("#where .log").textContent.endsWith("42int") && document.querySelectorAll("#where .echo .call:not([hidden])").length === 1`)
	p.typed("#where", "bad")
	p.until(`document.querySelector("#where .log").textContent.includes("There is no bad.")`)
	p.write("us")
	p.strike("Tab")
	p.until(`document.querySelector("#where textarea").value === "user"`)
	p.until(`document.getElementById("state").textContent.includes("after a call")`)
	p.eval(row("#where", "user") + `.querySelector(".row").click()`)
	p.until(row("#where", "Name") + `?.textContent.includes("susan")`)
	p.eval(`document.getElementById("goroutines").open = true`)
	p.until(`document.querySelector("#goroutines").textContent.includes("store.(*Store).UserByName")`)
	p.eval(`document.getElementById("replay-button").click()`)
	p.until(`document.querySelector(".tools-problem").textContent.includes("cannot replay")`)

	p.open(app.url + "/") // In the frame it is unlocked, too.
	p.see("textarea", "")
	p.until(`!!document.querySelector("iframe.here")`)
	p.see("h4", "Arguments")
	p.open(server.URL())
	p.until(`document.querySelectorAll("#front li").length === 1`)
	p.eval(`document.querySelector("#front .quiet:last-child").click()`)
	p.until(`document.getElementById("front").textContent.includes("Nothing has failed.")`)
	if thrown := p.thrown(); len(thrown) > 0 {
		t.Errorf("thrown: %q", thrown)
	}
}
