package logfile

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

const rfc3339Milli = "2006-01-02T15:04:05.000Z07:00"

// jsonHandler is the handler of FormatJSON.
type jsonHandler struct {
	common
	pre    []byte   // what WithAttrs gave, formatted, with the groups it opened
	opened int      // number of groups that pre leaves open
	groups []string // groups opened since
}

func (h *jsonHandler) Handle(_ context.Context, r slog.Record) error {
	return h.write(r, h.format)
}

func (h *jsonHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	c := *h
	c.groups = append(h.groups[:len(h.groups):len(h.groups)], name)
	return &c
}

func (h *jsonHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	s := &scratch{buf: append([]byte(nil), h.pre...)}
	if !h.inGroups(s, func(top bool) {
		for _, a := range attrs {
			s.jsonAttr(a, top)
		}
	}) {
		return h
	}
	c := *h
	c.pre, c.opened, c.groups = s.buf, h.opened+len(h.groups), nil
	return &c
}

// inGroups opens the pending groups, calls fn and reports whether it appended
// anything. If not, the groups are taken back, because empty ones are left out.
func (h *jsonHandler) inGroups(s *scratch, fn func(top bool)) bool {
	before := len(s.buf)
	for _, name := range h.groups {
		s.jsonKey(name, false)
		s.buf = append(s.buf, '{')
	}
	after := len(s.buf)
	fn(h.opened == 0 && len(h.groups) == 0)
	if len(s.buf) == after {
		s.buf = s.buf[:before]
		return false
	}
	return true
}

// format appends the whole record to s.buf.
func (h *jsonHandler) format(s *scratch, r slog.Record) {
	s.buf = append(s.buf, '{')
	if !r.Time.IsZero() {
		s.buf = append(s.buf, `"time":"`...)
		s.buf = append(r.Time.AppendFormat(s.buf, rfc3339Milli), `",`...)
	}
	s.buf = append(s.buf, `"level":`...)
	s.buf = appendJSONString(s.buf, levelName(r.Level))
	s.buf = append(s.buf, `,"msg":`...)
	s.buf = appendJSONString(s.buf, r.Message)
	if at := h.sources.at(r.PC); at != "" {
		s.buf = append(s.buf, `,"source":`...)
		s.buf = appendJSONString(s.buf, at)
	}
	s.buf = append(s.buf, h.pre...)
	open := h.opened
	if r.NumAttrs() > 0 && h.inGroups(s, func(top bool) {
		r.Attrs(func(a slog.Attr) bool {
			s.jsonAttr(a, top)
			return true
		})
	}) {
		open += len(h.groups)
	}
	for range open {
		s.buf = append(s.buf, '}')
	}
	s.buf = append(s.buf, "}\n"...)
}

// jsonKey appends the key with its colon, and a comma where one is due. At the
// top the record's own four names are not given away.
func (s *scratch) jsonKey(key string, top bool) {
	if n := len(s.buf); n == 0 || s.buf[n-1] != '{' {
		s.buf = append(s.buf, ',')
	}
	if top {
		switch key {
		case slog.TimeKey, slog.LevelKey, slog.MessageKey, slog.SourceKey:
			key = "attr_" + key
		}
	}
	s.buf = append(appendJSONString(s.buf, key), ':')
}

func (s *scratch) jsonAttr(a slog.Attr, top bool) {
	v := a.Value.Resolve()
	if a.Key == "" && v.Equal(slog.Value{}) {
		return
	}
	if v.Kind() != slog.KindGroup {
		s.jsonKey(a.Key, top)
		s.jsonValue(v)
		return
	}
	if a.Key == "" {
		for _, inner := range v.Group() {
			s.jsonAttr(inner, top)
		}
		return
	}
	before := len(s.buf)
	s.jsonKey(a.Key, top)
	s.buf = append(s.buf, '{')
	after := len(s.buf)
	for _, inner := range v.Group() {
		s.jsonAttr(inner, false)
	}
	if len(s.buf) == after {
		s.buf = s.buf[:before]
		return
	}
	s.buf = append(s.buf, '}')
}

func (s *scratch) jsonValue(v slog.Value) {
	if lines, ok := linesOf(v); ok {
		s.buf = append(s.buf, '[')
		for i, line := range lines {
			if i > 0 {
				s.buf = append(s.buf, ',')
			}
			s.buf = appendJSONString(s.buf, line)
		}
		s.buf = append(s.buf, ']')
		return
	}
	switch v.Kind() {
	case slog.KindString:
		s.buf = appendJSONString(s.buf, v.String())
	case slog.KindInt64:
		s.buf = strconv.AppendInt(s.buf, v.Int64(), 10)
	case slog.KindUint64:
		s.buf = strconv.AppendUint(s.buf, v.Uint64(), 10)
	case slog.KindFloat64:
		s.buf = appendJSONFloat(s.buf, v.Float64())
	case slog.KindBool:
		s.buf = strconv.AppendBool(s.buf, v.Bool())
	case slog.KindDuration:
		s.buf = strconv.AppendInt(s.buf, int64(v.Duration()), 10)
	case slog.KindTime:
		s.buf = append(s.buf, '"')
		s.buf = append(v.Time().AppendFormat(s.buf, rfc3339Milli), '"')
	default:
		s.buf = appendJSONAny(s.buf, v.Any())
	}
}

func appendJSONFloat(b []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) { // JSON has no number for these
		return appendJSONString(b, strconv.FormatFloat(f, 'g', -1, 64))
	}
	return strconv.AppendFloat(b, f, 'g', -1, 64)
}

func appendJSONAny(b []byte, x any) []byte {
	if err, ok := x.(error); ok {
		return appendJSONString(b, anyText(err))
	}
	type result struct {
		text []byte
		err  string
	}
	r := safely(x, func() result {
		var buf bytes.Buffer
		enc := json.NewEncoder(&buf)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(x); err != nil {
			return result{err: "!ERROR: " + err.Error()}
		}
		return result{text: bytes.TrimRight(buf.Bytes(), "\n")}
	}, func(s string) result { return result{err: s} })
	if r.err != "" {
		return appendJSONString(b, r.err)
	}
	for rest := r.text; len(rest) > 0; { // valid JSON: only strings hold anything but ASCII
		c, n := utf8.DecodeRune(rest)
		if c == 0x7f || c >= utf8.RuneSelf && !strconv.IsPrint(c) {
			b = appendJSONEscape(b, c)
		} else {
			b = append(b, rest[:n]...)
		}
		rest = rest[n:]
	}
	return b
}

// appendJSONString appends s in quotes. Beyond what JSON asks for, everything
// unprintable is escaped, so that the file is safe to look at in a terminal.
// Invalid UTF-8 becomes U+FFFD, because JSON cannot hold it.
func appendJSONString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			switch {
			case c == '"' || c == '\\':
				b = append(b, '\\', c)
			case c == '\n':
				b = append(b, `\n`...)
			case c == '\t':
				b = append(b, `\t`...)
			case c == '\r':
				b = append(b, `\r`...)
			case c < ' ' || c == 0x7f:
				b = appendJSONEscape(b, rune(c))
			default:
				b = append(b, c)
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError:
			b = append(b, "\uFFFD"...)
		case strconv.IsPrint(r):
			b = append(b, s[i:i+n]...)
		default:
			b = appendJSONEscape(b, r)
		}
		i += n
	}
	return append(b, '"')
}

func appendJSONEscape(b []byte, r rune) []byte {
	if r > math.MaxUint16 {
		high, low := utf16.EncodeRune(r)
		return appendJSONEscape(appendJSONEscape(b, high), low)
	}
	const hex = "0123456789abcdef"
	return append(b, '\\', 'u', hex[r>>12&0xf], hex[r>>8&0xf], hex[r>>4&0xf], hex[r&0xf])
}
