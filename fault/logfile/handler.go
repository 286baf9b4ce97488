package logfile

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
)

// The formats of [HandlerOptions.Format].
const (
	FormatText = "text"
	FormatJSON = "json"
)

// HandlerOptions configures a handler. The zero value logs INFO and above as
// text.
type HandlerOptions struct {
	// Level is the lowest level that is logged; nil means INFO. A
	// [slog.LevelVar] can be changed while the program runs.
	Level slog.Leveler

	// Module is the module path that source paths are shown relative to; empty
	// means the main module of the running binary. Code outside it is shown by
	// its import path.
	Module string

	// Format is FormatText or FormatJSON; anything else is FormatText.
	Format string
}

// NewHandler returns a handler that formats records for sink. It is safe for
// concurrent use and buffers nothing itself.
//
// Text is one line for each record:
//
//	2026-11-22 14:42:52,672 INFO: Microblog startup key=value [in internal/app/app.go:43]
//
// Time is local, with milliseconds. Keys in groups are joined by dots. What is
// shown bare was logged exactly so; a message, key or value that is empty, that
// holds anything unprintable (a control character, line separator,
// bidirectional override or invalid UTF-8) or that could be taken for another
// part of the line is quoted as by [strconv.Quote]. The bracket is left out
// where the record has no program counter.
//
// JSON is one object for each record, with the keys time (RFC 3339 with
// milliseconds), level, msg, source and then the attributes, as
// [slog.JSONHandler] encodes them. An attribute that bears one of those four
// names at the top is shown with the prefix "attr_".
//
// A value that has a method Lines() []string, such as a stack trace, is
// printed below its record, each line indented by four spaces; in JSON it is an
// array of strings.
//
// Where sink is a [File], the File's own note about lost records takes this
// handler's format.
func NewHandler(sink Sink, o HandlerOptions) slog.Handler {
	c := common{sink: sink, level: o.Level, sources: newSources(o.Module)}
	if c.level == nil {
		c.level = slog.LevelInfo
	}
	if o.Format == FormatJSON {
		h := &jsonHandler{common: c}
		noteBy(sink, h.format)
		return h
	}
	h := &textHandler{common: c}
	noteBy(sink, h.format)
	return h
}

// noteBy makes a File format its notes with format.
func noteBy(sink Sink, format func(*scratch, slog.Record)) {
	if f, ok := sink.(*File); ok {
		f.setFormat(format)
	}
}

// common is what both handlers hold.
type common struct {
	sink    Sink
	level   slog.Leveler
	sources *sources
}

func (c *common) Enabled(_ context.Context, l slog.Level) bool {
	return l >= c.level.Level()
}

// write formats r and hands it to the sink.
func (c *common) write(r slog.Record, format func(*scratch, slog.Record)) error {
	s := newScratch()
	defer s.free()
	format(s, r)
	return c.sink.WriteRecord(r.Level, s.buf)
}

// scratch is what formatting one record needs; it is reused.
type scratch struct {
	buf    []byte
	prefix []byte  // text: the open groups, "a.b."
	blocks []block // text: what follows the record's line
}

// block is an attribute that is shown on lines of its own.
type block struct {
	key   string
	lines []string
}

// maxScratch is the largest buffer, in bytes, that is kept for reuse.
const maxScratch = 64 << 10

var scratches = sync.Pool{New: func() any { return &scratch{buf: make([]byte, 0, 1024)} }}

func newScratch() *scratch { return scratches.Get().(*scratch) }

func (s *scratch) free() {
	if cap(s.buf) > maxScratch {
		return
	}
	clear(s.blocks)
	s.buf, s.prefix, s.blocks = s.buf[:0], s.prefix[:0], s.blocks[:0]
	scratches.Put(s)
}

// liner is implemented by values that are shown on lines of their own.
type liner interface{ Lines() []string }

// safely calls a method of x, a logged value, and turns its panic into a text,
// so that a broken value costs its own place in the log and nothing more.
func safely[T any](x any, method func() T, failed func(string) T) (result T) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if v := reflect.ValueOf(x); v.Kind() == reflect.Pointer && v.IsNil() {
			result = failed("<nil>")
			return
		}
		result = failed(fmt.Sprintf("!PANIC: %v", p))
	}()
	return method()
}

// linesOf returns the lines of a value that has them.
func linesOf(v slog.Value) ([]string, bool) {
	if v.Kind() != slog.KindAny {
		return nil, false
	}
	l, ok := v.Any().(liner)
	if !ok {
		return nil, false
	}
	return safely(l, l.Lines, func(s string) []string { return []string{s} }), true
}
