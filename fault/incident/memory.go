package incident

import (
	"maps"
	"slices"
	"time"

	"example.org/microblog/fault"
)

// memory is what a state file holds. The records, rows and so on in it are never changed, only
// replaced.
type memory struct {
	records map[string]*record
	keys    map[string]*keyRow
	places  map[string]map[string]*keyRow // by place and key
	minutes map[string]map[int64]int64
	tallies map[string]map[tallyKey]*tallyCount
	samples map[string]map[int64]sample
	ids     map[fault.ID]failureID
	order   []fault.ID // of ids, oldest first
	notices map[string]*noticeRow
	covers  map[string][]cover
	streams map[string]streamDone
	builds  map[string]time.Time
	hour    *window // nil: never set
	doubts  []doubt

	importing bool
}

// streamDone is how far a stream is counted, and since when.
type streamDone struct {
	done int64
	at   time.Time
}

func newMemory() *memory {
	return &memory{
		records: map[string]*record{}, keys: map[string]*keyRow{}, places: map[string]map[string]*keyRow{},
		minutes: map[string]map[int64]int64{}, tallies: map[string]map[tallyKey]*tallyCount{},
		samples: map[string]map[int64]sample{}, ids: map[fault.ID]failureID{}, notices: map[string]*noticeRow{},
		covers: map[string][]cover{}, streams: map[string]streamDone{}, builds: map[string]time.Time{},
	}
}

// apply takes over the changes of a transaction.
func (m *memory) apply(ch *changes) {
	for name, done := range ch.Streams {
		if done > m.streams[name].done {
			m.streams[name] = streamDone{done, ch.Now}
		}
	}
	for _, r := range ch.Records {
		r.created = false
		m.records[r.ID] = r
	}
	for _, k := range ch.Keys {
		m.keys[k.Key] = k
		put(m.places, k.Place, k.Key, k)
	}
	for _, c := range ch.Minutes {
		put(m.minutes, c.Incident, c.Minute, m.minutes[c.Incident][c.Minute]+c.N)
	}
	for _, c := range ch.Tallies {
		if t := m.tallies[c.Incident][c.tallyKey]; t != nil {
			c.N += t.N
			c.First = earlier(c.First, t.First)
			if t.Last.After(c.Last) {
				c.Last = t.Last
			}
		}
		put(m.tallies, c.Incident, c.tallyKey, &c)
	}
	for _, s := range ch.Samples {
		s.Data = nil
		put(m.samples, s.Incident, s.Slot, s)
	}
	for _, f := range ch.IDs {
		if _, ok := m.ids[f.ID]; !ok {
			m.order = append(m.order, f.ID)
			m.ids[f.ID] = f
		}
	}
	for _, n := range ch.Notices {
		m.notices[n.Key] = n
	}
	for _, c := range ch.Covers {
		m.covers[c.Notice] = append(m.covers[c.Notice], c)
	}
	for _, b := range ch.Builds {
		if _, ok := m.builds[b.Build]; !ok {
			m.builds[b.Build] = b.At
		}
	}
	if ch.Window != nil {
		m.hour = ch.Window
	}
	m.doubts = append(m.doubts, ch.Doubtful...)
	m.importing = m.importing || ch.Importing
	for _, id := range ch.Removed {
		m.remove(id)
	}
	if ch.Expire != nil {
		m.expire(ch.Expire)
	}
}

func put[K, L comparable, V any](m map[K]map[L]V, k K, l L, v V) {
	inner := m[k]
	if inner == nil {
		inner = map[L]V{}
		m[k] = inner
	}
	inner[l] = v
}

func (m *memory) remove(id string) {
	delete(m.records, id)
	delete(m.minutes, id)
	delete(m.tallies, id)
	delete(m.samples, id)
	for _, k := range m.keys {
		if k.Incident == id {
			delete(m.keys, k.Key)
			delete(m.places[k.Place], k.Key)
			if len(m.places[k.Place]) == 0 {
				delete(m.places, k.Place)
			}
		}
	}
}

func (m *memory) expire(e *expiry) {
	for _, minutes := range m.minutes {
		maps.DeleteFunc(minutes, func(minute, _ int64) bool { return minute < e.Minutes })
	}
	for _, samples := range m.samples {
		maps.DeleteFunc(samples, func(slot int64, _ sample) bool { return slot > e.Slots })
	}
	for key, n := range m.notices {
		if n.settled() && n.Settled.Before(e.Notices) {
			delete(m.notices, key)
			delete(m.covers, key)
		}
	}
	maps.DeleteFunc(m.streams, func(_ string, s streamDone) bool { return s.at.Before(e.Streams) })
	if over := len(m.order) - max(e.IDs, 0); over > 0 {
		for _, id := range m.order[:over] {
			delete(m.ids, id)
		}
		m.order = slices.Clone(m.order[over:])
	}
}

// snapshotPiece is how many rows of a kind a frame of a snapshot holds.
const snapshotPiece = 500

// snapshot calls write with changes that make the same memory of an empty one.
func (m *memory) snapshot(now time.Time, write func(*changes) error) error {
	p := &pieceWriter{now: now, write: write, ch: &changes{Now: now}}
	for name, s := range m.streams {
		p.ch.Streams = map[string]int64{name: s.done}
		p.ch.Now = s.at
		p.flush()
	}
	p.ch.Window = m.hour
	for _, r := range m.records {
		p.ch.Records = append(p.ch.Records, r)
		p.row()
	}
	for _, k := range m.keys {
		p.ch.Keys = append(p.ch.Keys, k)
		p.row()
	}
	for id, minutes := range m.minutes {
		for minute, n := range minutes {
			p.ch.Minutes = append(p.ch.Minutes, minuteCount{id, minute, n})
			p.row()
		}
	}
	for _, tallies := range m.tallies {
		for _, t := range tallies {
			p.ch.Tallies = append(p.ch.Tallies, *t)
			p.row()
		}
	}
	for _, samples := range m.samples {
		for _, s := range samples {
			p.ch.Samples = append(p.ch.Samples, s)
			p.row()
		}
	}
	for _, id := range m.order {
		p.ch.IDs = append(p.ch.IDs, m.ids[id])
		p.row()
	}
	for _, n := range m.notices {
		p.ch.Notices = append(p.ch.Notices, n)
		p.row()
	}
	for _, covers := range m.covers {
		for _, c := range covers {
			p.ch.Covers = append(p.ch.Covers, c)
			p.row()
		}
	}
	for build, at := range m.builds {
		p.ch.Builds = append(p.ch.Builds, buildSeen{build, at})
		p.row()
	}
	for _, d := range m.doubts {
		p.ch.Doubtful = append(p.ch.Doubtful, d)
		p.row()
	}
	p.flush()
	return p.err
}

// pieceWriter writes changes in pieces.
type pieceWriter struct {
	now   time.Time
	write func(*changes) error
	ch    *changes
	rows  int
	err   error
}

func (p *pieceWriter) row() {
	if p.rows++; p.rows >= snapshotPiece {
		p.flush()
	}
}

func (p *pieceWriter) flush() {
	if p.err == nil {
		p.err = p.write(p.ch)
	}
	p.ch, p.rows = &changes{Now: p.now}, 0
}
