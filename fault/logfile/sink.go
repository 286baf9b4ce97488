package logfile

import (
	"io"
	"log/slog"
	"sync"
)

// Sink takes finished records: a [File], or a terminal through [ToWriter].
//
// WriteRecord gets one whole record with its final newline and must not keep
// it. It may be called by several goroutines at once. Its error is passed on
// by the handler's Handle, where [slog.Logger] ignores it.
type Sink interface {
	WriteRecord(level slog.Level, record []byte) error
}

// ToWriter returns a [Sink] that hands each record to w in one Write, one at a
// time and at once, whatever its level.
func ToWriter(w io.Writer) Sink {
	return &writerSink{w: w}
}

type writerSink struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *writerSink) WriteRecord(_ slog.Level, record []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.w.Write(record)
	return err
}
