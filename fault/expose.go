package fault

import (
	"bufio"
	"io"
	"net"
	"net/http"
)

// A response is handed down as one of these types, so that a type assertion finds http.Flusher,
// http.Hijacker, http.Pusher and io.ReaderFrom where the writer beneath has them and nowhere else.
// Each holds one pointer only, which is why handing it down allocates nothing. The letters tell what
// a type has: Flusher, Hijacker, Pusher, ReaderFrom.
type (
	rw     struct{ *response }
	rwF    struct{ rw }
	rwH    struct{ rw }
	rwFH   struct{ rwF }
	rwP    struct{ rw }
	rwFP   struct{ rwF }
	rwHP   struct{ rwH }
	rwFHP  struct{ rwFH }
	rwR    struct{ rw }
	rwFR   struct{ rwF }
	rwHR   struct{ rwH }
	rwFHR  struct{ rwFH }
	rwPR   struct{ rwP }
	rwFPR  struct{ rwFP }
	rwHPR  struct{ rwHP }
	rwFHPR struct{ rwFHP }
)

func (w rwF) Flush()            { _ = w.flush() }
func (w rwF) FlushError() error { return w.flush() }

func (w rwH) Hijack() (net.Conn, *bufio.ReadWriter, error)  { return w.hijack() }
func (w rwFH) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.hijack() }
func (w rwP) Push(to string, o *http.PushOptions) error     { return w.push(to, o) }
func (w rwFP) Push(to string, o *http.PushOptions) error    { return w.push(to, o) }
func (w rwHP) Push(to string, o *http.PushOptions) error    { return w.push(to, o) }
func (w rwFHP) Push(to string, o *http.PushOptions) error   { return w.push(to, o) }
func (w rwR) ReadFrom(src io.Reader) (int64, error)         { return w.readFrom(src) }
func (w rwFR) ReadFrom(src io.Reader) (int64, error)        { return w.readFrom(src) }
func (w rwHR) ReadFrom(src io.Reader) (int64, error)        { return w.readFrom(src) }
func (w rwFHR) ReadFrom(src io.Reader) (int64, error)       { return w.readFrom(src) }
func (w rwPR) ReadFrom(src io.Reader) (int64, error)        { return w.readFrom(src) }
func (w rwFPR) ReadFrom(src io.Reader) (int64, error)       { return w.readFrom(src) }
func (w rwHPR) ReadFrom(src io.Reader) (int64, error)       { return w.readFrom(src) }
func (w rwFHPR) ReadFrom(src io.Reader) (int64, error)      { return w.readFrom(src) }

func (res *response) push(to string, o *http.PushOptions) error {
	return res.ResponseWriter.(http.Pusher).Push(to, o)
}

// exposed returns the response in the type that offers what the writer beneath does. What that one
// only reaches through its Unwrap methods counts for flushing and hijacking, or an
// http.ResponseController would pass us by.
func (res *response) exposed() http.ResponseWriter {
	const (
		flusher = 1 << iota
		hijacker
		pusher
		readerFrom
	)
	has := 0
	if reaches(res.ResponseWriter, isFlusher) {
		has |= flusher
	}
	if reaches(res.ResponseWriter, isHijacker) {
		has |= hijacker
	}
	if _, ok := res.ResponseWriter.(http.Pusher); ok {
		has |= pusher
	}
	if _, ok := res.ResponseWriter.(io.ReaderFrom); ok {
		has |= readerFrom
	}
	base := rw{res}
	switch has {
	case flusher:
		return rwF{base}
	case hijacker:
		return rwH{base}
	case flusher | hijacker:
		return rwFH{rwF{base}}
	case pusher:
		return rwP{base}
	case flusher | pusher:
		return rwFP{rwF{base}}
	case hijacker | pusher:
		return rwHP{rwH{base}}
	case flusher | hijacker | pusher:
		return rwFHP{rwFH{rwF{base}}}
	case readerFrom:
		return rwR{base}
	case flusher | readerFrom:
		return rwFR{rwF{base}}
	case hijacker | readerFrom:
		return rwHR{rwH{base}}
	case flusher | hijacker | readerFrom:
		return rwFHR{rwFH{rwF{base}}}
	case pusher | readerFrom:
		return rwPR{rwP{base}}
	case flusher | pusher | readerFrom:
		return rwFPR{rwFP{rwF{base}}}
	case hijacker | pusher | readerFrom:
		return rwHPR{rwHP{rwH{base}}}
	case flusher | hijacker | pusher | readerFrom:
		return rwFHPR{rwFHP{rwFH{rwF{base}}}}
	}
	return base
}

func isFlusher(w http.ResponseWriter) bool {
	switch w.(type) {
	case http.Flusher, interface{ FlushError() error }:
		return true
	}
	return false
}

func isHijacker(w http.ResponseWriter) bool {
	_, ok := w.(http.Hijacker)
	return ok
}

// maxWrappers bounds how many writers within each other are looked into.
const maxWrappers = 32

func reaches(w http.ResponseWriter, has func(http.ResponseWriter) bool) bool {
	for range maxWrappers {
		if has(w) {
			return true
		}
		inner, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return false
		}
		w = inner.Unwrap()
	}
	return false
}
