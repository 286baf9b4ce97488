package supervisor_test

import (
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devtool/process"
	"example.org/microblog/fault/internal/devtool/supervisor"
	"example.org/microblog/fault/redact"
)

const urlEncoded = "application/x-www-form-urlencoded"

func TestFormOf(t *testing.T) {
	t.Parallel()
	const multipart = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\nsecret\r\n" +
		"--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\n\r\nabc\r\n--x--\r\n"
	many := url.Values{}
	for n := range 100 {
		many.Set(fmt.Sprintf("n%02d", n), strings.Repeat("x", 2000))
	}
	for name, test := range map[string]struct {
		contentType, body string
		part              bool
		form              url.Values
		files             []fault.File
		cut               bool
	}{
		"none":           {contentType: urlEncoded},
		"fields":         {contentType: urlEncoded + "; charset=utf-8", body: "a=1&b=x+y&a=2&password=hunter2", form: url.Values{"a": {"1", "2"}, "b": {"x y"}, "password": {redact.Mask}}},
		"cut":            {contentType: urlEncoded, body: "a=1&b=hal", part: true, form: url.Values{"a": {"1"}}, cut: true},
		"cut in the one": {contentType: urlEncoded, body: "password=hunt", part: true, cut: true},
		"not readable":   {contentType: urlEncoded, body: "a=%zz&b=1", form: url.Values{"b": {"1"}}},
		"multipart":      {contentType: "multipart/form-data; boundary=x", body: multipart, form: url.Values{"a": {"1"}, "token": {redact.Mask}}, files: []fault.File{{Field: "f", Name: "a.txt", Size: 3}}},
		"half multipart": {contentType: "multipart/form-data; boundary=x", body: multipart[:50], part: true, cut: true},
		"no boundary":    {contentType: "multipart/form-data", body: multipart},
		"something else": {contentType: "a b c", body: "a=1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cut := false
			form, files := supervisor.FormOf(nil, test.contentType, []byte(test.body), !test.part, &cut)
			if len(form)+len(test.form) > 0 && !reflect.DeepEqual(form, test.form) || !reflect.DeepEqual(files, test.files) || cut != test.cut {
				t.Errorf("%v %v, cut is %t; want %v %v, %t", form, files, cut, test.form, test.files, test.cut)
			}
		})
	}
	cut := false
	if form, _ := supervisor.FormOf(nil, urlEncoded, []byte(many.Encode()), true, &cut); len(form) != 64 || len(form.Get("n01")) != 1024 || !cut {
		t.Errorf("%d fields are kept, the first with %d bytes", len(form), len(form.Get("n01")))
	}
}

func TestBodyText(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ contentType, body, want string }{
		"as it was":      {"application/json; charset=utf-8", "{\n \"b\": 1.50, \"a\": [\"<x>\"]\n}\n", "{\n \"b\": 1.50, \"a\": [\"<x>\"]\n}\n"},
		"a secret":       {"application/json", `{"user": {"password": "hunter2", "n": 1.50}, "a": "<x>"}`, `{"a":"<x>","user":{"n":1.50,"password":"` + redact.Mask + `"}}`},
		"its own":        {"application/vnd.api+json", `[{"invite_code": 12345}]`, `[{"invite_code":"` + redact.Mask + `"}]`},
		"looks like one": {"application/json", `["Bearer abcdefghijklmnop0123456789"]`, `["Bearer ` + redact.Mask + `"]`},
		"half":           {"application/json", `{"password": "hunter2", "a"`, `{"password": "` + redact.Mask + `", "a"`},
		"two":            {"application/json", `{"a": 1} {"password": "hunter2"}`, `{"a": 1} {"password": "` + redact.Mask + `"}`},
		"text":           {"text/plain", "password=hunter2 a=b", "password=" + redact.Mask + " a=b"},
		"a form":         {urlEncoded, "a=1", ""},
		"no text":        {"application/json", "\xff", ""},
		"no kind":        {"", "a", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			red := redact.New(redact.Options{Keys: []string{"invite code"}})
			if got := supervisor.BodyText(red, test.contentType, []byte(test.body), true); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
			if got := supervisor.BodyText(red, test.contentType, []byte(test.body), false); got != "" {
				t.Errorf("of a part there is %s", got)
			}
		})
	}
}

// TestPanicFailure reads stacks as net/http logs them.
func TestPanicFailure(t *testing.T) {
	t.Parallel()
	stack := func(calls ...string) string {
		text := "goroutine 35 [running]:\nnet/http.(*conn).serve.func1()\n\t/go/src/net/http/server.go:1897 +0xbd\n"
		for i, call := range calls {
			text += fmt.Sprintf("%s\n\t/app/main.go:%d +0x59\n", call, i+1)
		}
		return text + "created by net/http.(*Server).Serve in goroutine 1\n\t/go/src/net/http/server.go:3464 +0x485"
	}
	const value, other = "panic({0x6d40e0?, 0xe567f29e9f0?})", "panic({0x6d40e0, 0xe567f29e9f8})"
	for name, test := range map[string]struct{ value, stack, first, message, typ string }{
		"a panic":          {"boom", stack(value, "main.fail(...)", "main.serve()"), "main.fail", "panic: boom", "panic"},
		"of the runtime":   {"runtime error: index out of range [2] with length 2", stack(value, "runtime.goPanicIndex(0x1)", "main.fail()"), "main.fail", "panic: runtime error: index out of range [2] with length 2", "panic of runtime.Error"},
		"panics again":     {"boom", stack(value, "main.serve.func1()", strings.ReplaceAll(value, "?", ""), "main.fail()"), "main.fail", "panic: boom", "panic"},
		"another panic":    {"second", stack(value, "main.serve.func1()", other, "main.fail()"), "main.serve.func1", "panic: second", "panic"},
		"nothing readable": {"boom", "goroutine 35 [running]:", "", "panic: boom", "panic"},
		"a secret":         {"password=hunter2", stack(value, "main.fail()"), "main.fail", "panic: password=" + redact.Mask, "panic"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := supervisor.PanicFailure(nil, process.ServedPanic{Client: "127.0.0.1:1", Value: test.value, Stack: test.stack}, "example.org/app")
			first := ""
			if len(f.Stack) > 0 {
				first = f.Stack[0].Function
			}
			if first != test.first || f.Message != test.message || f.Causes.Type != test.typ || f.Goroutine != 35 || f.Kind != fault.KindPanic || f.Status != 500 || f.ID.IsZero() {
				t.Errorf("%+v", f)
			}
		})
	}
}
