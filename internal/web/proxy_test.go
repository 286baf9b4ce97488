package web_test

import (
	"log/slog"
	"strings"
	"testing"

	"example.org/microblog/internal/web"
)

// TestUnclearProxy: a proxy that passes on what clients write makes all of them count as one, so the
// operator is told, once.
func TestUnclearProxy(t *testing.T) {
	t.Parallel()
	told := new(records)
	s := newSite(t, behindProxy, func(o *web.Options) { o.Logger = slog.New(told) })
	b := s.browser()
	ask := func(forwarded string) {
		r := b.request("GET", "/login", nil)
		r.Header.Set("X-Forwarded-For", "192.0.2.1")
		r.Header.Set("Forwarded", forwarded)
		b.do(r).wants(200)
	}
	ask("for=192.0.2.1")
	if len(told.all) != 0 {
		t.Errorf("told though all is well: %v", told.all)
	}
	for range 3 {
		ask("for=192.0.2.2")
	}
	line := told.wait(t, 1)[0]
	if text, _ := line["msg"].(string); line["level"] != slog.LevelWarn || !strings.Contains(text, "Forwarded") {
		t.Errorf("told %v", line)
	}
}
