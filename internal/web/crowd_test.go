package web_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.org/microblog/internal/microblog"
	"example.org/microblog/internal/web"
)

// TestOneAddressDoesNotTakeAllTurns: while one address keeps sending log-ins, others log in, and so
// does a browser behind that address that its owner has signed in with.
func TestOneAddressDoesNotTakeAllTurns(t *testing.T) {
	t.Parallel()
	hasher := &microblog.Hasher{MemoryKiB: 2048, Passes: 2, Lanes: 1, Concurrency: 1}
	const flooders = 90
	s := newSite(t, behindProxy, func(o *web.Options) { o.Hasher, o.HashWait = hasher, time.Minute })
	known := s.member("susan")
	known.post("/logout").wants(303)
	s.browser().join("john")

	ctx, stop := context.WithCancel(t.Context())
	var flood sync.WaitGroup
	var sent, crowded atomic.Int32
	transport := &http.Transport{MaxIdleConnsPerHost: flooders}
	defer transport.CloseIdleConnections()
	for i := range flooders {
		flood.Go(func() {
			b := s.browser()
			b.http.Transport = transport
			for n := 0; ctx.Err() == nil; n++ {
				name := fmt.Sprintf("invented-%d-%d", i, n)
				a := b.try("192.0.2.1", name, "wrong")
				sent.Add(1)
				switch {
				case a.status == 422:
				case a.status == 429 && a.header.Get("Retry-After") != "" && strings.Contains(a.body, "Too many people at your address") && strings.Contains(a.body, `value="`+name+`"`):
					crowded.Add(1)
					time.Sleep(100 * time.Millisecond) // the test's own machine has other tests to run
				default:
					t.Errorf("a flooder gets %d: %s", a.status, a.text())
					return
				}
			}
		})
	}
	eventually(t, "the flood is there", func() bool { return sent.Load() >= flooders/2 })
	for range 2 {
		s.browser().try("192.0.2.2", "john", "correct+horse+battery").wants(303)
		known.try("192.0.2.1", "susan", "correct+horse+battery").wants(303)
	}
	if crowded.Load() == 0 {
		t.Error("nobody was refused")
	}
	stop()
	flood.Wait()
	s.browser().try("192.0.2.1", "john", "correct+horse+battery").wants(303)
	if failed := s.failed.take(); len(failed) != 0 {
		t.Errorf("%d failures were recorded, the first is %s", len(failed), failed[0].Message)
	}
}

// TestCrowdedForms: registering and changing the password are limited as well.
func TestCrowdedForms(t *testing.T) {
	t.Parallel()
	hasher := &microblog.Hasher{MemoryKiB: 8, Passes: 1, Lanes: 1, Concurrency: 1}
	s := newSite(t, behindProxy, func(o *web.Options) { o.Hasher, o.HashWait = hasher, 300*time.Millisecond })
	susan := s.member("susan")
	release := occupy(t, hasher)
	defer release()
	const many = 60
	for _, form := range []struct{ path, fields, keeps string }{
		{"/register", "username=new%d&email=new%[1]d@example.org&password=correct+horse&password2=correct+horse", `@example.org"`},
		{"/account", "current_password=wrong&password=correct+horse&password2=correct+horse&n=%d", ""},
	} {
		var crowded atomic.Int32
		atOnce(many, func(i int) {
			r := susan.form(form.path, fmt.Sprintf(form.fields, i))
			b := susan
			if form.path == "/register" {
				b = s.browser()
			}
			r.Header.Set("X-Forwarded-For", "192.0.2.1")
			a := b.do(r)
			if a.status == 429 && strings.Contains(a.body, "Too many people at your address") {
				a.shows(form.keeps)
				crowded.Add(1)
			}
		})
		if n := crowded.Load(); n < many-36 {
			t.Errorf("%s: %d were refused", form.path, n)
		}
	}
}
