// Package redact masks secrets in texts, by the name they go under, by their value and by their shape.
//
// By name: password=…, "token":"…", a Cookie header, a form field, user:password@ in an address.
// By value: the secrets a program knows, wherever they turn up and also where they are encoded.
// By shape: JSON web tokens, private keys, password hashes, credentials behind Bearer.
// Masking is for the records a program keeps of its failures; it is no substitute for not logging a
// secret in the first place.
package redact

import (
	"slices"
	"strings"
)

// Mask stands in place of a secret.
const Mask = "[masked]"

// minValue is the length in bytes below which a value is not looked for: it would shred every text.
const minValue = 6

// maxPasses bounds how often a text is looked through. The second pass normally finds nothing.
const maxPasses = 6

// Options configure a [Redactor].
type Options struct {
	// Keys are further names whose values are secrets, such as "invite code". They match names that
	// contain these words in this order, however they are written: inviteCode, invite-code,
	// USER_INVITE_CODE.
	Keys []string
	// Values are secrets that are masked wherever they appear. Those shorter than 6 bytes are
	// ignored.
	Values []string
}

// A Redactor masks secrets. It does not change once made and may be used by several goroutines at
// once. A nil *Redactor masks by the default names only.
type Redactor struct {
	keys    []string // normalised, their words joined
	tables  []*table // of values
	ignored int
}

// New returns a Redactor that masks by the default names and by what the options add.
func New(o Options) *Redactor {
	r := &Redactor{}
	for _, k := range o.Keys {
		if joined := joinKey(k); joined != "" {
			r.keys = append(r.keys, joined)
		}
	}
	return r.With(o.Values...)
}

// Keys returns the further names of [Options], each as its words in lower case without anything between them. Given to
// [New], they make a Redactor that masks by the same names.
func (r *Redactor) Keys() []string {
	if r == nil {
		return nil
	}
	return slices.Clone(r.keys)
}

// With returns a Redactor that masks these values too, such as one request's session token. r stays
// as it is, and is returned itself if there is nothing to add.
func (r *Redactor) With(values ...string) *Redactor {
	t, ignored := newTable(values)
	if t == nil && ignored == 0 {
		if r == nil {
			return &Redactor{}
		}
		return r
	}
	next := &Redactor{}
	if r != nil {
		*next = *r
	}
	next.ignored += ignored
	if t != nil {
		next.tables = append(next.tables[:len(next.tables):len(next.tables)], t)
	}
	return next
}

// Ignored returns how many values were too short to be looked for, so that a program can warn.
func (r *Redactor) Ignored() int {
	if r == nil {
		return 0
	}
	return r.ignored
}

// Value masks a value that goes under a name: the whole of it if the name is a secret's, else what
// [Redactor.Text] masks. An empty value stays empty.
func (r *Redactor) Value(key, value string) string {
	if value != "" && r.IsSecretKey(key) {
		return Mask
	}
	return r.Text(value)
}

// Text masks the secrets in any text:
//   - the values, also in base64 (standard and URL alphabet, padded or not, also in the midst of longer
//     data), hexadecimal, percent-encoded, backslash-escaped as in JSON and Go, HTML-escaped, or one of
//     these within another;
//   - what follows a secret's name in key=value, JSON, YAML, XML, printed Go structs, headers, command
//     lines, SQL and multipart forms, also percent-encoded; of OAuth redirections the code;
//   - the password of user:password@ in an address or a data source name;
//   - by their shape: credentials behind Bearer and Basic, JSON web tokens, private keys in PEM and
//     password hashes.
//
// Behind a name, a colon and a space it has to guess what is prose: "session: not found" and
// "refreshing the token: timed out" stay, "password: hunter2" does not. Where it is in doubt it masks.
//
// Masking a masked text changes nothing. The time it takes grows with the length of the text, not with
// the number of values.
func (r *Redactor) Text(s string) string {
	for range maxPasses {
		masked := r.once(s)
		if masked == s {
			return s
		}
		s = masked
	}
	// Only a text made for the purpose gets here.
	return Mask
}

// span is a part of a text to be masked, from start up to end.
type span struct{ start, end int }

func (r *Redactor) once(s string) string {
	var few [8]span
	spans := few[:0]
	if r != nil && len(r.tables) > 0 {
		spans = r.valueSpans(spans, s)
	}
	spans = r.keySpans(spans, s)
	spans = addressSpans(spans, s)
	if strings.IndexByte(s, '%') >= 0 { // Perhaps an encoded '=' or ':', as in next=%2Freset%3Ftoken%3D…
		spans = r.encodedKeySpans(spans, s)
	}
	if len(spans) == 0 {
		return s
	}
	return replace(s, spans)
}

// replace puts Mask in place of the spans. Those that overlap or touch become one.
func replace(s string, spans []span) string {
	sortSpans(spans)
	var b strings.Builder
	b.Grow(len(s))
	done := 0
	for i := 0; i < len(spans); {
		start, end := spans[i].start, spans[i].end
		for i++; i < len(spans) && spans[i].start <= end; i++ {
			end = max(end, spans[i].end)
		}
		b.WriteString(s[done:start])
		b.WriteString(Mask)
		done = end
	}
	b.WriteString(s[done:])
	return b.String()
}
