// Package notes keeps short texts in memory.
package notes

import (
	"errors"
	"strings"
	"sync"
	"unicode/utf8"
)

const (
	maxNotes = 100
	maxRunes = 280
)

// Errors of Add.
var (
	ErrEmpty   = errors.New("a note needs a text")
	ErrTooLong = errors.New("a note has at most 280 characters")
)

// Book is the newest notes. Its methods may be called concurrently.
type Book struct {
	mu    sync.Mutex
	notes []string // oldest first
}

// Add keeps a note, and drops the oldest one when there are too many.
func (b *Book) Add(text string) error {
	switch text = strings.TrimSpace(text); {
	case text == "":
		return ErrEmpty
	case utf8.RuneCountInString(text) > maxRunes:
		return ErrTooLong
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.notes) == maxNotes {
		b.notes = append(b.notes[:0], b.notes[1:]...)
	}
	b.notes = append(b.notes, text)
	return nil
}

// Newest returns up to n notes, newest first.
func (b *Book) Newest(n int) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var newest []string
	for i := len(b.notes) - 1; i >= 0 && len(newest) < n; i-- {
		newest = append(newest, b.notes[i])
	}
	return newest
}
