package process

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

// ServedPanic is what a server of net/http has logged about a handler that panicked: it closes the connection then, without an answer.
type ServedPanic struct {
	Client string // the address of the connection's other end
	Value  string // what it panicked with, as text
	Stack  string // from "goroutine 7 [running]:" on
}

// What is kept while such a text comes, in bytes.
const (
	maxPanic      = 256 << 10
	maxPanicLine  = 256 << 10
	maxPanicValue = 64 << 10
	maxPanicSize  = 64 << 20 // of which that is kept
)

var (
	servedMark   = []byte("http: panic serving ")
	servedBegin  = regexp.MustCompile(`http: panic serving (\S+): `)
	servedStack  = regexp.MustCompile(`(?m)^goroutine \d+ \[running\]:$`)
	servedBegins = []byte("goroutine ")
	servedEnd    = []byte("created by net/http.(*Server).Serve")
)

// panicText finds what servers log about panics in one output of a process: as package log writes it, on lines of its own, or in a
// quoted text of a line, as package slog does.
type panicText struct {
	told   func(ServedPanic) // nil: nothing is looked for
	line   []byte            // the beginning of the line that is being written
	text   []byte            // from the mark on; empty: none has begun
	size   int               // how much has come since
	ending bool              // the next line is the last
}

func (t *panicText) write(b []byte) {
	if t.told == nil {
		return
	}
	for len(b) > 0 {
		end := bytes.IndexByte(b, '\n')
		if end < 0 {
			t.line = append(t.line, b[:min(len(b), maxPanicLine-len(t.line))]...)
			return
		}
		line := b[:end]
		if len(t.line) > 0 {
			t.line = append(t.line, line[:min(len(line), maxPanicLine-len(t.line))]...)
			line = t.line
		}
		t.add(bytes.TrimSuffix(line, []byte("\r")))
		t.line, b = t.line[:0], b[end+1:]
	}
}

// add takes a line.
func (t *panicText) add(line []byte) {
	if at := bytes.Index(line, servedMark); at >= 0 {
		if at > 0 && line[at-1] == '"' {
			if text, ok := unquoted(string(line[at-1:])); ok {
				t.tell(text)
			}
			t.text = nil
			return
		}
		t.text, t.size, t.ending = append(t.text[:0], line[at:]...), 0, false
		return
	}
	if len(t.text) == 0 {
		return
	}
	switch t.size += len(line); {
	case t.size > maxPanicSize:
		t.text = nil
		return
	case bytes.HasPrefix(line, servedBegins) && servedStack.Match(line):
		t.text = t.text[:min(len(t.text), maxPanicValue)]
	case len(t.text)+len(line) > maxPanic: // It is the value that is so long, or nothing that a server writes.
		t.text, t.ending = t.text[:min(len(t.text), maxPanicValue)], false
		return
	}
	t.text = append(append(t.text, '\n'), line...)
	if t.ending {
		t.tell(string(t.text))
		t.text = nil
	}
	t.ending = bytes.HasPrefix(line, servedEnd)
}

// unquoted is the text that a line of a log has in quotes, as JSON or as Go has it.
func unquoted(line string) (text string, ok bool) {
	if json.NewDecoder(strings.NewReader(line)).Decode(&text) == nil {
		return text, true
	}
	quoted, err := strconv.QuotedPrefix(line)
	if err != nil {
		return "", false
	}
	text, err = strconv.Unquote(quoted)
	return text, err == nil
}

func (t *panicText) tell(text string) {
	if p, ok := ParseServedPanic(text); ok {
		t.told(p)
	}
}

// ParseServedPanic reads what net/http logs of a panic. The value may have stacks of its own in it: the last one is the server's.
func ParseServedPanic(text string) (p ServedPanic, ok bool) {
	begin := servedBegin.FindStringSubmatchIndex(text)
	if begin == nil || begin[0] != 0 {
		return p, false
	}
	stacks := servedStack.FindAllStringIndex(text, -1)
	if stacks == nil || stacks[len(stacks)-1][0] <= begin[1] {
		return p, false
	}
	at := stacks[len(stacks)-1][0]
	return ServedPanic{Client: text[begin[2]:begin[3]], Value: strings.TrimSuffix(text[begin[1]:at], "\n"), Stack: text[at:]}, true
}
