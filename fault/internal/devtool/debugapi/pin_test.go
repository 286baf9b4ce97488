package debugapi_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/microblog/fault/internal/devtool/debugapi"
)

// clock is a time that a test sets.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func newClock(s *debugapi.Server) *clock {
	c := &clock{at: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	s.SetNow(c.now)
	return c
}

func TestPIN(t *testing.T) {
	t.Parallel()
	s, _ := newServer(t, nil)
	c := &caller{t: t, url: s.URL()}
	for _, pin := range []string{"123456789", "123-456-789", " 123 456 789 ", "1-2-3-4-5-6-7-8-9"} {
		if a := c.post("/session", fmt.Sprintf(`{"pin":%q}`, pin)); a.status != 200 {
			t.Errorf("%q: %d %s", pin, a.status, a.body)
		}
	}
	for _, pin := range []string{"", "12345678", "1234567890", "123456788", "１２３４５６７８９", "123456789\\u0000", strings.Repeat("1", 5000)} {
		if a := c.post("/session", `{"pin":"`+pin+`"}`); a.status != http.StatusForbidden || a.code() != "pin" || a.json["token"] != nil || a.header["Set-Cookie"] != nil {
			t.Errorf("%.20q: %d %s", pin, a.status, a.body)
		}
	}
	for _, body := range []string{`{}`, `{"pin":123456789}`, `{"pin":null}`, `[]`, `{"pin":["123456789"]}`} {
		if a := c.post("/session", body); a.status != 400 || a.json["token"] != nil {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	first, second := c.post("/session", `{"pin":"`+testPIN+`"}`).json["token"].(string), c.post("/session", `{"pin":"`+testPIN+`"}`).json["token"].(string)
	if first == second || len(first) < 40 {
		t.Errorf("the tokens %q and %q", first, second)
	}
	for _, token := range []string{first, second} {
		if a := (&caller{t: t, url: s.URL(), token: token}).get("/session"); a.status != 200 {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
}

// TestWrongPINsLookAlike: whatever is wrong about a PIN, the answer is the same and is made in the same steps. How long those take is no matter of its digits, since
// hashes of one length are compared, in constant time.
func TestWrongPINsLookAlike(t *testing.T) {
	t.Parallel()
	var first string
	for _, pin := range []string{"999999999", "123456780", "1", "", "no digits at all"} {
		s, _ := newServer(t, nil)
		c := &caller{t: t, url: s.URL()}
		a := c.post("/session", fmt.Sprintf(`{"pin":%q}`, pin))
		a.header.Del("Date")
		got := fmt.Sprint(a.status, a.header, string(a.body))
		if first == "" {
			first = got
		}
		if got != first {
			t.Errorf("%q: %s\nand another one: %s", pin, got, first)
		}
	}
}

// TestGuessing guesses until it has to wait.
func TestGuessing(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var said []string
	s, _ := newServer(t, func(o *debugapi.Options) {
		o.Log = func(text string) {
			mu.Lock()
			defer mu.Unlock()
			said = append(said, text)
		}
	})
	clock := newClock(s)
	c := &caller{t: t, url: s.URL()}
	for i := range 10 {
		a := c.post("/session", `{"pin":"000000000"}`)
		if a.status != 403 || a.json["left"] != float64(9-i) {
			t.Fatalf("try %d: %d %s", i, a.status, a.body)
		}
	}
	for _, pin := range []string{"000000001", testPIN} { // right or wrong, that is not told
		a := c.post("/session", `{"pin":"`+pin+`"}`)
		if a.status != http.StatusTooManyRequests || a.code() != "locked" || a.header.Get("Retry-After") != "900" {
			t.Errorf("%d %v %s", a.status, a.header, a.body)
		}
	}
	clock.add(15*time.Minute - time.Second)
	if a := c.post("/session", `{"pin":"`+testPIN+`"}`); a.status != 429 {
		t.Errorf("a second too early: %d", a.status)
	}
	clock.add(time.Second)
	if a := c.post("/session", `{"pin":"`+testPIN+`"}`); a.status != 200 {
		t.Errorf("after the time: %d %s", a.status, a.body)
	}
	for range 12 {
		c.post("/session", `{"pin":"000000000"}`)
	}
	s.Unlock()
	if a := c.post("/session", `{"pin":"`+testPIN+`"}`); a.status != 200 {
		t.Errorf("after the key: %d %s", a.status, a.body)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(said) != 2 || !strings.Contains(said[0], "ten wrong PINs from this machine") {
		t.Errorf("the terminal was told %q", said)
	}
}

// TestLockOutOfTheDeveloper: a stranger at the same address uses up all tries, and the developer comes in all the same, and keeps what he has.
func TestLockOutOfTheDeveloper(t *testing.T) {
	t.Parallel()
	s, _ := newServer(t, nil)
	newClock(s)
	developer := &caller{t: t, url: s.URL()}
	in := developer.post("/session", `{"pin":"`+testPIN+`"}`)
	developer.token = in.json["token"].(string)
	cookie, _, _ := strings.Cut(in.header.Get("Set-Cookie"), ";")
	stranger := &caller{t: t, url: s.URL()}
	name, _, _ := strings.Cut(cookie, "=")
	for _, header := range []http.Header{nil, {"Cookie": {name + "=made-up"}}, {"Cookie": {name + "="}}} {
		for range 11 {
			stranger.do("POST", "/session", `{"pin":"000000000"}`, header)
		}
		if a := stranger.do("POST", "/session", `{"pin":"`+testPIN+`"}`, header); a.status != 429 {
			t.Fatalf("the stranger is not locked out: %d", a.status)
		}
	}
	if a := developer.get("/failures"); a.status != 200 {
		t.Errorf("the developer's token: %d", a.status)
	}
	if a := developer.do("POST", "/session", `{"pin":"111111111"}`, http.Header{"Cookie": {cookie}}); a.status != 403 || a.json["left"] != 9.0 {
		t.Errorf("a wrong PIN of the developer: %d %s", a.status, a.body)
	}
	if a := developer.do("POST", "/session", `{"pin":"`+testPIN+`"}`, http.Header{"Cookie": {cookie}}); a.status != 200 || a.header["Set-Cookie"] != nil {
		t.Errorf("the developer's browser: %d %s", a.status, a.body)
	}
	// The cookie is no way to try more than ten times for ever.
	tries := 0
	for range 30 {
		if a := stranger.do("POST", "/session", `{"pin":"000000000"}`, http.Header{"Cookie": {cookie}}); a.status == 403 {
			tries++
		}
	}
	if tries != 10 {
		t.Errorf("with the cookie there are %d tries", tries)
	}
}

// TestOtherMachinesCannotLockThisOne guesses from very many addresses.
func TestOtherMachinesCannotLockThisOne(t *testing.T) {
	t.Parallel()
	s, _ := newServer(t, nil)
	clock := newClock(s)
	answered := s.RemoteTries(20_000, func(i int) string { return fmt.Sprint("network ", i) })
	if answered != 1000 {
		t.Errorf("%d tries of other machines were looked at", answered)
	}
	if ok, locked := s.LocalTry(testPIN); !ok || locked {
		t.Error("somebody at this machine is locked out")
	}
	clock.add(time.Hour)
	if answered := s.RemoteTries(5, func(int) string { return "network" }); answered != 5 {
		t.Errorf("%d after an hour", answered)
	}
}

// TestPagesCannotUseUpTries: a stranger's page in the developer's browser is refused before its PIN is looked at.
func TestPagesCannotUseUpTries(t *testing.T) {
	t.Parallel()
	s, _ := newServer(t, nil)
	c := &caller{t: t, url: s.URL()}
	for range 20 {
		for _, h := range []http.Header{{"Origin": {"http://evil.example"}}, {"Host": {"evil.example"}}, {"Content-Type": {"text/plain"}}} {
			if a := c.do("POST", "/session", `{"pin":"000000000"}`, h); a.status == 429 {
				t.Fatal("it used up the tries")
			}
		}
	}
	if a := c.post("/session", `{"pin":"000000000"}`); a.status != 403 || a.json["left"] != 9.0 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestOtherUsers has another user of this machine use up his tries; that takes root.
func TestOtherUsers(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can be another user")
	}
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not here: ", err)
	}
	s, _ := newServer(t, nil)
	newClock(s)
	for range 11 {
		cmd := exec.Command(curl, "-s", "-o", os.DevNull, "-w", "%{http_code}", "-H", "Content-Type: application/json", "-d", `{"pin":"000000000"}`, s.URL()+"/session")
		if err := asUser(cmd, 65534); err != nil {
			t.Skip(err)
		}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if status, err := strconv.Atoi(string(out)); err != nil || status != 403 && status != 429 {
			t.Fatalf("%q", out)
		}
	}
	c := &caller{t: t, url: s.URL()}
	if a := c.post("/session", `{"pin":"000000000"}`); a.status != 403 || a.json["left"] != 9.0 {
		t.Errorf("the developer has to answer for another user: %d %s", a.status, a.body)
	}
}
