// Package faulttest is for tests of applications that use the kit: what has failed, and was it told as it should be?
//
//	var recorder faulttest.Recorder
//	catcher := fault.New(fault.Options{Recorder: &recorder})
//	…
//	f := recorder.Only(t)
//	faulttest.Check(t, f, faulttest.Want{Status: 500, Kind: fault.KindPanic, Message: "nil map"})
package faulttest

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"example.org/microblog/fault"
)

// A Recorder keeps failures in memory. The zero value works, and says of each that it is durable and that somebody will
// be told. It may be used by several goroutines at once.
type Recorder struct {
	// Receipt, if it is not nil, is what becomes of a failure. It is kept in any case.
	Receipt func(*fault.Failure) fault.Receipt

	mu       sync.Mutex
	failures []*fault.Failure
}

// Record is that of a fault.Recorder.
func (r *Recorder) Record(_ context.Context, f *fault.Failure) fault.Receipt {
	r.mu.Lock()
	r.failures = append(r.failures, f)
	r.mu.Unlock()
	if r.Receipt != nil {
		return r.Receipt(f)
	}
	return fault.Receipt{Durable: true, Notified: true}
}

// Failures returns those recorded so far, oldest first. A failure is recorded before its request is answered, unless the machine is so
// busy that this takes longer than Options.RecordTimeout; for those of Catcher.Go wait with Catcher.Wait.
func (r *Recorder) Failures() []*fault.Failure {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.failures)
}

// Reset forgets what was recorded.
func (r *Recorder) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = nil
}

// Only returns the one failure that was recorded. Of none, or of several, the test ends.
func (r *Recorder) Only(t testing.TB) *fault.Failure {
	t.Helper()
	all := r.Failures()
	if len(all) != 1 {
		t.Fatalf("%s; want one", list(all))
	}
	return all[0]
}

// None reports failures that were recorded.
func (r *Recorder) None(t testing.TB) {
	t.Helper()
	if all := r.Failures(); len(all) > 0 {
		t.Errorf("%s; want none", list(all))
	}
}

// Of returns the failure that an answer names in its Fault-Id header. If there is none the test ends.
func (r *Recorder) Of(t testing.TB, answer http.Header) *fault.Failure {
	t.Helper()
	id := answer.Get("Fault-Id")
	if id == "" {
		t.Fatal("the answer names no failure: it has no Fault-Id header")
	}
	all := r.Failures()
	for _, f := range all {
		if f.ID.String() == id {
			return f
		}
	}
	t.Fatalf("the answer names the failure %s; %s", id, list(all))
	return nil
}

func list(all []*fault.Failure) string {
	if len(all) == 0 {
		return "no failure was recorded"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d failures were recorded:", len(all))
	for _, f := range all {
		b.WriteString("\n\t" + sentence(f))
	}
	return b.String()
}

func sentence(f *fault.Failure) string {
	text := fmt.Sprintf("%s: %s, status %d: %s", f.ID, f.Kind, f.Status, f.Message)
	if f.Request != nil {
		text += " (" + f.Request.Method + " " + f.Request.URL + ")"
	}
	return text
}

// Want is what a failure should be like. A field that is zero does not matter.
type Want struct {
	Status  int
	Kind    fault.Kind
	Public  string // what people were shown beside the status
	Message string // a part of the error's text
	Cause   string // the type of an error in the tree, as %T prints it: "*fs.PathError"
	Route   string // the pattern that matched: "GET /user/{username}"
	User    string
	Task    string // the name given to Catcher.Go
	// In is the name of a function in the stack, with the last element of its package: "web.(*Server).profile".
	In string
	// Step is a part of the text of something that the request did, such as of an SQL statement.
	Step string
	// Without are secrets: they must not be in any text of the failure.
	Without []string
}

// Check reports each way in which a failure is another than wanted.
func Check(t testing.TB, f *fault.Failure, want Want) {
	t.Helper()
	if f == nil {
		t.Error("there is no failure")
		return
	}
	for _, d := range want.differences(f) {
		t.Errorf("%s\n\t%s", sentence(f), d)
	}
}
