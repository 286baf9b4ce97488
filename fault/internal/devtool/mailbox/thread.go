package mailbox

import "slices"

// threads puts mails together that belong to one conversation by Message-ID and References (RFC 5322, 3.6.4), also
// where the mail that they refer to is not there. all is newest first; so are the threads, by their newest mail, and
// the mails of each.
func threads(all []*Mail) [][]*Mail {
	parent := make([]int, len(all))
	for i := range parent {
		parent[i] = i
	}
	find := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	first := map[string]int{} // the first mail that knows an ID
	for i, m := range all {
		for _, id := range m.threadIDs() {
			other, ok := first[id]
			if !ok {
				first[id] = i
				continue
			}
			// The smaller index, which is the newer mail, stands for the thread.
			a, b := find(i), find(other)
			parent[max(a, b)] = min(a, b)
		}
	}
	var (
		out [][]*Mail
		at  = map[int]int{}
	)
	for i, m := range all {
		root := find(i)
		n, ok := at[root]
		if !ok {
			n = len(out)
			at[root] = n
			out = append(out, nil)
		}
		out[n] = append(out[n], m)
	}
	return out
}

// threadIDs are the identifiers by which a mail belongs to a thread.
func (m *Mail) threadIDs() []string {
	if m.MessageID == "" {
		return m.References
	}
	return append(slices.Clip(m.References), m.MessageID)
}

// threadOf returns the thread of one mail, newest first.
func threadOf(all []*Mail, m *Mail) []*Mail {
	for _, t := range threads(all) {
		if slices.Contains(t, m) {
			return t
		}
	}
	return []*Mail{m}
}
