package web_test

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.org/microblog/internal/microblog"
	"example.org/microblog/internal/web"
)

// behindProxy makes the test's own address a trusted proxy.
func behindProxy(o *web.Options) {
	o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
}

// try logs in from an address.
func (b *browser) try(addr, name, password string) *answer {
	b.t.Helper()
	r := b.form("/login", "username="+name+"&password="+password)
	r.Header.Set("X-Forwarded-For", addr)
	return b.do(r)
}

func retryAfter(t *testing.T, a *answer) time.Duration {
	t.Helper()
	n, err := strconv.Atoi(a.header.Get("Retry-After"))
	if err != nil || n <= 0 {
		t.Fatalf("Retry-After is %q", a.header.Get("Retry-After"))
	}
	return time.Duration(n) * time.Second
}

func TestLoginLimit(t *testing.T) {
	t.Parallel()
	s := newSite(t, behindProxy)
	s.browser().join("susan")
	s.browser().join("john")
	const here, elsewhere, right = "192.0.2.1", "192.0.2.2", "correct+horse+battery"
	stranger := s.browser()
	for range 10 {
		stranger.try(here, "susan", "wrong").wants(422)
	}
	a := stranger.try(here, "susan", "wrong").wants(429).shows("Too many failed log-ins", `value="susan"`)
	first := retryAfter(t, a)
	stranger.try(here, "SUSAN", right).wants(429)    // in another case it is the same name,
	stranger.try(here, "++susan+", right).wants(429) // and with blanks around it
	stranger.try(here, "ｓｕｓａｎ", right).wants(429)    // or in letters that count as the same

	stranger.try(elsewhere, "susan", right).wants(303) // the owner, at another address
	stranger.try(here, "john", right).wants(303)       // somebody else behind the same address

	s.clock.advance(first - time.Second)
	stranger.try(here, "susan", right).wants(429)
	s.clock.advance(2 * time.Second)
	stranger.try(here, "susan", "wrong").wants(422)
	second := retryAfter(t, stranger.try(here, "susan", "wrong").wants(429))
	if second <= first {
		t.Errorf("the waits are %v and then %v", first, second)
	}
	s.clock.advance(second + time.Second)
	stranger.try(here, "susan", right).wants(303)
	for range 10 { // a success forgets; this is another browser, because the other one is known now
		s.browser().try(here, "susan", "wrong").wants(422)
	}
}

// TestLoginLimitOutlivesRestart: the counts are in the database.
func TestLoginLimitOutlivesRestart(t *testing.T) {
	t.Parallel()
	s := newSite(t, behindProxy)
	s.browser().join("susan")
	for range 10 {
		s.browser().try("192.0.2.1", "susan", "wrong").wants(422)
	}
	s.restart()
	s.browser().try("192.0.2.1", "susan", "wrong").wants(429)
}

// TestLoginLimitTellsNothing: names that nobody has are limited alike.
func TestLoginLimitTellsNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, behindProxy)
	b := s.browser()
	for range 10 {
		b.try("192.0.2.1", "nobody", "wrong").wants(422)
	}
	b.try("192.0.2.1", "Nobody", "wrong").wants(429)
}

// TestLoginLimitCountsWhatIsTyped: whoever has guessed at a name does not learn from the limit which
// address it has, and the other way round; and nothing typed reaches the count of a user's id.
func TestLoginLimitCountsWhatIsTyped(t *testing.T) {
	t.Parallel()
	const here = "192.0.2.1"
	for name, test := range map[string]struct{ guessed, same, other string }{
		"name, then address": {"susan", "Susan", "susan@example.org"},
		"address, then name": {"susan@example.org", "SUSAN@Example.org", "susan"},
		"unknown name":       {"nobody", "Nobody", "nobody@example.org"},
		"number":             {"%231", "%231", "susan"},
		"number of another":  {"susan", "susan", "%231"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, behindProxy)
			s.browser().join("susan")
			b := s.browser()
			for range 10 {
				b.try(here, test.guessed, "wrong").wants(422)
			}
			b.try(here, test.same, "wrong").wants(429)
			b.try(here, test.other, "wrong").wants(422)
		})
	}
}

// TestPasswordGuessingCountsApart: who guesses at the log-in does not keep the owner from changing
// the password, nor the other way round.
func TestPasswordGuessingCountsApart(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, stranger := s.member("susan"), s.browser()
	change := func(current string) *answer {
		return b.post("/account", "current_password", current, "password", "another battery", "password2", "another battery")
	}
	for range 10 {
		stranger.post("/login", "username", "susan", "password", "wrong").wants(422)
		stranger.post("/login", "username", "#1", "password", "wrong").wants(422)
	}
	for range 10 {
		change("wrong").wants(422)
	}
	change(password).wants(429)
	stranger.post("/login", "username", "susan@example.org", "password", password).wants(303)
}

// TestLoginLimitKnowsTheDevice: somebody who guesses behind the same address does not lock out
// a browser that its owner has signed in with.
func TestLoginLimitKnowsTheDevice(t *testing.T) {
	t.Parallel()
	s := newSite(t, behindProxy)
	own, guest := s.member("susan"), s.browser().join("mallory").login("mallory")
	guess := func(b *browser) int { return b.try("192.0.2.1", "susan", "wrong").status }
	for range 10 {
		guess(guest)
	}
	if got := guess(guest); got != 429 {
		t.Fatalf("the guesser gets %d", got)
	}
	own.post("/logout").wants(303)
	own.try("192.0.2.1", "susan", "correct+horse+battery").wants(303)
	own.post("/logout").wants(303)
	for range 10 {
		guess(own)
	}
	if got := guess(own); got != 429 {
		t.Errorf("the known browser may guess without end: %d", got)
	}
}

// TestIPv6CountsByNetwork: one customer has a /64.
func TestIPv6CountsByNetwork(t *testing.T) {
	t.Parallel()
	s := newSite(t, behindProxy)
	s.browser().join("susan")
	for i := range 10 {
		s.browser().try(fmt.Sprintf("2001:db8:1:1::%d", i+1), "susan", "wrong").wants(422)
	}
	s.browser().try("2001:db8:1:1:ffff::1", "susan", "wrong").wants(429)
	s.browser().try("2001:db8:1:2::1", "susan", "wrong").wants(422)
}

// TestLoginLimitAtOnce: guesses made at the same moment count as well.
func TestLoginLimitAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, behindProxy)
	s.browser().join("susan")
	b := s.browser()
	var tried atomic.Int32
	atOnce(36, func(int) { // as many as may wait
		switch a := b.try("192.0.2.1", "susan", "wrong"); a.status {
		case 422:
			tried.Add(1)
		case 429:
			a.shows("Too many failed log-ins")
		default:
			t.Errorf("status %d", a.status)
		}
	})
	if n := tried.Load(); n != 10 {
		t.Errorf("%d passwords were tried", n)
	}
}

// TestPasswordGuessing: a borrowed session is no way to guess the password.
func TestPasswordGuessing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member("susan")
	guess := func(current string) *answer {
		return b.post("/account", "current_password", current, "password", "another battery", "password2", "another battery")
	}
	for range 10 {
		guess("wrong").wants(422)
	}
	retryAfter(t, guess(password).wants(429).shows("Too many failed log-ins"))
	s.clock.advance(time.Hour)
	guess(password).wants(303)
}

func TestRegistrationLimit(t *testing.T) {
	t.Parallel()
	s := newSite(t, behindProxy)
	b := s.browser()
	send := func(addr, name string) *answer {
		r := b.form("/register", "username="+name+"&email="+name+"@example.org&password=correct+horse&password2=correct+horse")
		r.Header.Set("X-Forwarded-For", addr)
		return b.do(r)
	}
	for range 57 { // as if so many had registered
		if _, err := s.store.RegistrationAttempt(t.Context(), netip.MustParseAddr("192.0.2.1"), s.clock.Now()); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		send("192.0.2.1", fmt.Sprintf("person%d", i)).wants(303)
		send("192.0.2.1", "person0").wants(422) // a form that is refused does not count
	}
	wait := retryAfter(t, send("192.0.2.1", "late").wants(429).shows("Too many people", `value="late"`))
	if wait > time.Hour {
		t.Errorf("the wait is %v", wait)
	}
	send("192.0.2.2", "elsewhere").wants(303)
	s.clock.advance(wait + time.Second)
	send("192.0.2.1", "late").wants(303)
}

// TestBusy: who waits too long for a turn to hash is told so, and it does not count as a failure.
func TestBusy(t *testing.T) {
	t.Parallel()
	hasher := &microblog.Hasher{MemoryKiB: 8, Passes: 1, Lanes: 1, Concurrency: 1}
	s := newSite(t, behindProxy, func(o *web.Options) { o.Hasher, o.HashWait = hasher, 20*time.Millisecond })
	s.browser().join("susan")
	release := occupy(t, hasher)
	for range 12 {
		a := s.browser().try("192.0.2.1", "susan", "wrong").wants(503).shows("busy")
		retryAfter(t, a)
	}
	s.browser().try("192.0.2.1", "nobody", "wrong").wants(503) // an unknown name costs a hash as well
	b := s.browser()
	b.post("/register", "username", "john", "email", "john@example.org", "password", password, "password2", password).wants(503)
	release()
	s.browser().try("192.0.2.1", "susan", "correct+horse+battery").wants(303)
	if failed := s.failed.take(); len(failed) != 0 {
		t.Errorf("being busy was recorded as a failure: %s", failed[0].Message)
	}
}

// occupy keeps the hasher's only place taken, with so many waiting for it that nobody else gets it,
// until release is called.
func occupy(t *testing.T, h *microblog.Hasher) (release func()) {
	t.Helper()
	slow, err := (&microblog.Hasher{MemoryKiB: 4096, Passes: 3, Lanes: 1}).Hash(t.Context(), "x") // some milliseconds
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var waiting sync.WaitGroup
	for range 50 {
		waiting.Go(func() {
			for ctx.Err() == nil {
				_, _ = h.Verify(ctx, slow, "x")
			}
		})
	}
	time.Sleep(50 * time.Millisecond) // until they stand in line
	return func() {
		cancel()
		waiting.Wait()
	}
}

// TestRehash: a hash made with weaker parameters is renewed at log-in, and the password stays.
func TestRehash(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.browser().join("susan").login("susan")
	before := s.user("susan")
	s.options.Hasher = &microblog.Hasher{MemoryKiB: 16, Passes: 1, Lanes: 1}
	s.restart()
	s.browser().post("/login", "username", "susan", "password", "wrong").wants(422)
	if s.user("susan").PasswordHash != before.PasswordHash {
		t.Error("a wrong password changed the hash")
	}
	b := s.browser().login("susan")
	after := s.user("susan")
	if after.PasswordHash == before.PasswordHash || after.Generation != before.Generation {
		t.Errorf("the hash was %s and is %s; the generation was %d and is %d", before.PasswordHash, after.PasswordHash, before.Generation, after.Generation)
	}
	b.get("/").wants(200)
	s.browser().login("susan")
	if s.user("susan").PasswordHash != after.PasswordHash {
		t.Error("a good hash was renewed")
	}
}

// TestProxyHeaders: what a trusted proxy says of scheme and host counts, what others say does not.
func TestProxyHeaders(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		options []siteOption
		secure  bool
		status  int
	}{
		"trusted":     {[]siteOption{behindProxy}, true, 303},
		"not trusted": {nil, false, 403},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, test.options...)
			b := s.browser().join("susan")
			r := b.form("/login", "username=susan&password=correct+horse+battery")
			for k, v := range map[string]string{"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "blog.example", "Origin": "https://blog.example"} {
				r.Header.Set(k, v)
			}
			r.Header.Del("Sec-Fetch-Site")
			a := b.do(r).wants(test.status)
			if test.status != 303 {
				return
			}
			if c := a.setCookie("session"); c == nil || c.Secure != test.secure {
				t.Errorf("the cookie is %v", c)
			}
		})
	}
}
