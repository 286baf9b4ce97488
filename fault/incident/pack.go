package incident

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"example.org/microblog/fault"
)

// maxUnpacked bounds what a sample may unpack to, in bytes.
const maxUnpacked = 16 << 20

var packers = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // The level is a valid one.
	return w
}}

// pack returns a failure as compressed JSON, for a sample.
func pack(f *fault.Failure) ([]byte, error) {
	data, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("writing failure %v as JSON: %w", f.ID, err)
	}
	var b bytes.Buffer
	w := packers.Get().(*gzip.Writer)
	defer packers.Put(w)
	w.Reset(&b)
	_, _ = w.Write(data) // A bytes.Buffer takes everything.
	_ = w.Close()
	return b.Bytes(), nil
}

func unpack(data []byte) (*fault.Failure, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("reading a sample: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(r, maxUnpacked))
	if err != nil {
		return nil, fmt.Errorf("reading a sample: %w", err)
	}
	f := new(fault.Failure)
	if err := json.Unmarshal(text, f); err != nil {
		return nil, fmt.Errorf("reading a sample: %w", err)
	}
	return f, nil
}
