package web_test

import (
	"testing"
	"time"
)

// TestLastSeen: who visits was seen, at most one write a minute.
func TestLastSeen(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member("susan")
	visit := func() time.Time {
		t.Helper()
		b.get("/explore").wants(200)
		s.restart()
		return s.user("susan").LastSeen
	}
	first := s.clock.Now()
	if got := visit(); !got.Equal(first) {
		t.Errorf("seen at %v, want %v", got, first)
	}
	s.clock.advance(59 * time.Second)
	if got := visit(); !got.Equal(first) {
		t.Errorf("written again within a minute: %v", got)
	}
	s.clock.advance(time.Second)
	if got := visit(); !got.Equal(s.clock.Now()) {
		t.Errorf("seen at %v, want %v", got, s.clock.Now())
	}
	// What is the same for everybody is no visit.
	s.clock.advance(time.Hour)
	before := s.user("susan").LastSeen
	b.get("/avatar/1.svg")
	b.get("/healthz")
	s.restart()
	if got := s.user("susan").LastSeen; !got.Equal(before) {
		t.Errorf("a picture counts as a visit: %v", got)
	}
}

// TestLastSeenOfOneself: on one's own profile it is now, also before it is stored.
func TestLastSeenOfOneself(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.member("susan")
	b.get("/user/susan").wants(200).shows("Last seen")
	s.browser().get("/user/susan").wants(200).hides("Last seen") // not stored yet
	s.restart()
	s.clock.advance(40 * time.Second)
	now := s.clock.Now().Format(`datetime="2006-01-02T15:04:05`)
	b.get("/user/susan").wants(200).shows(now)
	s.browser().get("/user/susan").wants(200).shows("Last seen").hides(now)
}
