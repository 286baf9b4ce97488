package proxy

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
)

// unzip decodes a body. If it turns out to be none of gzip, it stays as it is.
func unzip(res *http.Response) bool {
	seen := &recorder{r: res.Body, on: true}
	z, err := gzip.NewReader(seen)
	seen.on = false
	if err != nil {
		res.Body = &pageBody{start: seen.bytes, ReadCloser: res.Body}
		return false
	}
	seen.bytes = nil
	res.Body = &zipped{z, res.Body}
	res.Header.Del("Content-Encoding")
	res.Header.Del("Content-Length")
	res.ContentLength = -1
	return true
}

// recorder keeps what is read while it is on.
type recorder struct {
	r     io.Reader
	bytes []byte
	on    bool
}

func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if r.on {
		r.bytes = append(r.bytes, p[:n]...)
	}
	return n, err
}

// zipped is a body that is decoded.
type zipped struct {
	*gzip.Reader
	body io.Closer
}

func (z *zipped) Close() error { return errors.Join(z.Reader.Close(), z.body.Close()) }
