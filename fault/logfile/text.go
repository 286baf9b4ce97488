package logfile

import (
	"context"
	"encoding"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// textHandler is the handler of FormatText.
type textHandler struct {
	common
	prefix string  // the open groups, "a.b."
	pre    []byte  // what WithAttrs gave, formatted
	blocks []block // those of its attributes that have lines
}

func (h *textHandler) Handle(_ context.Context, r slog.Record) error {
	return h.write(r, h.format)
}

func (h *textHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	c := *h
	c.prefix = h.prefix + name + "."
	return &c
}

func (h *textHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	s := &scratch{prefix: []byte(h.prefix)}
	s.buf = append(s.buf, h.pre...)
	s.blocks = append(s.blocks, h.blocks...)
	for _, a := range attrs {
		s.textAttr(a)
	}
	c := *h
	c.pre, c.blocks = s.buf, s.blocks
	return &c
}

// format appends the whole record to s.buf.
func (h *textHandler) format(s *scratch, r slog.Record) {
	if !r.Time.IsZero() {
		s.buf = append(appendLocalTime(s.buf, r.Time), ' ')
	}
	s.buf = append(s.buf, levelName(r.Level)...)
	s.buf = append(s.buf, ": "...)
	s.buf = appendMessage(s.buf, r.Message)
	s.buf = append(s.buf, h.pre...)
	s.prefix = append(s.prefix, h.prefix...)
	s.blocks = append(s.blocks, h.blocks...)
	r.Attrs(func(a slog.Attr) bool {
		s.textAttr(a)
		return true
	})
	if at := h.sources.at(r.PC); at != "" {
		s.buf = append(s.buf, " [in "...)
		s.buf = append(s.buf, at...)
		s.buf = append(s.buf, ']')
	}
	s.buf = append(s.buf, '\n')
	s.appendBlocks()
}

// appendLocalTime appends t as 2026-11-22 14:42:52,672.
func appendLocalTime(b []byte, t time.Time) []byte {
	return t.Local().AppendFormat(b, "2006-01-02 15:04:05,000")
}

// textAttr appends " key=value", or what a group holds.
func (s *scratch) textAttr(a slog.Attr) {
	v := a.Value.Resolve()
	if a.Key == "" && v.Equal(slog.Value{}) {
		return
	}
	if v.Kind() == slog.KindGroup {
		open := len(s.prefix)
		if a.Key != "" {
			s.prefix = append(append(s.prefix, a.Key...), '.')
		}
		for _, inner := range v.Group() {
			s.textAttr(inner)
		}
		s.prefix = s.prefix[:open]
		return
	}
	if lines, ok := linesOf(v); ok {
		s.blocks = append(s.blocks, block{key: string(s.prefix) + a.Key, lines: lines})
		return
	}
	s.buf = append(s.buf, ' ')
	switch {
	case needsQuote(a.Key) || len(s.prefix) > 0 && needsQuote(string(s.prefix)):
		s.buf = strconv.AppendQuote(s.buf, string(s.prefix)+a.Key)
	default:
		s.buf = append(append(s.buf, s.prefix...), a.Key...)
	}
	s.buf = append(s.buf, '=')
	s.buf = appendTextValue(s.buf, v)
}

// appendTextValue appends a resolved value that is no group.
func appendTextValue(b []byte, v slog.Value) []byte {
	switch v.Kind() {
	case slog.KindString:
		return appendText(b, v.String())
	case slog.KindInt64:
		return strconv.AppendInt(b, v.Int64(), 10)
	case slog.KindUint64:
		return strconv.AppendUint(b, v.Uint64(), 10)
	case slog.KindFloat64:
		return strconv.AppendFloat(b, v.Float64(), 'g', -1, 64)
	case slog.KindBool:
		return strconv.AppendBool(b, v.Bool())
	case slog.KindDuration:
		return append(b, v.Duration().String()...)
	case slog.KindTime:
		return v.Time().AppendFormat(b, rfc3339Milli)
	}
	return appendText(b, anyText(v.Any()))
}

// anyText returns the text of a value of any type.
func anyText(x any) string {
	switch x := x.(type) {
	case error, fmt.Stringer: // fmt names a nil receiver and catches a panic
		return fmt.Sprint(x)
	case encoding.TextMarshaler:
		return safely(x, func() string {
			text, err := x.MarshalText()
			if err != nil {
				return "!ERROR: " + err.Error()
			}
			return string(text)
		}, func(s string) string { return s })
	case []byte:
		return string(x)
	}
	return fmt.Sprintf("%+v", x)
}

// appendText appends a key or a value, quoted where needed.
func appendText(b []byte, s string) []byte {
	if needsQuote(s) {
		return strconv.AppendQuote(b, s)
	}
	return append(b, s...)
}

// needsQuote reports whether a key or a value cannot be shown bare.
func needsQuote(s string) bool {
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if c <= ' ' || c == '"' || c == '=' || c == '[' || c == ']' || c == 0x7f {
				return true
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 || !strconv.IsPrint(r) {
			return true
		}
		i += n
	}
	return s == ""
}

// appendMessage appends the message, bare where that cannot be misread: spaces
// are welcome in it, but nothing that looks like an attribute or the bracket.
func appendMessage(b []byte, s string) []byte {
	quote := s == "" || s[0] == '"' || s[0] == ' ' || s[len(s)-1] == ' ' || strings.Contains(s, "[in ")
	for i := 0; i < len(s) && !quote; {
		if c := s[i]; c < utf8.RuneSelf {
			quote = c < ' ' || c == 0x7f || c == '=' && i > 0 && s[i-1] != ' '
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		quote = r == utf8.RuneError && n == 1 || !strconv.IsPrint(r)
		i += n
	}
	if quote {
		return strconv.AppendQuote(b, s)
	}
	return append(b, s...)
}

const indent = "    "

// appendBlocks appends the lines of attributes that have them. Where there are
// several, each is headed by its key.
func (s *scratch) appendBlocks() {
	for _, blk := range s.blocks {
		if len(s.blocks) > 1 {
			s.buf = append(s.buf, indent...)
			s.buf = append(appendText(s.buf, blk.key), ":\n"...)
		}
		for _, line := range blk.lines {
			s.buf = append(s.buf, indent...)
			s.buf = append(appendLine(s.buf, line), '\n')
		}
	}
}

// appendLine appends a line with everything unprintable but tabs escaped.
func appendLine(b []byte, s string) []byte {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if part := s[i : i+n]; r == '\t' || strconv.IsPrint(r) && !(r == utf8.RuneError && n == 1) {
			b = append(b, part...)
		} else {
			quoted := strconv.Quote(part)
			b = append(b, quoted[1:len(quoted)-1]...)
		}
		i += n
	}
	return b
}
