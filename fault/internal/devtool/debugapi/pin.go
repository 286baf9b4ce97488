package debugapi

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"net/netip"
	"strings"
	"sync"
	"time"
)

const (
	maxTries   = 10               // wrong PINs of a client
	lockTime   = 15 * time.Minute // and how long it then waits
	maxClients = 4096             // that are remembered for their wrong tries
	maxRemote  = 1000             // wrong PINs of all other machines, in remoteTime
	remoteTime = time.Hour
	maxTokens  = 256 // the oldest are forgotten
)

// pin decides who knows the PIN. A billion PINs and ten tries in a quarter of an hour for each client leave nothing to guess. At the same time nobody can use up
// another one's tries: clients are told apart as well as can be, other machines have a limit of their own, and there is [Server.Unlock].
type pin struct {
	digits string
	key    [32]byte // of this run, so that what is compared is nothing that a client has chosen

	mu       sync.Mutex
	now      func() time.Time
	clients  map[string]*tries
	remote   tries                 // of all other machines
	tokens   map[[32]byte]struct{} // hashed
	order    [][32]byte            // of tokens, oldest first
	browsers map[[32]byte]struct{} // those that were right: their cookies, hashed
	known    [][32]byte            // of browsers, oldest first
}

// tries counts wrong ones since the first of them.
type tries struct {
	wrong int
	until time.Time // then they are forgotten
}

func newPIN(digits string) *pin {
	p := &pin{
		digits: digits, now: time.Now, clients: map[string]*tries{},
		tokens: map[[32]byte]struct{}{}, browsers: map[[32]byte]struct{}{},
	}
	_, _ = rand.Read(p.key[:]) // It never fails.
	return p
}

// pinDigits takes the digits out of a PIN as people write it.
func pinDigits(s string) (string, bool) {
	digits := strings.NewReplacer("-", "", " ", "", "\u2011", "", "\u00a0", "").Replace(s)
	return digits, len(digits) == 9 && strings.Trim(digits, "0123456789") == ""
}

// hash makes secrets of any length comparable in the same time.
func (p *pin) hash(secret string) [32]byte {
	return sha256.Sum256(append(p.key[:], secret...))
}

// client is who tries.
type client struct {
	cookie  string // of a browser that was right, "" if there is none
	address string // or more than that; what cannot be told apart has the same
	local   bool   // it is at this machine
}

// addressOf is what clients are told apart by. All of the loopback network is one, and so is a network of IPv6.
func addressOf(ip netip.Addr, user string) (address string, local bool) {
	ip = ip.Unmap().WithZone("")
	switch {
	case ip.IsLoopback():
		return "this machine " + user, true
	case ip.Is6():
		if network, err := ip.Prefix(64); err == nil {
			return network.String(), false
		}
	}
	return ip.String(), false
}

// attempt is what came of a try.
type attempt struct {
	ok     bool
	token  string        // if it is right
	cookie string        // for a browser that had none
	left   int           // tries
	wait   time.Duration // if it is positive: nothing was compared
	locked bool          // this one was the last
}

// try compares a PIN. Whether there are tries left is asked before, so that a client who is locked out learns nothing.
func (p *pin) try(c client, given string) attempt {
	digits, _ := pinDigits(given)
	got, want := p.hash(digits), p.hash(p.digits)

	p.mu.Lock()
	defer p.mu.Unlock()
	t, wait := p.triesOf(c)
	if wait > 0 {
		return attempt{wait: wait}
	}
	if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
		now := p.now()
		if t.wrong++; t.wrong == 1 || t.wrong == maxTries {
			t.until = now.Add(lockTime)
		}
		if !c.local {
			if p.remote.wrong++; p.remote.wrong == 1 || p.remote.wrong == maxRemote {
				p.remote.until = now.Add(remoteTime)
			}
		}
		return attempt{left: maxTries - t.wrong, locked: t.wrong == maxTries}
	}
	*t = tries{}
	a := attempt{ok: true, token: rand.Text() + rand.Text()}
	p.order = remember(p.tokens, p.order, p.hash(a.token), maxTokens)
	if !p.knows(c.cookie) {
		a.cookie = rand.Text()
		p.known = remember(p.browsers, p.known, p.hash(a.cookie), maxTokens)
	}
	return a
}

// remember adds a hash, and forgets the oldest where there are too many.
func remember(set map[[32]byte]struct{}, order [][32]byte, hash [32]byte, most int) [][32]byte {
	set[hash] = struct{}{}
	order = append(order, hash)
	for len(order) > most {
		delete(set, order[0])
		order = order[1:]
	}
	return order
}

// triesOf returns the tries that the client's next one counts to: its own as a known browser while there are any, else those of its address. If there
// are none left, it returns how long to wait.
func (p *pin) triesOf(c client) (*tries, time.Duration) {
	now := p.now()
	for name, t := range p.clients {
		if !now.Before(t.until) {
			delete(p.clients, name)
		}
	}
	if !now.Before(p.remote.until) {
		p.remote = tries{}
	}
	var wait time.Duration
	use := func(name string, always bool) *tries {
		t := p.clients[name]
		switch {
		case t == nil && !always && len(p.clients) >= maxClients:
			wait = lockTime
			return nil
		case t == nil:
			t = &tries{}
			p.clients[name] = t
		case t.wrong >= maxTries:
			wait = t.until.Sub(now)
			return nil
		}
		return t
	}
	if p.knows(c.cookie) {
		hash := p.hash(c.cookie)
		if t := use("browser "+string(hash[:]), true); t != nil {
			return t, 0
		}
	}
	if !c.local && p.remote.wrong >= maxRemote {
		return nil, p.remote.until.Sub(now)
	}
	if t := use(c.address, c.local); t != nil {
		return t, 0
	}
	return nil, max(wait, time.Second)
}

// knows tells whether a cookie is of a browser that was right. p.mu is held.
func (p *pin) knows(cookie string) bool {
	if cookie == "" {
		return false
	}
	_, ok := p.browsers[p.hash(cookie)]
	return ok
}

// isKnown is knows for others.
func (p *pin) isKnown(cookie string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.knows(cookie)
}

// valid tells whether a token is one that was given. What is looked up is a hash with a key, so the time that takes says nothing about the token.
func (p *pin) valid(token string) bool {
	if token == "" {
		return false
	}
	hash := p.hash(token)
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.tokens[hash]
	return ok
}

func (p *pin) unlock() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.clients)
	p.remote = tries{}
}
