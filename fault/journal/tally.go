package journal

import (
	"bytes"
	"time"

	"example.org/microblog/fault"
)

// maxKeys bounds how many kinds of failures are counted apart in one file of counts.
const maxKeys = 100

// tally counts the failures of one key.
type tally struct {
	key         string
	seq         int64          // 0 in a table that has none yet
	failure     *fault.Failure // the first, trimmed
	payload     []byte
	count       int64
	first, last time.Time
	written     int64 // how many of count are in the file
}

// tallies is a table of failures that are only counted. Journal.mu guards it.
type tallies struct {
	limit  int64 // of the payloads, in bytes
	bytes  int64
	byKey  map[string]*tally
	others *tally // of all keys that there was no room for
	order  []*tally
	busy   bool // some of it is not in the file yet

	// Of the file; only the committer uses it.
	number int // 0 if there is none yet
	file   file
	size   int64
}

func newTallies(limit int64) *tallies {
	return &tallies{limit: limit, byKey: map[string]*tally{}}
}

// add counts a failure.
func (t *tallies) add(key string, f *fault.Failure, seq func() int64) {
	t.busy = true
	if known := t.find(key); known != nil {
		known.more(1, f.Time, f.Time)
		return
	}
	var b bytes.Buffer
	short := encodeAny(&b, trimmed(f, 1), maxPayload)
	t.insert(&tally{key: key, failure: short, payload: b.Bytes(), count: 1, first: f.Time, last: f.Time}, seq)
}

// merge counts what another table has counted.
func (t *tallies) merge(from *tallies, seq func() int64) {
	t.busy = true
	for _, other := range from.order {
		if other == from.others {
			t.addOthers(other, seq)
		} else if known := t.find(other.key); known != nil {
			known.more(other.count, other.first, other.last)
		} else {
			t.insert(other, seq)
		}
	}
}

// find returns the tally that counts the failures of a key, nil if there is none yet and there may be
// room for one.
func (t *tallies) find(key string) *tally {
	if known := t.byKey[key]; known != nil {
		return known
	}
	if len(t.byKey) >= maxKeys {
		return t.others
	}
	return nil
}

func (t *tallies) insert(n *tally, seq func() int64) {
	if len(t.byKey) >= maxKeys || t.bytes+int64(len(n.payload)) > t.limit {
		t.addOthers(n, seq)
		return
	}
	n.seq = seq()
	t.byKey[n.key] = n
	t.order = append(t.order, n)
	t.bytes += int64(len(n.payload))
}

// addOthers counts failures that have no tally of their own.
func (t *tallies) addOthers(n *tally, seq func() int64) {
	if t.others != nil {
		t.others.more(n.count, n.first, n.last)
		return
	}
	f := substitute("further failures, of kinds for which there was no room in the journal; only their number is known")
	f.Time, f.Host, f.PID, f.Build = n.first, n.failure.Host, n.failure.PID, n.failure.Build
	var b bytes.Buffer
	f = encodeAny(&b, f, maxPayload)
	t.others = &tally{seq: seq(), failure: f, payload: b.Bytes(), count: n.count, first: n.first, last: n.last}
	t.order = append(t.order, t.others)
}

func (n *tally) more(count int64, first, last time.Time) {
	n.count += count
	if first.Before(n.first) {
		n.first = first
	}
	if last.After(n.last) {
		n.last = last
	}
}

// total returns how many failures the table has counted.
func (t *tallies) total() (n int64) {
	if t == nil {
		return 0
	}
	for _, c := range t.order {
		n += c.count
	}
	return n
}

// unwritten returns how many of those are not in the file yet.
func (t *tallies) unwritten() (n int64) {
	if t == nil {
		return 0
	}
	for _, c := range t.order {
		n += c.count - c.written
	}
	return n
}

// wrote notes that all of it is in the file.
func (t *tallies) wrote() {
	for _, c := range t.order {
		c.written = c.count
	}
	t.busy = false
}

// entries returns what Next gives of the table.
func (t *tallies) entries() []*entry {
	all := make([]*entry, 0, len(t.order))
	for _, n := range t.order {
		all = append(all, &entry{
			seq: n.seq, failure: n.failure, count: n.count, last: n.last, counted: true, durable: true,
			size: int64(len(n.payload)),
		})
	}
	return all
}

// extent returns what the table's file holds.
func (t *tallies) extent() extent {
	e := extent{number: t.number, counts: true, bytes: t.size}
	for _, n := range t.order {
		if e.first == 0 {
			e.first = n.seq
		}
		e.last = n.seq
		e.marks = append(e.marks, mark{n.seq, n.count})
		e.saw(n.first, n.last)
	}
	return e
}

// frames appends what is not in the file yet, or with all everything.
func (t *tallies) frames(b []byte, salt uint32, all bool) []byte {
	for _, n := range t.order {
		written := n.written
		if all {
			written = 0
		}
		if written == 0 {
			b = appendFrame(b, salt, frame{kind: kindFirst, seq: n.seq, time: n.first, payload: n.payload})
			written = 1
		}
		if n.count > written {
			b = appendFrame(b, salt, frame{
				kind: kindMore, seq: n.seq, time: n.last,
				payload: appendMore(make([]byte, 0, moreSize), n.count-written, n.last),
			})
		}
	}
	return b
}

// count writes a table to its file and makes it durable: what is new at its end, or all of it anew
// where there is no file, it is in doubt, or it has become long.
func (a *appender) count(t *tallies) error {
	if t.file != nil {
		b := t.frames(nil, a.stream.salt, false)
		if t.size+int64(len(b)) <= 2*(t.limit+maxKeys*(2*frameSize+moreSize)) {
			_, err := t.file.WriteAt(b, t.size)
			if err == nil {
				err = t.file.Sync()
			}
			if err != nil {
				t.close()
				return err
			}
			t.size += int64(len(b))
			return nil
		}
		t.close()
	}
	a.finish()
	if t.number == 0 {
		a.number++
		t.number = a.number
	}
	return a.recount(t)
}

// recount writes a table's file anew, in one step.
func (a *appender) recount(t *tallies) error {
	path := a.stream.path(t.number, true)
	draft := path + rewriteSuffix
	_ = a.disk.remove(draft) // of an attempt that failed; as a rule there is none
	f, err := a.create(draft)
	if err != nil {
		return err
	}
	b := appendHeader(nil, a.stream.salt, time.Now())
	b = t.frames(b, a.stream.salt, true)
	if _, err = f.WriteAt(b, 0); err == nil {
		err = f.Sync()
	}
	if err != nil {
		a.giveUp(f, draft)
		return err
	}
	_ = f.Close() // What is durable is. An open file cannot be renamed on Windows.
	if err = a.disk.rename(draft, path); err == nil {
		err = a.disk.syncDir(a.stream.dir)
	}
	if err != nil {
		return err
	}
	if t.file, err = a.disk.open(path); err != nil {
		t.file = nil // It is written anew the next time.
	}
	t.size = int64(len(b))
	return nil
}

// close closes the table's file.
func (t *tallies) close() {
	if t.file != nil {
		_ = t.file.Close() // What is durable is.
		t.file = nil
	}
}
