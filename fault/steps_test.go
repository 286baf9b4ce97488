package fault_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"example.org/microblog/fault"
	"example.org/microblog/fault/faulttest"
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
