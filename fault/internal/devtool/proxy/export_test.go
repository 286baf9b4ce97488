package proxy

import (
	"io"
	"time"
)

// What has no public surface of its own and is fuzzed.

// PutIn returns the page with a tag where the script goes.
func PutIn(page io.Reader, tag string, sure bool) (string, error) {
	start, at, err := readStart(page, sure)
	if err != nil {
		return "", err
	}
	rest, err := io.ReadAll(page)
	if err != nil {
		return "", err
	}
	if at < 0 {
		return string(start) + string(rest), nil
	}
	return string(start[:at]) + tag + string(start[at:]) + string(rest), nil
}

// SetGrace sets how long a stream may go on once the backend is drained.
func (b *Backend) SetGrace(grace time.Duration) { b.grace = grace }

// Amend amends the policies of a page at host, and returns the nonce of the script.
func Amend(policies []string, host string) (amended []string, nonce string) {
	a := allowance{host: host}
	amended = a.amend(policies)
	return amended, a.nonce
}

var (
	LocalPath  = localPath
	HostName   = hostName
	AsideName  = asideCookie
	MaxWaiting = maxWaiting

	// KeepsConnections says that connections to a backend are kept on this system.
	KeepsConnections = keepsConnections
)

// Idle is the number of connections that are kept.
func (b *Backend) Idle() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.idle)
}

// Running is the number of requests on the backend.
func (b *Backend) Running() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.running)
}

// State returns how many requests wait, how many are under way and how many tabs are connected.
func (s *Server) State() (waiting, running, tabs int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting, len(s.exchanges), len(s.tabs)
}
