package mailbox

import (
	"bytes"
	"fmt"
	"mime"
	"net/mail"
	"strings"
	"unicode/utf8"

	"example.org/microblog/fault/internal/visible"
)

const (
	maxFields = 2000     // of one header; what is more is counted and not kept
	maxValue  = 64 << 10 // bytes of one value that are looked at
)

// A field is one line of a header, unfolded and not yet decoded.
type field struct{ name, value string }

type header []field

// get returns the value of the first field of that name, or "".
func (h header) get(name string) string {
	for _, f := range h {
		if strings.EqualFold(f.name, name) {
			return f.value
		}
	}
	return ""
}

func (h header) count(name string) (n int) {
	for _, f := range h {
		if strings.EqualFold(f.name, name) {
			n++
		}
	}
	return n
}

// splitHeader takes a header off raw. It never fails: a line that is none of a header ends it, as it would for
// most mail programs, with a remark.
func splitHeader(raw []byte, where string, notes *remarks) (h header, body []byte) {
	left := 0 // fields that were not kept
	for len(raw) > 0 {
		line, rest := cutLine(raw)
		if len(line) == 0 {
			raw = rest
			break
		}
		colon := bytes.IndexByte(line, ':')
		name := line[:max(colon, 0)]
		if name = bytes.TrimRight(name, " \t"); len(name) == 0 || !isFieldName(name) {
			notes.add("%s ends with a line that is no header line: %s", where, visible.Line(shorten(string(line[:min(len(line), 200)]), 60)))
			break
		}
		value := line[colon+1:]
		var unfolded []byte
		for len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') {
			line, rest = cutLine(rest)
			if unfolded == nil {
				unfolded = append(unfolded, value[:min(len(value), maxValue)]...)
			}
			if len(unfolded) < maxValue {
				unfolded = append(unfolded, line[:min(len(line), maxValue)]...)
			}
		}
		if unfolded != nil {
			value = unfolded
		}
		raw = rest
		if len(h) == maxFields {
			left++
			continue
		}
		if len(value) > maxValue {
			notes.add("%s: the value of %s is longer than %s; only that much is shown", where, visible.Line(shorten(string(name), 60)), bytesText(maxValue))
			value = value[:maxValue]
		}
		h = append(h, field{string(name), string(bytes.TrimSpace(value))})
	}
	if left > 0 {
		notes.add("%s has %d fields; the last %d are only in the source", where, maxFields+left, left)
	}
	return h, raw
}

// cutLine takes the first line off b, without its end.
func cutLine(b []byte) (line, rest []byte) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		return bytes.TrimSuffix(b, []byte("\r")), nil
	}
	return bytes.TrimSuffix(b[:i], []byte("\r")), b[i+1:]
}

// isFieldName reports whether name consists of the characters of RFC 5322, 3.6.8.
func isFieldName(name []byte) bool {
	for _, c := range name {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}

// decoder reads the encoded words of RFC 2047 in any known character set.
func decoder() *mime.WordDecoder { return &mime.WordDecoder{CharsetReader: charsetReader} }

// decodeHeader makes a value readable. What cannot be decoded stays as it is.
func decodeHeader(value string) string {
	if !utf8.ValidString(value) {
		value, _ = toUTF8([]byte(value), "") // written without encoding
	}
	if text, err := decoder().DecodeHeader(value); err == nil {
		return strings.ToValidUTF8(text, "\ufffd")
	}
	return value
}

// An address is somebody's name, if given, and mailbox.
func addresses(value string) []string {
	if strings.TrimSpace(value) == "" {
		return nil
	}
	parser := mail.AddressParser{WordDecoder: decoder()}
	all, err := parser.ParseList(value)
	if err != nil {
		return []string{shorten(decodeHeader(value), 1000)}
	}
	var out []string
	for _, a := range all {
		text := a.Address
		if a.Name != "" {
			text = fmt.Sprintf("%s <%s>", a.Name, a.Address)
		}
		out = append(out, shorten(strings.ToValidUTF8(text, "\ufffd"), 1000))
	}
	return out
}

// messageIDs returns the identifiers in a value of Message-ID, In-Reply-To or References, without their brackets. Of
// a long list it keeps the first, which is the thread's root, and the last.
func messageIDs(value string) []string {
	const keep = 100
	var ids []string
	for {
		_, after, ok := strings.Cut(value, "<")
		if !ok {
			break
		}
		id, rest, ok := strings.Cut(after, ">")
		if !ok {
			break
		}
		value = rest
		if id = strings.Join(strings.Fields(id), ""); id == "" || len(id) > 998 {
			continue
		}
		if len(ids) == keep {
			ids = append(ids[:1], ids[2:]...)
		}
		ids = append(ids, strings.ToValidUTF8(id, "\ufffd"))
	}
	return ids
}

// remarks are things about a mail that its author may want to know.
type remarks struct {
	all  []string
	more int
}

const maxRemarks = 20

func (r *remarks) add(format string, args ...any) {
	if len(r.all) == maxRemarks {
		r.more++
		return
	}
	r.all = append(r.all, strings.ToValidUTF8(fmt.Sprintf(format, args...), "\ufffd"))
}

// list returns them, the last saying how many more there were.
func (r *remarks) list() []string {
	if r.more > 0 {
		return append(r.all[:len(r.all):len(r.all)], fmt.Sprintf("and %d more", r.more))
	}
	return r.all
}
