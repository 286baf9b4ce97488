package mailbox

import (
	"errors"
	"fmt"
	"net"
	"time"

	"example.org/microblog/fault/internal/devtool/address"
)

// ListenError is an address that cannot be had.
type ListenError struct {
	Option string // SMTP or HTTP
	*address.ListenError
}

func (e *ListenError) Unwrap() error { return e.ListenError }

func listen(option, at string) (net.Listener, error) {
	l, err := address.Listen(at)
	var failed *address.ListenError
	if errors.As(err, &failed) {
		return nil, &ListenError{option, failed}
	}
	return l, err
}

// gate gives the SMTP library its connections.
type gate struct {
	net.Listener
	s *Server
}

// Accept waits for a client for whom there is room.
func (g gate) Accept() (net.Conn, error) {
	for {
		raw, err := g.Listener.Accept()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				g.s.event("", "a connection could not be taken: "+err.Error())
			}
			return nil, err
		}
		w := newWire(raw, g.s)
		if g.s.admit(w) {
			return w, nil
		}
		g.s.event(raw.RemoteAddr().String(), fmt.Sprintf("turned away: there are %d connections already", maxConnections))
		_ = raw.SetWriteDeadline(time.Now().Add(partingLimit))
		_, _ = raw.Write([]byte("421 4.3.2 Too many connections, try again later\r\n"))
		_ = raw.Close()
	}
}

func (s *Server) admit(w *wire) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.wires) >= maxConnections {
		return false
	}
	s.wires[w] = struct{}{}
	return true
}

func (s *Server) forget(w *wire) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.wires, w)
}

func (s *Server) allWires() []*wire {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*wire, 0, len(s.wires))
	for w := range s.wires {
		all = append(all, w)
	}
	return all
}
