package fault_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.org/microblog/fault"
)

type credentials struct {
	User     string
	Password string
	inner    *credentials
}

// knot is a map that may contain itself.
type knot map[string]any

type shown struct{}

func (shown) String() string { return "shown by itself" }

type unshowable struct{}

func (*unshowable) String() string { panic("String") }

func TestPanicValues(t *testing.T) {
	t.Parallel()
	self := knot{"token": "hunter2canary"}
	self["self"] = self
	selfSlice := []any{1, nil}
	selfSlice[1] = selfSlice
	type pair struct {
		Any  any
		Time time.Time
		URL  *url.URL
		err  error
		Func func()
	}
	var none *credentials
	tests := []struct {
		name, message string
		value         any
	}{
		{"struct", `panic: fault_test.credentials{User:"bob", Password:"[masked]", inner:nil}`, credentials{User: "bob", Password: "hunter2 canary"}},
		{"pointer", `panic: &fault_test.credentials{User:"bob", Password:"[masked]", inner:nil}`, &credentials{User: "bob", Password: "hunter2canary"}},
		{"nil pointer", "panic: nil *fault_test.credentials", none},
		{"inner pointer", `panic: fault_test.credentials{User:"", Password:"", inner:&fault_test.credentials}`, credentials{inner: &credentials{Password: "hunter2canary"}}},
		{"structs", `panic: []fault_test.credentials{{User:"bob", Password:"[masked]", inner:nil}}`, []credentials{{User: "bob", Password: "hunter2canary"}}},
		{"map in itself", "panic: fault_test.knot(2 entries)", self},
		{"struct with it", `panic: struct { M fault_test.knot }{M:fault_test.knot(2 entries)}`, struct{ M knot }{self}},
		{"slice in itself", "panic: []interface {}{1, []interface {}{1, []interface {}{1, []interface {}{1, []interface {}{…}}}}}", selfSlice},
		{"long slice", "panic: []int{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, …}", make([]int, 1000)},
		{"bytes", "panic: []uint8(13 bytes)", []byte("hunter2canary")},
		{"fields with methods", `panic: fault_test.pair{Any:"shown by itself", Time:"0001-01-01 00:00:00 +0000 UTC", URL:"/x", err:&errors.errorString, Func:func()}`, pair{Any: shown{}, URL: &url.URL{Path: "/x"}, err: io.EOF, Func: func() {}}},
		{"scalars", `panic: []interface {}{true, -1, 2, 1.5, (1+2i), "x", nil}`, []any{true, -1, uint8(2), 1.5, 1 + 2i, "x", nil}},
		{"stringer", "panic: shown by itself", shown{}},
		{"panicking stringer", "panic: %!v(PANIC=String method: String)", &unshowable{}},
		{"function", "panic: func()", func() {}},
		{"duration", "panic: 1s", time.Second},
		{"named text", "panic: 500 no", Status("500 no")},
		{"wrapped error", "panic: disk: EOF", errors.Join(errors.New("disk: EOF"))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newRig(fault.Options{})
			g.Handle(func(http.ResponseWriter, *http.Request) error { panic(tt.value) }).
				ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
			f := g.kept.only(t)
			if f.Message != tt.message {
				t.Errorf("got  %s\nwant %s", f.Message, tt.message)
			}
			if text := g.log.text(); strings.Contains(text, "hunter2") {
				t.Errorf("the log shows the secret: %s", text)
			}
		})
	}
}

// Status is a text of its own type.
type Status string
