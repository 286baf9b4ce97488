package journal

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"example.org/microblog/fault"
)

// maxPooled is the largest buffer that is used again, in bytes.
const maxPooled = 64 << 10

// pool holds buffers for encoded failures.
type pool struct{ p sync.Pool }

func (p *pool) get() *bytes.Buffer {
	if b, ok := p.p.Get().(*bytes.Buffer); ok {
		return b
	}
	return bytes.NewBuffer(make([]byte, 0, 8<<10))
}

func (p *pool) put(b *bytes.Buffer) {
	if b != nil && b.Cap() <= maxPooled {
		b.Reset()
		p.p.Put(b)
	}
}

// encode writes a failure as JSON of at most max bytes, of which there must be 64 KiB. What is longer
// is trimmed; it returns the failure that it has written.
func encode(b *bytes.Buffer, f *fault.Failure, max int) (*fault.Failure, error) {
	err := encodeJSON(b, f)
	if err != nil { // A time in a year that JSON has no form for; only a Failure from elsewhere has one.
		f = trimmed(f, 1)
		f.Time, f.Build.Time = jsonTime(f.Time), jsonTime(f.Build.Time)
		if err = encodeJSON(b, f); err != nil {
			return nil, fmt.Errorf("encoding a failure: %w", err)
		}
	}
	for share := 1; b.Len() > max && share <= 8; share *= 8 {
		f = trimmed(f, share)
		if err = encodeJSON(b, f); err != nil {
			return nil, fmt.Errorf("encoding a trimmed failure: %w", err)
		}
	}
	return f, nil
}

// encodeAny is encode for a failure that must be kept whatever it holds: one that cannot be encoded
// gets a substitute that says so.
func encodeAny(b *bytes.Buffer, f *fault.Failure, max int) *fault.Failure {
	g, err := encode(b, f, max)
	if err == nil {
		return g
	}
	s := substitute("a failure that cannot be kept as it is: " + err.Error())
	s.ID, s.Status = f.ID, f.Status
	_ = encodeJSON(b, s) // Nothing in it can fail.
	return s
}

// substitute returns a failure that stands for what is not known better.
func substitute(message string) *fault.Failure {
	f := &fault.Failure{
		Time: time.Now().UTC().Round(0), Kind: fault.KindError, Status: http.StatusInternalServerError,
		Message: message, Causes: fault.Cause{Type: "journal.substitute", Message: message},
	}
	_, _ = rand.Read(f.ID[:]) // It never fails: without randomness the process ends.
	return f
}

func encodeJSON(b *bytes.Buffer, f *fault.Failure) error {
	b.Reset()
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(f); err != nil {
		return err
	}
	b.Truncate(b.Len() - 1) // the line feed
	return nil
}

func jsonTime(t time.Time) time.Time {
	if y := t.UTC().Year(); y < 1 || y > 9999 {
		return time.Time{}
	}
	return t.UTC()
}

// What a trimmed failure keeps: of texts in bytes, of causes and calls their number.
const (
	trimMessage = 4 << 10
	trimText    = 512
	trimOutput  = 4 << 10
	trimCauses  = 16
	trimFrames  = 64
)

// trimmed returns a copy of a failure with what it takes to tell which one it is: no headers, no form
// and no steps, and shorter texts. It has a few KiB usually, and 256 KiB of JSON at the very most, all
// of it control characters. With a share above 1 it keeps that part of it only.
func trimmed(f *fault.Failure, share int) *fault.Failure {
	t := *f
	t.Message = cut(f.Message, trimMessage/share)
	for _, s := range []*string{&t.Public, &t.Task, &t.User, &t.RequestID, &t.Host, &t.StackOf,
		&t.Build.Module, &t.Build.Version, &t.Build.Revision, &t.Build.Go, &t.Build.ID} {
		*s = cut(*s, trimText/share)
	}
	left := trimCauses / share
	t.Causes = trimCause(f.Causes, share, &left)
	t.Stack = slices.Clone(f.Stack[:min(len(f.Stack), trimFrames/share)])
	for i := range t.Stack {
		t.Stack[i].Function = cut(t.Stack[i].Function, trimText/share)
		t.Stack[i].File = cut(t.Stack[i].File, trimText/share)
	}
	if q := f.Request; q != nil {
		t.Request = &fault.Request{
			Method: cut(q.Method, trimText/share), Route: cut(q.Route, trimText/share),
			URL: cut(q.URL, 4*trimText/share), Proto: cut(q.Proto, trimText/share),
			Host: cut(q.Host, trimText/share), RemoteAddr: cut(q.RemoteAddr, trimText/share),
			ContentLength: q.ContentLength, Cut: true,
		}
	}
	if r := f.Response; r != nil {
		t.Response = &fault.Response{Status: r.Status, Bytes: r.Bytes, Hijacked: r.Hijacked, Cut: true}
	}
	t.Steps, t.StepsDropped = nil, f.StepsDropped+len(f.Steps)
	if keep := trimOutput / share; len(t.Output) > keep { // Its end tells why.
		t.Output = strings.ToValidUTF8(t.Output[len(t.Output)-keep:], "")
	}
	return &t
}

func trimCause(c fault.Cause, share int, left *int) fault.Cause {
	*left--
	t := fault.Cause{Type: cut(c.Type, trimText/share), Message: cut(c.Message, 2*trimText/share), Cut: c.Cut}
	for _, inner := range c.Causes {
		if *left <= 0 {
			t.Cut++
			continue
		}
		t.Causes = append(t.Causes, trimCause(inner, share, left))
	}
	return t
}

// cut returns the first max bytes of a text, without half a rune.
func cut(s string, max int) string {
	if len(s) <= max {
		return s
	}
	for max > 0 && !utf8.RuneStart(s[max]) {
		max--
	}
	return s[:max] + "…"
}

// decode reads what encode has written.
func decode(payload []byte) (*fault.Failure, error) {
	f := &fault.Failure{}
	if err := json.Unmarshal(payload, f); err != nil {
		return nil, err
	}
	return f, nil
}
