package e2e

import (
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
)

// guess tries to log in with a wrong password, so many times.
func (c *client) guess(name string, times int) {
	c.t.Helper()
	for i := range times {
		c.post("/login", form("username", name, "password", fmt.Sprintf("guess number %d", i))).
			want(http.StatusUnprocessableEntity).says("Invalid username or password")
	}
}

// refused checks that the reply is the log-in form with 429 and a time to wait of at most so many
// seconds.
func (r *reply) refused(most int) {
	r.t.Helper()
	r.want(http.StatusTooManyRequests).inLayout()
	seconds, err := strconv.Atoi(r.header.Get("Retry-After"))
	if err != nil || seconds < 1 || seconds > most {
		r.t.Errorf("%s: Retry-After %q, want a number from 1 to %d", r.what, r.header.Get("Retry-After"), most)
	}
}

// Ten wrong passwords in a row, and whoever guesses has to wait: from this address, for this
// account. Nobody else has to.
func TestLoginThrottle(t *testing.T) {
	t.Parallel()
	eachShared(t, func(t *testing.T, s *server) {
		owner := s.person(t, "guarded")
		attacker := s.client(t)
		attacker.guess(owner.name, 10)

		r := attacker.login(owner.name)
		r.refused(30)
		r.says("Too many failed log-ins")
		if got := r.value("username"); got != owner.name {
			t.Errorf("the form has the username %q, want what was typed", got)
		}
		elsewhere := s.client(t)
		elsewhere.login(owner.name).want(http.StatusSeeOther)

		bystander := s.person(t, "bystander")
		neighbour := s.client(t)
		neighbour.header.Set("X-Forwarded-For", attacker.header.Get("X-Forwarded-For"))
		neighbour.login(bystander.name).want(http.StatusSeeOther)

		// The browser that the owner has used before counts apart from its address.
		owner.header.Set("X-Forwarded-For", attacker.header.Get("X-Forwarded-For"))
		owner.post("/logout", nil).want(http.StatusSeeOther)
		owner.login(owner.name).want(http.StatusSeeOther)

		// But the guesser gets nowhere, not even by writing the name another way.
		attacker.login(owner.name).refused(30)
		attacker.login(" " + owner.name + " ").refused(30)
	})
}

func TestLoginThrottleForgets(t *testing.T) {
	t.Parallel()
	s := shared(t)
	owner := s.person(t, "forgetful")
	c := s.client(t)
	for range 2 {
		c.guess(owner.name, 9)
		c.login(owner.name).want(http.StatusSeeOther)
		c.post("/logout", nil).want(http.StatusSeeOther)
	}
}

// An account that does not exist is limited like one that does, so that nobody learns which do.
func TestLoginThrottleOfNobody(t *testing.T) {
	t.Parallel()
	s := shared(t)
	c := s.client(t)
	name := unique("nobody")
	c.guess(name, 10)
	c.login(name).refused(30)
}

// Without a trusted proxy, what a client says of its own address does not count.
func TestForwardedForIsNotBelieved(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	c := s.client(t)
	for i := range 10 {
		c.from(randomAddr())
		c.guess("nobody", 1)
		_ = i
	}
	c.from(randomAddr())
	c.login("nobody").refused(30)
}

// Whoever has an IPv6 address has 2^64 of them, which count as one.
func TestLoginThrottleIPv6(t *testing.T) {
	t.Parallel()
	s := shared(t)
	owner := s.person(t, "six")
	c := s.client(t)
	for i := range 10 {
		c.from(netip.MustParseAddr(fmt.Sprintf("2001:db8:1:1::%x", i+1)))
		c.guess(owner.name, 1)
	}
	c.from(netip.MustParseAddr("2001:db8:1:1:ffff:ffff:ffff:1"))
	c.login(owner.name).refused(30)
	c.from(netip.MustParseAddr("2001:db8:1:2::1"))
	c.login(owner.name).want(http.StatusSeeOther)
}

// Sixty people may register from one address in an hour, however many try at the same moment.
func TestRegistrationThrottle(t *testing.T) {
	t.Parallel()
	s := shared(t)
	address := randomAddr()
	const tries, limit = 66, 60
	var registered, refused, busy atomic.Int64
	var all sync.WaitGroup
	for worker := range 3 {
		all.Go(func() {
			c := s.client(t)
			c.from(address)
			for range tries / 3 {
				name := unique(fmt.Sprintf("crowd%d", worker))
				r, err := c.try("POST", "/register", form("username", name, "email", name+"@example.com", "password", password, "password2", password), nil)
				switch {
				case err != nil:
					t.Error(err)
				case r.status == http.StatusSeeOther:
					registered.Add(1)
				case r.status == http.StatusTooManyRequests:
					refused.Add(1)
				case raceEnabled && r.status == http.StatusServiceUnavailable:
					busy.Add(1) // hashing is slow under the race detector, and it was not its turn in time; it counts as tried
				default:
					t.Errorf("status %d: %s", r.status, tail(r.body))
				}
			}
		})
	}
	all.Wait()
	if registered.Load()+busy.Load() != limit || refused.Load() != tries-limit {
		t.Errorf("%d registered and %d were refused, want %d and %d", registered.Load(), refused.Load(), limit, tries-limit)
	}
	c := s.client(t)
	c.from(address)
	name := unique("late")
	r := c.register(name)
	r.refused(3600)
	if r.value("username") != name {
		t.Error("the form does not keep what was typed")
	}
	c.from(randomAddr())
	c.register(name).want(http.StatusSeeOther)
}
