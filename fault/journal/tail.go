package journal

// tail holds the newest entries of the own stream that Next has not given yet, so that it need not read
// them. Journal.mu guards it.
type tail struct {
	entries []*entry // by number
	base    int64    // what has greater numbers is in entries; what has not must be read from the files
	bytes   int64
}

// push adds entries with greater numbers than there are.
func (t *tail) push(entries ...*entry) {
	for _, e := range entries {
		t.entries = append(t.entries, e)
		t.bytes += e.size
	}
}

// shrink lets go of the oldest entries where they are too many. What is not durable stays.
func (t *tail) shrink() {
	for t.bytes > maxCache && len(t.entries) > 0 && t.entries[0].durable {
		t.pop()
	}
}

func (t *tail) pop() *entry {
	e := t.entries[0]
	t.entries[0] = nil
	t.entries = t.entries[1:]
	t.base = e.seq
	t.bytes -= e.size
	return e
}

// forget lets go of what has numbers up to seq.
func (t *tail) forget(seq int64) {
	for len(t.entries) > 0 && t.entries[0].seq <= seq {
		t.pop()
	}
}

// restore puts back what was given and is not durable; held is all that is not. Nothing in the tail is
// newer than that.
func (t *tail) restore(held []*entry) {
	if len(held) == 0 || held[0].seq > t.base {
		return
	}
	t.entries, t.bytes, t.base = nil, 0, held[0].seq-1
	t.push(held...)
}
