package mailbox

import (
	"slices"
	"strings"
	"sync"
	"time"
)

const maxEvents = 200 // that are kept

// Event is something that happened besides the arrival of a mail.
type Event struct {
	At     time.Time
	Client string // address and port, or ""
	Text   string
}

// store keeps the newest mails and events in memory.
type store struct {
	maxMails int
	maxBytes int64

	mu       sync.Mutex
	mails    []*Mail // by ID
	bytes    int64
	lastID   int64
	letGo    int64 // mails that had to make room
	events   []Event
	revision int64         // grows with each change
	changed  chan struct{} // closed with the next change
}

func newStore(maxMails int, maxBytes int64) *store {
	return &store{maxMails: maxMails, maxBytes: maxBytes, changed: make(chan struct{})}
}

// change notes a change. s.mu is held.
func (s *store) change() {
	s.revision++
	close(s.changed)
	s.changed = make(chan struct{})
}

// add numbers the mail, keeps it, and lets old ones go. The newest is kept whatever its size.
func (s *store) add(m *Mail) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastID++
	m.ID = s.lastID
	if m.MessageID != "" {
		for _, other := range slices.Backward(s.mails) {
			if other.MessageID == m.MessageID {
				m.Duplicate = other.ID
				break
			}
		}
	}
	s.mails = append(s.mails, m)
	s.bytes += m.weight
	drop := 0
	for left := len(s.mails); left > 1 && (left > s.maxMails || s.bytes > s.maxBytes); left-- {
		s.bytes -= s.mails[drop].weight
		drop++
	}
	s.letGo += int64(drop)
	s.mails = slices.Delete(s.mails, 0, drop)
	s.change()
}

func (s *store) addEvent(e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.events) == maxEvents {
		s.events = slices.Delete(s.events, 0, 1)
	}
	s.events = append(s.events, e)
	s.change()
}

func (s *store) get(id int64) (*Mail, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.find(id)
	if !ok {
		return nil, false
	}
	return s.mails[i], true
}

func (s *store) find(id int64) (int, bool) {
	return slices.BinarySearchFunc(s.mails, id, func(m *Mail, id int64) int {
		switch {
		case m.ID < id:
			return -1
		case m.ID > id:
			return 1
		}
		return 0
	})
}

// remove deletes one mail and reports whether it was there.
func (s *store) remove(id int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.find(id)
	if !ok {
		return false
	}
	s.bytes -= s.mails[i].weight
	s.mails = slices.Delete(s.mails, i, i+1)
	s.change()
	return true
}

// clear deletes all mails, and returns how many.
func (s *store) clear() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.mails)
	s.mails, s.bytes = nil, 0
	s.change()
	return n
}

// snapshot is what the store holds at one moment.
type snapshot struct {
	mails    []*Mail // newest first
	events   []Event // newest first
	bytes    int64
	arrived  int64 // mails since the start
	letGo    int64
	revision int64
	changed  <-chan struct{}
}

func (s *store) snapshot() snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := snapshot{
		mails: slices.Clone(s.mails), events: slices.Clone(s.events), bytes: s.bytes,
		arrived: s.lastID, letGo: s.letGo, revision: s.revision, changed: s.changed,
	}
	slices.Reverse(n.mails)
	slices.Reverse(n.events)
	return n
}

// filter says which mails are wanted. Its zero value wants all.
type filter struct {
	after, before     int64 // by ID
	from, to, subject string
	any               string // in one of the three, or the Message-ID or Fault-Id
}

func (f filter) wants(m *Mail) bool {
	contains := func(part string, in ...[]string) bool {
		part = strings.ToLower(part)
		for _, all := range in {
			for _, s := range all {
				if strings.Contains(strings.ToLower(s), part) {
					return true
				}
			}
		}
		return false
	}
	from, to := append([]string{m.Envelope.From}, m.From...), [][]string{m.Envelope.To, m.To, m.Cc}
	switch {
	case f.after > 0 && m.ID <= f.after, f.before > 0 && m.ID >= f.before:
		return false
	case f.from != "" && !contains(f.from, from), f.to != "" && !contains(f.to, to...):
		return false
	case f.subject != "" && !contains(f.subject, []string{m.Subject}):
		return false
	case f.any != "" && !contains(f.any, append(to, from, []string{m.Subject, m.MessageID, m.FaultID})...):
		return false
	}
	return true
}

func (f filter) of(all []*Mail) []*Mail {
	out := []*Mail{}
	for _, m := range all {
		if f.wants(m) {
			out = append(out, m)
		}
	}
	return out
}
