package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
)

// maxHead bounds the status line and headers of an answer, in bytes.
const maxHead = 64 << 10

// head is what the load generator reads of an answer: as little as tells where it ends.
type head struct {
	status int
	length int  // of the body, in bytes
	close  bool // the server closes the connection after this answer
}

var (
	endOfHead     = []byte("\r\n\r\n")
	version11     = []byte("HTTP/1.1 ")
	contentLength = []byte("content-length")
	connection    = []byte("connection")
	tokenClose    = []byte("close")
	encoding      = []byte("transfer-encoding")
)

// parseHead reads a status line and headers (RFC 9112), up to and with the empty line. A body
// whose length is not announced by Content-Length is refused.
func parseHead(b []byte) (head, error) {
	line, rest, _ := bytes.Cut(b, []byte("\r\n"))
	code, ok := bytes.CutPrefix(line, version11)
	if !ok || len(code) < 3 || len(code) > 3 && code[3] != ' ' {
		return head{}, fmt.Errorf("not the status line of an HTTP/1.1 answer: %.60q", line)
	}
	status, ok := number(code[:3])
	if !ok || status < 200 {
		return head{}, fmt.Errorf("not a final status: %.60q", line)
	}
	h := head{status: status, length: -1}
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		colon := bytes.IndexByte(line, ':')
		if colon <= 0 {
			continue
		}
		name, value := line[:colon], line[colon+1:]
		switch {
		case colon == len(contentLength) && bytes.EqualFold(name, contentLength):
			n, ok := number(bytes.TrimSpace(value))
			if !ok || h.length >= 0 && h.length != n {
				return head{}, fmt.Errorf("not a Content-Length: %.60q", value)
			}
			h.length = n
		case colon == len(connection) && bytes.EqualFold(name, connection):
			h.close = h.close || bytes.EqualFold(bytes.TrimSpace(value), tokenClose)
		case colon == len(encoding) && bytes.EqualFold(name, encoding):
			return head{}, errors.New("the answer has a Transfer-Encoding instead of a Content-Length")
		}
	}
	switch {
	case status == http.StatusNoContent || status == http.StatusNotModified:
		h.length = 0
	case h.length < 0:
		return head{}, errors.New("the answer has no Content-Length")
	}
	return h, nil
}

// number reads decimal digits.
func number(b []byte) (n int, ok bool) {
	for _, c := range b {
		if c < '0' || c > '9' || n > math.MaxInt32 {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, len(b) > 0
}

// answerReader reads the answers that come over one connection, one after the other. It allocates
// only its buffer.
type answerReader struct {
	r          io.Reader
	buf        []byte
	start, end int // what is read but not used yet
}

func newAnswerReader(r io.Reader) *answerReader {
	return &answerReader{r: r, buf: make([]byte, maxHead)}
}

// next reads one answer, drops its body and returns what its head said. With keep not nil, the
// head and the body are appended to it.
func (a *answerReader) next(keep *bytes.Buffer) (head, error) {
	if a.start == a.end {
		a.start, a.end = 0, 0
	}
	n := bytes.Index(a.buf[a.start:a.end], endOfHead)
	for n < 0 {
		if err := a.fill(); err != nil {
			return head{}, err
		}
		n = bytes.Index(a.buf[a.start:a.end], endOfHead)
	}
	raw := a.buf[a.start : a.start+n+len(endOfHead)]
	a.start += len(raw)
	h, err := parseHead(raw)
	if err != nil {
		return head{}, err
	}
	if keep != nil {
		keep.Write(raw)
	}
	for left := h.length; left > 0; {
		if a.start == a.end {
			a.start, a.end = 0, 0
			if err := a.fill(); err != nil {
				return head{}, err
			}
		}
		n := min(left, a.end-a.start)
		if keep != nil {
			keep.Write(a.buf[a.start : a.start+n])
		}
		a.start += n
		left -= n
	}
	return h, nil
}

// fill reads more into the buffer.
func (a *answerReader) fill() error {
	if a.end == len(a.buf) {
		if a.start == 0 {
			return fmt.Errorf("the head of the answer exceeds %d bytes", maxHead)
		}
		a.end = copy(a.buf, a.buf[a.start:a.end])
		a.start = 0
	}
	n, err := a.r.Read(a.buf[a.end:])
	a.end += n
	if n > 0 {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
