package fault

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
)

// response is a response writer that knows whether the response has begun. The outermost one of a
// request also holds back the mux's own 404 and 405, until it is clear that a page may take their
// place.
type response struct {
	http.ResponseWriter
	st        *state
	outermost bool // in Middleware
	encoded   bool // Content-Encoding was there before: somebody outside encodes the body
	begun     atomic.Bool
	status    atomic.Int32 // of WriteHeader; 0: it was not called
	written   atomic.Int64 // bytes of the body
	touched   atomic.Bool  // answered with nothing at all, as io.Copy of an empty file does
	hijacked  atomic.Bool
	whole     atomic.Bool  // an answer of ours was written, complete
	held      atomic.Int32 // 404 or 405 held back
	replace   atomic.Bool  // and its body was the mux's own
	failed    atomic.Pointer[error]
}

// faultResponse lets responseOf find the response in whichever type exposes it.
func (res *response) faultResponse() *response { return res }

// responseOf returns the response that w is, if it is one of this request.
func responseOf(st *state, w http.ResponseWriter) *response {
	if x, ok := w.(interface{ faultResponse() *response }); ok {
		if res := x.faultResponse(); res.st == st {
			return res
		}
	}
	return nil
}

// answered tells whether the handler did anything with the response.
func (res *response) answered() bool {
	return res.begun.Load() || res.touched.Load() || res.hijacked.Load() || res.held.Load() != 0
}

// Unwrap returns the writer beneath, for http.ResponseController.
func (res *response) Unwrap() http.ResponseWriter { return res.ResponseWriter }

func (res *response) WriteHeader(code int) {
	if !res.st.dev.enter() {
		return
	}
	defer res.st.dev.leave()
	if res.held.Load() != 0 {
		res.release()
	}
	if !res.begun.Load() {
		if code < 200 && code != http.StatusSwitchingProtocols {
			res.ResponseWriter.WriteHeader(code) // Informational: the answer is still to come.
			return
		}
		if res.outermost && res.isRoutersOwn(code) {
			res.held.Store(int32(code))
			return
		}
	}
	res.ResponseWriter.WriteHeader(code)
	res.status.CompareAndSwap(0, int32(code))
	res.begun.Store(true) // Behind it: an invalid code panics before anything is sent.
}

func (res *response) Write(p []byte) (int, error) {
	if !res.st.dev.enter() {
		return 0, http.ErrHijacked
	}
	defer res.st.dev.leave()
	if held := int(res.held.Load()); held != 0 {
		if !res.replace.Load() && string(p) == routerText(held) {
			res.replace.Store(true)
			return len(p), nil
		}
		res.release()
	}
	res.begun.Store(true)
	n, err := res.ResponseWriter.Write(p)
	res.written.Add(int64(n))
	return n, res.note(err)
}

func (res *response) WriteString(s string) (int, error) {
	if !res.st.dev.enter() {
		return 0, http.ErrHijacked
	}
	defer res.st.dev.leave()
	if res.held.Load() != 0 {
		return res.Write([]byte(s))
	}
	res.begun.Store(true)
	n, err := io.WriteString(res.ResponseWriter, s)
	res.written.Add(int64(n))
	return n, res.note(err)
}

// progress is how far a response had come.
type progress struct {
	res      *response
	status   int // 0: none was set
	bytes    int64
	hijacked bool
}

// progress is what was done with the response, what is held back included.
func (res *response) progress() progress {
	p := progress{res: res, status: int(res.status.Load()), bytes: res.written.Load(), hijacked: res.hijacked.Load()}
	switch held := int(res.held.Load()); {
	case held != 0:
		p.status = held
		if res.replace.Load() {
			p.bytes = int64(len(routerText(held)))
		}
	case p.status == 0 && res.begun.Load():
		p.status = http.StatusOK // As net/http does.
	}
	return p
}

// drop forgets what was held back, because something else is answered instead.
func (res *response) drop() (code int, replaced bool) {
	return int(res.held.Swap(0)), res.replace.Swap(false)
}

// release sends what was held back.
func (res *response) release() {
	code, replaced := res.drop()
	res.begun.Store(true)
	res.status.CompareAndSwap(0, int32(code))
	res.ResponseWriter.WriteHeader(code)
	if replaced {
		n, err := io.WriteString(res.ResponseWriter, routerText(code))
		res.written.Add(int64(n))
		_ = res.note(err)
	}
}

// note remembers the first error of writing: whoever was to read the response is gone. Errors that
// only say how the handler misused the writer do not count.
func (res *response) note(err error) error {
	switch {
	case err == nil, errors.Is(err, http.ErrContentLength), errors.Is(err, http.ErrBodyNotAllowed),
		errors.Is(err, http.ErrHijacked), errors.Is(err, http.ErrHandlerTimeout):
	default:
		res.failed.CompareAndSwap(nil, &err)
	}
	return err
}

// lost tells whether err is that the response could not be written.
func (res *response) lost(err error) bool {
	p := res.failed.Load()
	return p != nil && is(err, *p)
}

func (res *response) flush() error {
	if !res.st.dev.enter() {
		return http.ErrHijacked
	}
	defer res.st.dev.leave()
	if res.held.Load() != 0 {
		res.release()
	}
	res.begun.Store(true)
	return res.note(http.NewResponseController(res.ResponseWriter).Flush())
}

func (res *response) hijack() (net.Conn, *bufio.ReadWriter, error) {
	if !res.st.dev.enter() {
		return nil, nil, http.ErrHijacked
	}
	defer res.st.dev.leave()
	conn, rw, err := http.NewResponseController(res.ResponseWriter).Hijack()
	if err == nil {
		res.hijacked.Store(true)
		res.st.res.hijacked.Store(true)
	}
	return conn, rw, err
}

// sniffed is how much net/http reads to tell the content type before it hands a file to the kernel.
const sniffed = 512

// readFrom copies src with the writer's own ReadFrom. It reads the first bytes itself, so that a
// source that fails at once can still be answered with a page.
func (res *response) readFrom(src io.Reader) (n int64, err error) {
	if !res.st.dev.enter() {
		return 0, http.ErrHijacked
	}
	defer res.st.dev.leave()
	if res.held.Load() != 0 {
		res.release()
	}
	if !res.begun.Load() {
		var first [sniffed]byte
		read, err := src.Read(first[:])
		if read > 0 {
			written, werr := res.Write(first[:read])
			n = int64(written)
			if werr != nil {
				return n, werr
			}
		}
		switch {
		case err == io.EOF:
			res.touched.Store(true)
			return n, nil
		case err != nil:
			return n, err
		}
	}
	res.begun.Store(true)
	copied, err := res.ResponseWriter.(io.ReaderFrom).ReadFrom(src)
	res.written.Add(copied)
	return n + copied, res.note(err)
}

// isEncoded tells whether a Content-Encoding is set already.
func isEncoded(w http.ResponseWriter) bool { return len(w.Header()["Content-Encoding"]) > 0 }
