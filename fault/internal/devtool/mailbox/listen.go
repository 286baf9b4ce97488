package mailbox

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// ListenError is an address that cannot be had.
type ListenError struct {
	Option  string // SMTP or HTTP
	Address string
	InUse   bool   // another program has it
	Holder  string // that program, if it can be known: "postfix (process 812)"
	Err     error
}

// Error says what is the matter with the address. What to do is for the caller to say, who knows how it was given.
func (e *ListenError) Error() string {
	switch {
	case e.InUse && e.Holder != "":
		return fmt.Sprintf("the address %s is in use by %s", e.Address, e.Holder)
	case e.InUse:
		return fmt.Sprintf("the address %s is in use by another program", e.Address)
	case errors.Is(e.Err, fs.ErrPermission):
		return fmt.Sprintf("this user may not listen on %s; ports below 1024 need a privilege", e.Address)
	case errors.Is(e.Err, syscall.EADDRNOTAVAIL):
		return fmt.Sprintf("this machine does not have the address %s", e.Address)
	}
	return fmt.Sprintf("listening on %s: %v", e.Address, e.Err)
}

func (e *ListenError) Unwrap() error { return e.Err }

func listen(option, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err == nil {
		return l, nil
	}
	e := &ListenError{Option: option, Address: address, Err: err, InUse: addressInUse(err)}
	if e.InUse {
		e.Holder = holderOf(address)
	}
	return nil, e
}

// localURL is how a browser on this machine reaches addr. A wildcard address is reached at the loopback address.
func localURL(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return "http://" + addr.String()
	}
	port := tcp.AddrPort()
	if ip := port.Addr(); ip.IsUnspecified() {
		port = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port.Port())
	}
	return "http://" + port.String()
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
