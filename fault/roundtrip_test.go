package fault_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"example.org/microblog/fault"
	"example.org/microblog/fault/redact"
	"example.org/microblog/fault/trace"
)

// FuzzFailure puts a text wherever a failure has a place for one: it must come out masked, bounded
// and the same through JSON.
func FuzzFailure(f *testing.F) {
	const secret = "Tr0ub4dor&3-canary"
	for _, s := range []string{"", "plain", "ab\xff", "\xff", "a " + secret + " b", secret, "password=x", "\x00\u2028<&>", strings.Repeat("é", 5000), strings.Repeat("x", 2047) + "é" + secret, strings.Repeat("y", 20_000) + "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		g := newRig(fault.Options{
			Redactor:  redact.New(redact.Options{Values: []string{secret}}),
			User:      func(*http.Request) string { return s },
			RequestID: func(*http.Request) string { return s },
		})
		request := func() *http.Request {
			r := &http.Request{
				Method: s, URL: &url.URL{Scheme: s, Host: s, Path: "/" + s, RawQuery: s, User: url.UserPassword(s, s)}, Proto: s, Host: s,
				Header: http.Header{s: {s, s}, "X": {s}, "Cookie": {s}, "Empty": nil}, RemoteAddr: s, RequestURI: s,
				PostForm: url.Values{s: {s}, "x": {s}}, Pattern: s,
				MultipartForm: &multipart.Form{File: map[string][]*multipart.FileHeader{s: {{Filename: s, Size: 1}}}},
			}
			return r.WithContext(trace.Begin(context.Background()))
		}
		step := trace.Step{Time: time.Date(12_000, 1, 1, 0, 0, 0, 0, time.Local), Kind: s, Text: s, Args: []string{s}, Err: s}
		g.Handle(func(w http.ResponseWriter, r *http.Request) error {
			w.Header()[s] = []string{s, s}
			w.Header()["Set-Cookie"], w.Header()["X"] = []string{s, "session=" + s}, []string{s}
			trace.Note(r.Context(), step)
			g.Report(r.Context(), errors.New(s))
			return fault.With(500, s, fmt.Errorf("%s: %w", s, errors.New(s)))
		}).ServeHTTP(httptest.NewRecorder(), request())
		g.Handle(func(http.ResponseWriter, *http.Request) error { panic(credentials{User: s, Password: s}) }).
			ServeHTTP(httptest.NewRecorder(), &http.Request{URL: &url.URL{}, Header: http.Header{"Empty": nil}, PostForm: url.Values{"Empty": nil}})
		g.Go(context.Background(), s, func(ctx context.Context) error { trace.Note(ctx, step); return errors.New(s) })
		if err := g.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		all := g.kept.all()
		if len(all) != 4 {
			t.Fatalf("%d failures", len(all))
		}
		for _, failure := range all {
			roundTrip(t, failure, secret)
		}
	})
}

func roundTrip(t *testing.T, failure *fault.Failure, secret string) {
	t.Helper()
	b, err := json.Marshal(failure)
	if err != nil {
		t.Fatal(err)
	}
	var back fault.Failure
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	want := *failure
	want.Stack = append(trace.Stack(nil), failure.Stack...)
	for i := range want.Stack {
		want.Stack[i].PC = 0
	}
	if !reflect.DeepEqual(&back, &want) {
		t.Errorf("through JSON:\n got %+v\nwant %+v", back, want)
	}
	const most = 8<<10 + 64 // bytes of the longest text
	eachText(reflect.ValueOf(failure), "", func(where, text string) {
		if !utf8.ValidString(text) || len(text) > most || strings.Contains(text, secret) {
			t.Errorf("%s is %d bytes: %.100q", where, len(text), text)
		}
	})
}

// eachText visits all texts in a value.
func eachText(v reflect.Value, where string, visit func(where, text string)) {
	switch v.Kind() {
	case reflect.String:
		visit(where, v.String())
	case reflect.Pointer:
		if !v.IsNil() {
			eachText(v.Elem(), where, visit)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() {
				eachText(v.Field(i), where+"."+field.Name, visit)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachText(v.Index(i), where, visit)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			eachText(key, where+" (name)", visit)
			eachText(v.MapIndex(key), where, visit)
		}
	}
}
