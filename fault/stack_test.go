package fault_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"example.org/microblog/fault"
)

// The record tells which code is the application's, also to who reads it later and elsewhere.
func TestAppFrames(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ module, app, not string }{
		"library":         {"example.org/elsewhere", "", "net/http.HandlerFunc.ServeHTTP"},
		"own library":     {"net/http", "net/http.HandlerFunc.ServeHTTP", "example.org/microblog/fault_test."},
		"the kit's tests": {"example.org/microblog", "example.org/microblog/fault_test.", "net/http.HandlerFunc.ServeHTTP"},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRig(fault.Options{Module: tt.module})
			h := g.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(io.EOF) }))
			get(t, start(t, h).URL).wants(t, 500)
			b, err := json.Marshal(g.kept.only(t))
			if err != nil {
				t.Fatal(err)
			}
			var f fault.Failure
			if err := json.Unmarshal(b, &f); err != nil {
				t.Fatal(err)
			}
			if len(f.Stack) < 2 {
				t.Fatalf("stack %v", f.Stack)
			}
			for _, frame := range f.Stack {
				if want := tt.app != "" && strings.HasPrefix(frame.Function, tt.app); frame.App != want {
					t.Errorf("%s: app is %v", frame.Function, frame.App)
				}
				if tt.not != "" && strings.HasPrefix(frame.Function, tt.not) && frame.App {
					t.Errorf("%s is taken for the application's", frame.Function)
				}
			}
		})
	}
}

func TestNilHandlers(t *testing.T) {
	t.Parallel()
	g := newRig(fault.Options{})
	for name, register := range map[string]func(){
		"Handle":     func() { g.Handle(nil) },
		"Middleware": func() { g.Middleware(nil) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if text, _ := recover().(string); text != "fault: "+name+" was called with a nil handler" {
					t.Errorf("it panicked with %q", text)
				}
			}()
			register()
		})
	}
}
