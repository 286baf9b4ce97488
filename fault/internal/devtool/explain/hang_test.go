package explain_test

import (
	"strings"
	"testing"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devtool/explain"
	"example.org/microblog/fault/trace"
)

// A handler that hangs after its panic is explained behind the panic.
func TestExplainHang(t *testing.T) {
	const end = ". The request was answered without it"
	for name, c := range map[string]struct {
		text string
		says []string
		try  string
	}{
		"a mutex": {"waits for what may never come (sync.Mutex.Lock): in internal/sync.(*Mutex).lockSlow at internal/sync/mutex.go:149, called by sync.(*Mutex).Lock at sync/mutex.go:46, called by example.org/app/shop.(*S).count at shop/shop.go:31",
			[]string{"`shop.(*S).count` (shop/shop.go:31)", "waits for a sync.Mutex that is locked", "The lock stays held"}, "reverse order"},
		"rows": {"waits for what may never come (sync.RWMutex.Lock): in sync.(*RWMutex).Lock at sync/rwmutex.go:155, called by database/sql.(*Rows).close at database/sql/sql.go:3394, called by database/sql.(*Rows).Close at database/sql/sql.go:3390",
			[]string{"`sql.(*Rows).Close` (database/sql/sql.go:3390)", "sync.RWMutex"}, "return an error from Scan"},
		"a channel":   {"waits for what may never come (chan receive): in example.org/app/shop.buy.func1 at shop/shop.go:9", []string{"`shop.buy.func1`", "for a value from a channel"}, "`ctx.Done()`"},
		"runs":        {"runs and does not return: in example.org/app/shop.buy.func1 at shop/shop.go:9", []string{"`shop.buy.func1` (shop/shop.go:9)", "has not returned"}, "a loop that does not end"},
		"no calls":    {"waits for what may never come (select)", []string{"A deferred function, which", "for one of several channels"}, "Mend the panic"},
		"not a place": {"runs and does not return: in main.f at ?", []string{"`main.f` (?)"}, "Mend the panic"},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fault.Failure{
				Kind: fault.KindPanic, StackOf: fault.StackPanic, Stack: trace.Stack{{Function: "example.org/app/shop.buy", File: "/shop/shop.go", Line: 3, App: true}},
				Causes: fault.Cause{Type: "panic of runtime.errorString", Message: "panic: assignment to entry in nil map", Causes: []fault.Cause{
					{Type: "hang", Message: "the handler hangs: since the panic a deferred function " + c.text + end},
				}},
			}
			all := explain.Explain(f, explain.Call{})
			if len(all) != 2 || all[1].Title != "The handler hangs after the panic" {
				t.Fatalf("%+v", all)
			}
			for _, want := range c.says {
				if !strings.Contains(all[1].Text, want) {
					t.Errorf("%q is not in %q", want, all[1].Text)
				}
			}
			if try := strings.Join(all[1].Try, "\n"); !strings.Contains(try, c.try) {
				t.Errorf("%q is not in %q", c.try, try)
			}
		})
	}
}
