package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// errGone says that the application has closed a kept connection before anything was written to it.
var errGone = errors.New("the application has closed the connection")

// socket is what a connection to a backend writes to. It notes what became of a request, and looks at a kept connection right
// before something is written to it.
type socket struct {
	net.Conn
	mu      sync.Mutex
	kept    bool // nothing was written since it was kept
	heard   bool // something has come since, the end perhaps: no answer, since nothing was asked
	asked   bool // something was written since it was kept, and nothing has come since
	refused bool // the system says that the application has closed it without having read what was written
	sealed  bool // nothing is written any more
}

// resetLimit is how long the system may take to say that what was written has crossed the connection's end.
const resetLimit = 2 * time.Millisecond

// rest notes that an answer is complete. The next request may come.
func (s *socket) rest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = true
}

// seal ends all writing, and tells whether the application has surely not read what was written since the last rest.
func (s *socket) seal() (unread bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sealed = true
	return s.kept || s.refused
}

func (s *socket) Write(p []byte) (int, error) {
	n, err := s.begin(p)
	if err != nil || n == len(p) {
		return n, err
	}
	rest, err := s.Conn.Write(p[n:])
	return n + rest, err
}

// begin writes the beginning of what is written first to a kept connection. Nobody closes it meanwhile on our side, so that the
// system can be asked what became of it; there is room for so little.
func (s *socket) begin(p []byte) (int, error) {
	const little = 4 << 10
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sealed {
		return 0, net.ErrClosed
	}
	if !s.kept || len(p) == 0 {
		return 0, nil
	}
	if s.heard || !quiet(s.Conn) {
		s.sealed = true
		return 0, errGone
	}
	n, err := s.Conn.Write(p[:min(len(p), little)])
	s.kept, s.asked = n == 0, n > 0
	s.refused = s.refused || wasReset(s.Conn)
	return n, err
}

func (s *socket) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	if errors.Is(err, io.EOF) && s.isAsked() {
		time.Sleep(resetLimit)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if errors.Is(err, io.EOF) && s.asked {
		s.refused = s.refused || wasReset(s.Conn)
	}
	s.asked = s.asked && n == 0
	if s.kept {
		s.heard = true
	}
	if errors.Is(err, syscall.ECONNRESET) {
		s.refused = true // what was read is answered, or followed by an orderly end
	}
	return n, err
}

func (s *socket) isAsked() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func (s *socket) Close() error {
	s.mu.Lock()
	s.refused = s.refused || wasReset(s.Conn)
	s.sealed = true
	s.mu.Unlock()
	return s.Conn.Close()
}

// dialed is where the transport's dialer leaves the socket for whoever asked for a connection.
type dialed struct{ socket *socket }

type dialedKey struct{}

func withDialed(ctx context.Context, d *dialed) context.Context {
	return context.WithValue(ctx, dialedKey{}, d)
}

func newSocket(ctx context.Context, c net.Conn) *socket {
	s := &socket{Conn: c}
	if d, ok := ctx.Value(dialedKey{}).(*dialed); ok {
		d.socket = s
	}
	return s
}
