package debugapi

import "time"

// SetNow sets the clock of the lock-out.
func (s *Server) SetNow(now func() time.Time) {
	s.pin.mu.Lock()
	defer s.pin.mu.Unlock()
	s.pin.now = now
}

// Watching tells how many requests wait for something new of a failure.
func (s *Server) Watching(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.find(id).watching
}

// AllIsLongAgo has all uses of debuggers be long ago.
func (s *Server) AllIsLongAgo() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.entries {
		if e.attached != nil {
			e.attached.usedAt = time.Time{}
		}
	}
}

// Look looks at the copies now.
func (s *Server) Look() { s.look() }

var (
	HostName  = hostName
	AddressOf = addressOf
	ParseRef  = parseRef
	BytesAt   = bytesAt
	UnitsOf   = unitsOf
	Escaped   = escaped
	InUnits   = inUnits
	TracerOf  = tracerOf

	EnvironmentDocument = environmentOf
)

// RemoteTries makes n wrong tries from as many addresses of other machines.
func (s *Server) RemoteTries(n int, address func(i int) string) (answered int) {
	for i := range n {
		if a := s.pin.try(client{address: address(i)}, "000-000-000"); a.wait == 0 {
			answered++
		}
	}
	return answered
}

// LocalTry is a try from this machine.
func (s *Server) LocalTry(pin string) (ok, locked bool) {
	a := s.pin.try(client{address: "this machine", local: true}, pin)
	return a.ok, a.wait > 0
}
