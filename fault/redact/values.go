package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// gram is the number of leading bytes by which patterns are found. No pattern is shorter.
const gram = 4

// filterBits is the size of a table's filter, a power of two.
const filterBits = 1 << 12

// table finds any of a set of patterns in one pass over a text: a filter on the next four bytes says
// for nearly every place that nothing begins there.
type table struct {
	filter  [filterBits / 64]uint64
	buckets map[uint32][]string // by their first four bytes, longest first
}

// newTable returns nil if no value is long enough, and how many were not.
func newTable(values []string) (t *table, ignored int) {
	for _, v := range values {
		if v == "" {
			continue
		}
		if len(v) < minValue || strings.Contains(Mask, v) || strings.Contains(v, Mask) {
			ignored++
			continue
		}
		if t == nil {
			t = &table{buckets: make(map[uint32][]string, 16)}
		}
		for _, chunk := range chunks(v) {
			for _, p := range encodings(chunk) {
				t.add(p)
			}
		}
	}
	if t != nil {
		for _, bucket := range t.buckets {
			slices.SortFunc(bucket, func(a, b string) int { return len(b) - len(a) })
		}
	}
	return t, ignored
}

// A value longer than chunkSize is looked for in parts, so that a part of a long key is masked too
// and no comparison takes long. They overlap, so that their encodings do.
const (
	chunkSize = 192
	chunkStep = 128
)

func chunks(v string) []string {
	if len(v) <= chunkSize {
		return []string{v}
	}
	var parts []string
	for at := 0; at < len(v)-chunkSize; at += chunkStep {
		parts = append(parts, v[at:at+chunkSize])
	}
	return append(parts, v[len(v)-chunkSize:])
}

func (t *table) add(p string) {
	g := uint32(p[0])<<24 | uint32(p[1])<<16 | uint32(p[2])<<8 | uint32(p[3])
	if slices.Contains(t.buckets[g], p) {
		return
	}
	t.buckets[g] = append(t.buckets[g], p)
	bit := hash(g)
	t.filter[bit/64] |= 1 << (bit % 64)
}

func hash(g uint32) uint32 { return g * 2654435761 >> 20 }

// spans appends the places of b where a pattern stands: for each place the longest.
func (t *table) spans(found []span, b []byte) []span {
	if len(b) < gram {
		return found
	}
	g := uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2])
	for i := gram - 1; i < len(b); i++ {
		g = g<<8 | uint32(b[i])
		bit := hash(g)
		if t.filter[bit/64]&(1<<(bit%64)) == 0 {
			continue
		}
		start := i - (gram - 1)
		for _, p := range t.buckets[g] {
			if len(b)-start >= len(p) && string(b[start:start+len(p)]) == p {
				found = append(found, span{start, start + len(p)})
				break
			}
		}
	}
	return found
}

// encodings returns the forms under which a value is looked for. The forms in which single
// characters are escaped are not among them: there the text is decoded instead.
func encodings(v string) []string {
	raw := []byte(v)
	hexed := hex.EncodeToString(raw)
	decimal := strings.Trim(fmt.Sprint(raw), "[]") // as fmt prints a []byte
	out := []string{v, hexed, strings.ToUpper(hexed), decimal}
	if strings.Contains(v, " ") {
		out = append(out, strings.ReplaceAll(v, " ", "+")) // as in a query
	}
	for offset := range 3 {
		out = base64Forms(out, raw, offset)
	}
	return out
}

// base64Forms appends the value's base64 where so many bytes (0, 1 or 2, modulo 3) come before it:
// the characters that depend on nothing else, and the ending it has if nothing comes after it.
func base64Forms(out []string, raw []byte, offset int) []string {
	first := (offset*8 + 5) / 6         // the first character that holds none of the bits before
	last := (offset + len(raw)) * 8 / 6 // the characters from here on hold bits of what follows
	data := append(make([]byte, offset), raw...)
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		padded := enc.EncodeToString(data)
		out = append(out, padded[first:last], strings.TrimRight(padded, "=")[first:], padded[first:])
	}
	return out
}

// valueSpans appends the places of s where a value stands, plain or encoded. What lies between two
// masks is looked at by itself, so that a mask never becomes a part of a secret.
func (r *Redactor) valueSpans(found []span, s string) []span {
	for at := 0; ; {
		i := strings.Index(s[at:], Mask)
		if i < 0 {
			return r.partSpans(found, s[at:], at)
		}
		found = r.partSpans(found, s[at:at+i], at)
		at += i + len(Mask)
	}
}

func (r *Redactor) partSpans(found []span, part string, at int) []span {
	if len(part) < minValue {
		return found
	}
	from := len(found)
	v := view{text: []byte(part)}
	found = r.viewSpans(found, v, 2)
	for i := from; i < len(found); i++ {
		found[i].start += at
		found[i].end += at
	}
	return found
}

// viewSpans looks for values in the view, and in what it decodes to, so many levels deep.
func (r *Redactor) viewSpans(found []span, v view, levels int) []span {
	from := len(found)
	for _, t := range r.tables {
		found = t.spans(found, v.text)
	}
	if v.origin != nil {
		for i := from; i < len(found); i++ {
			found[i] = span{int(v.origin[found[i].start]), int(v.origin[found[i].end])}
		}
	}
	if levels == 0 {
		return found
	}
	for _, d := range decoders {
		if bytes.IndexByte(v.text, d.marker) < 0 {
			continue
		}
		if decoded, ok := v.decode(d); ok {
			found = r.viewSpans(found, decoded, levels-1)
		}
	}
	return found
}

func sortSpans(spans []span) {
	slices.SortFunc(spans, func(a, b span) int {
		if a.start != b.start {
			return a.start - b.start
		}
		return a.end - b.end
	})
}
