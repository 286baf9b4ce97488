package fault_test

import (
	"encoding/base64"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"example.org/microblog/fault"
	"example.org/microblog/fault/faulttest"
	"example.org/microblog/fault/redact"
	"example.org/microblog/fault/trace"
)

// What is noted under the name of a secret is masked as a whole, whatever is in it.
func TestStepsMaskNamed(t *testing.T) {
	t.Parallel()
	var recorder faulttest.Recorder
	logger := slog.New(trace.LogHandler(slog.NewTextHandler(t.Output(), nil))).With("api_key", "a key of words")
	h := fault.New(fault.Options{Recorder: &recorder, Logger: slog.New(slog.DiscardHandler)}).Handle(func(_ http.ResponseWriter, r *http.Request) error {
		ctx := r.Context()
		logger.WithGroup("form").InfoContext(ctx, "signed up", "password", "correct horse battery", "token", []byte("binary token"), "name", "two words", "session", "&first second")
		trace.Note(ctx, trace.Step{Kind: "sql", Text: "SELECT id FROM users WHERE h = :password AND a = b", Args: []string{"password=correct horse battery"}})
		trace.Note(ctx, trace.Step{Kind: "sql", Text: "SELECT f(:pwd, :x)", Args: []string{"pwd=correct horse", "x=1 = 2"}})
		trace.Note(ctx, trace.Step{Kind: "cache", Text: "get", Args: []string{"secret=line one\nline two", "=", "a=", "plain"}})
		return errors.New("fails")
	})
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	f := recorder.Only(t)
	faulttest.Check(t, f, faulttest.Want{Without: []string{"horse", "battery", "of words", "binary token", "first", "second", "line two"}})
	for i, want := range [][]string{
		{"api_key=[masked]", "form.password=[masked]", "form.token=[masked]", "form.name=two words", "form.session=[masked]"},
		{"[masked]"},
		{"[masked]", "[masked]"},
		{"secret=[masked]", "=", "a=", "plain"},
	} {
		if got := f.Steps[i].Args; !slices.Equal(got, want) {
			t.Errorf("step %d has %q, want %q", i, got, want)
		}
	}
}

// A secret that is longer than what is shown of an argument, or a text, or that is cut where they are, is masked all the same.
func TestStepsMaskBeforeTheyCut(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	word := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "abcdefghijklmnopqrstuvwxyz"[random.IntN(26)]
		}
		return string(b)
	}
	short, long := word(400), word(5000)
	tests := map[string]struct {
		arg, text         string
		wantArg, wantText string
	}{
		"fits":                 {arg: "x", text: "y", wantArg: "x", wantText: "y"},
		"too long":             {arg: strings.Repeat("é", 200), text: strings.Repeat("x", 3000), wantArg: strings.Repeat("é", 128) + "…", wantText: strings.Repeat("x", 2048) + "…"},
		"much too long":        {arg: strings.Repeat("é", 2000), text: strings.Repeat("x", 9000), wantArg: strings.Repeat("é", 128) + "…", wantText: strings.Repeat("x", 2048) + "…"},
		"at the cut":           {arg: strings.Repeat("-", 200) + short, text: strings.Repeat("-", 2000) + short, wantArg: strings.Repeat("-", 200) + "[masked]", wantText: strings.Repeat("-", 2000) + "[masked]"},
		"longer than is kept":  {arg: long, text: "key " + long, wantArg: "[masked]…", wantText: "key [masked]…"},
		"where the record cut": {arg: short + short + short + short, text: strings.Repeat(short, 20), wantArg: "[masked]…", wantText: "[masked]…"},
		"a megabyte":           {arg: strings.Repeat("=", 1250) + short + strings.Repeat("=", 1<<20), text: strings.Repeat("=", 3050) + short, wantArg: strings.Repeat("=", 256) + "…", wantText: strings.Repeat("=", 2048) + "…"},
		"encoded": {arg: strings.Repeat("-", 200) + base64.StdEncoding.EncodeToString([]byte(short)), text: "x",
			wantArg: strings.Repeat("-", 200) + "[masked]", wantText: "x"},
		"by its shape": {arg: strings.Repeat("-", 200) + " Bearer " + word(5000), text: "x", wantArg: strings.Repeat("-", 200) + " Bearer [masked]…", wantText: "x"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var recorder faulttest.Recorder
			o := fault.Options{Recorder: &recorder, Logger: slog.New(slog.DiscardHandler), Redactor: redact.New(redact.Options{Values: []string{short, long}})}
			h := fault.New(o).Handle(func(_ http.ResponseWriter, r *http.Request) error {
				trace.Note(r.Context(), trace.Step{Kind: "cache", Text: tt.text, Err: tt.text, Args: []string{tt.arg}})
				return errors.New("fails")
			})
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
			steps := recorder.Only(t).Steps
			if s := steps[0]; s.Text != tt.wantText || s.Err != tt.wantText || !slices.Equal(s.Args, []string{tt.wantArg}) {
				t.Errorf("the step is %q with %q, failed with %q", s.Text, s.Args, s.Err)
			}
		})
	}
}
