// Package problem describes what keeps the newest source of an application from being served: one value,
// for the page in the browser, the terminal and API clients.
package problem

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"
)

// Kind is what went wrong.
type Kind string

// The kinds of problems.
const (
	Build    Kind = "build"    // the package cannot be built, or its inputs cannot be listed
	Vet      Kind = "vet"      // it is built, but go vet is sure of a mistake
	Template Kind = "template" // what the application reads from disk in development does not load
	Start    Kind = "start"    // the new process ended before it was ready, or never became ready
	Crash    Kind = "crash"    // the process that served has ended by itself
)

// A Problem is one reason, with all that is known about it. It is not changed once it is shown.
type Problem struct {
	// ID tells two problems apart: the same mistake has the same ID each time. Identify sets it.
	ID    string `json:"id"`
	Kind  Kind   `json:"kind"`
	Title string `json:"title"` // one line: "2 mistakes in internal/web"
	// Hint says in a sentence what to do, where that is not plain from the messages; "" is nothing.
	Hint string `json:"hint,omitempty"`
	// Messages are the single mistakes, the most useful one first.
	Messages []Message `json:"messages,omitempty"`
	// Stack is that of a panic at the start or of a crash, innermost call first.
	Stack []Frame `json:"stack,omitempty"`
	// Command is what was run, for a terminal: "go build ./cmd/microblog".
	Command string `json:"command,omitempty"`
	// Output is what that, or the process, wrote last: valid UTF-8 without control sequences, bounded.
	Output string `json:"output,omitempty"`
	// Requests are those that were under way when a process ended, as "GET /path", the oldest first; secrets are masked.
	Requests []string `json:"requests,omitempty"`
	// Debugger is where a debugger shows it; "" is nowhere.
	Debugger string    `json:"debugger,omitempty"`
	Time     time.Time `json:"time"`
	// Served says that there is a version which answers meanwhile, and Newest that it is already the
	// newest one: then nothing is withheld, and the problem can be put aside.
	Served bool `json:"served"`
	Newest bool `json:"newest"`
}

// A Message is one mistake and its place.
type Message struct {
	File    string   `json:"file,omitempty"` // for people: relative to the module's directory, "/"-separated; "" if nowhere
	Path    string   `json:"path,omitempty"` // absolute, for an editor; "" if nowhere
	Line    int      `json:"line,omitempty"` // counted from 1; 0 is unknown
	Column  int      `json:"column,omitempty"`
	Text    string   `json:"text"`           // may have several lines
	Hint    string   `json:"hint,omitempty"` // what it most likely means, and what to do
	Excerpt []Line   `json:"excerpt,omitempty"`
	Related []string `json:"related,omitempty"` // further places, as "file:line:column: text"
}

// A Frame is one call of a stack.
type Frame struct {
	Function string `json:"function"`
	File     string `json:"file,omitempty"` // for people
	Path     string `json:"path,omitempty"` // absolute
	Line     int    `json:"line,omitempty"`
	App      bool   `json:"app,omitempty"` // the application's own code
	Excerpt  []Line `json:"excerpt,omitempty"`
}

// A Line is one line of source code, without its end and with its tabs.
type Line struct {
	Number int    `json:"number"`
	Text   string `json:"text"`
	Hit    bool   `json:"hit,omitempty"` // this is the one
	// Mark is the part of it that failed; the zero value if that is not known.
	Mark Mark `json:"mark,omitzero"`
}

// A Mark is a piece of a line. Both count as JavaScript does, in UTF-16 units of the line's Text; To is behind the last one.
type Mark struct {
	From int `json:"from"`
	To   int `json:"to"`
}

// Identify sets the ID from the kind and what is wrong, so that the same mistake has the same ID.
func (p *Problem) Identify() {
	type place struct {
		File, Text   string
		Line, Column int
	}
	places := make([]place, len(p.Messages))
	for i, m := range p.Messages {
		places[i] = place{m.File, m.Text, m.Line, m.Column}
	}
	text, err := json.Marshal([]any{p.Kind, p.Title, places, p.Output})
	if err != nil {
		panic(err) // it holds nothing that cannot be marshalled
	}
	sum := sha256.Sum256(text)
	p.ID = hex.EncodeToString(sum[:6])
}
