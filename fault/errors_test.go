package fault_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"example.org/microblog/fault"
)

func TestBecause(t *testing.T) {
	t.Parallel()
	err := fault.Forbidden("Not yours.").Because(io.EOF)
	if err.Status != 403 || err.Public != "Not yours." || !errors.Is(err, io.EOF) || err.Error() != "Not yours: EOF" {
		t.Errorf("got %+v", err)
	}
	if err.Because(context.Canceled); !errors.Is(err, io.EOF) || !errors.Is(err, context.Canceled) {
		t.Errorf("of two causes one is lost: %v", err)
	}
	if err := fault.NotFound("No.").Because(nil); err.Err != nil {
		t.Errorf("a nil cause became %v", err.Err)
	}
}

func TestMaintenance(t *testing.T) {
	t.Parallel()
	g := newRig(fault.Options{})
	srv := g.serve(t, map[string]fault.HandlerFunc{"GET /": func(http.ResponseWriter, *http.Request) error {
		return fault.Maintenance("Back soon.", time.Minute).Because(io.EOF)
	}})
	res := get(t, srv.URL)
	res.wants(t, 503, "Back soon.")
	if res.Header.Get("Retry-After") != "60" || len(g.kept.all()) != 0 {
		t.Errorf("Retry-After is %q, %d failures", res.Header.Get("Retry-After"), len(g.kept.all()))
	}
}
