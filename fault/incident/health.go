package incident

import (
	"sync"
	"time"
)

// health is how the Book is.
type health struct {
	mu       sync.Mutex
	degraded bool
	since    time.Time // of the trouble with the database
	sql      string    // the last error of each; "": it is well
	file     string
	source   string
}

// trouble notes that the database has failed, in something that began at that time. It returns since
// when there is trouble.
func (h *health) trouble(began time.Time, err error) (since time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.since.IsZero() {
		h.since = began
	}
	h.sql = err.Error()
	return h.since
}

// fine notes that the database answered. It does not end a degraded state.
func (h *health) fine() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.degraded {
		h.since, h.sql = time.Time{}, ""
	}
}

// degrade lets the state file take over. It returns false if it had already.
func (h *health) degrade() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	was := h.degraded
	h.degraded = true
	return !was
}

// recover lets the database take over again.
func (h *health) recover() (since time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	since = h.since
	h.degraded, h.since, h.sql = false, time.Time{}, ""
	return since
}

func (h *health) isDegraded() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.degraded
}

// note keeps the last error of the state file or the Source; nil: it is well.
func (h *health) note(of *string, err error) (news bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	text := ""
	if err != nil {
		text = err.Error()
	}
	news = *of == "" && text != ""
	*of = text
	return news
}

func (h *health) status() Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	st := Status{Degraded: h.degraded, Since: h.since}
	for _, text := range []string{h.sql, h.file, h.source} {
		if st.Err == "" {
			st.Err = text
		}
	}
	return st
}
