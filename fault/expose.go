package fault

import (
	"bufio"
	"io"
	"net"
	"net/http"
)

// A response is handed down as one of these types, so that a type assertion finds http.Flusher,
// http.Hijacker and io.ReaderFrom where the writer beneath has them and nowhere else. Each holds one
// pointer only, which is why handing it down allocates nothing. The letters tell what a type has:
// Flusher, Hijacker, ReaderFrom. There is none for http.Pusher: browsers no longer take pushes.
type (
	rw    struct{ *response }
	rwF   struct{ rw }
	rwH   struct{ rw }
	rwFH  struct{ rwF }
	rwR   struct{ rw }
	rwFR  struct{ rwF }
	rwHR  struct{ rwH }
	rwFHR struct{ rwFH }
)

func (w rwF) Flush()            { _ = w.flush() }
func (w rwF) FlushError() error { return w.flush() }

func (w rwH) Hijack() (net.Conn, *bufio.ReadWriter, error)  { return w.hijack() }
func (w rwFH) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.hijack() }
func (w rwR) ReadFrom(src io.Reader) (int64, error)         { return w.readFrom(src) }
func (w rwFR) ReadFrom(src io.Reader) (int64, error)        { return w.readFrom(src) }
func (w rwHR) ReadFrom(src io.Reader) (int64, error)        { return w.readFrom(src) }
func (w rwFHR) ReadFrom(src io.Reader) (int64, error)       { return w.readFrom(src) }

// exposed returns the response in the type that offers what the writer beneath does. What that one
// only reaches through its Unwrap methods counts for flushing and hijacking, or an
// http.ResponseController would pass us by.
func (res *response) exposed() http.ResponseWriter {
	const (
		flusher = 1 << iota
		hijacker
		readerFrom
	)
	has := 0
	if reaches(res.ResponseWriter, isFlusher) {
		has |= flusher
	}
	if reaches(res.ResponseWriter, isHijacker) {
		has |= hijacker
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
	case readerFrom:
		return rwR{base}
	case flusher | readerFrom:
		return rwFR{rwF{base}}
	case hijacker | readerFrom:
		return rwHR{rwH{base}}
	case flusher | hijacker | readerFrom:
		return rwFHR{rwFH{rwF{base}}}
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
