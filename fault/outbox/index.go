package outbox

import (
	"fmt"
	"sync"
	"time"
)

// index is what is known in memory about the directory, which other processes change, too. A survey
// in it is never changed, except for its sum of bytes.
type index struct {
	scanning sync.Mutex // is taken before mu

	mu     sync.Mutex
	last   *survey
	at     time.Time // of last, by the real clock
	flying int64     // bytes of mails that are being written
	server serverState

	// What could not be written down, because of the disk; by name. It counts all the same, so that no
	// mail is sent twice for that.
	outcomes map[string]outcome
	attempts map[string]attempts
	unsaved  bool // server
}

func (x *index) init() {
	x.last, x.outcomes, x.attempts = &survey{}, map[string]outcome{}, map[string]attempts{}
}

// fresh says whether the directory was read within the last second.
func (x *index) fresh() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return time.Since(x.at).Abs() < time.Second
}

// reserve takes room for size bytes, if they fit.
func (x *index) reserve(size, limit int64) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.last.bytes+x.flying+size > limit {
		return false
	}
	x.flying += size
	return true
}

// landed ends a reservation: the mail is in the directory now, or was not written.
func (x *index) landed(size int64, written bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.flying -= size
	if written {
		x.last.bytes += size
	}
}

// tries is how often the server could not be used, ever.
func (x *index) tries() int64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.server.Tries
}

func (x *index) get() (*survey, serverState) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.last, x.server
}

// state returns what the attempts to send a mail came to, where it could not be written down.
func (x *index) state(name string) (attempts, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	a, ok := x.attempts[name]
	return a, ok
}

// scan reads the directory again.
func (o *Outbox) scan() error {
	x := &o.index
	x.scanning.Lock()
	defer x.scanning.Unlock()
	before, _ := x.get()
	now, err := o.store.survey(before)
	if err != nil {
		return fmt.Errorf("reading the outbox: %w", err)
	}
	o.scanServer()

	x.mu.Lock()
	defer x.mu.Unlock()
	for file := range now.settled {
		if !before.settled[file] {
			signal(o.changed)
			break
		}
	}
	for name := range x.outcomes {
		if it := now.items[name]; it != nil {
			it.settled = true
		}
	}
	for name, a := range x.attempts {
		if it := now.items[name]; it != nil {
			it.attempts = a
		}
	}
	x.last, x.at = now, time.Now()
	return nil
}

// scanServer reads again how the mail server is doing.
func (o *Outbox) scanServer() {
	server := o.store.readServer().of(&o.server)
	x := &o.index
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.unsaved {
		x.server = server
	}
}

// of returns the state as far as it is about this server with these settings.
func (s serverState) of(server *Server) serverState {
	if s.Server != server.identity() {
		return serverState{Server: server.identity(), Tries: s.Tries}
	}
	return s
}
