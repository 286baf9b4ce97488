package fault

import (
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"strings"
)

// ID names one failure: 128 random bits.
type ID [16]byte

// crockford is Douglas Crockford's alphabet for base 32: no letters that read like digits.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

var crockfordEncoding = base32.NewEncoding(crockford).WithPadding(base32.NoPadding)

const (
	shortID = 8  // characters of String, without the hyphen
	fullID  = 26 // characters of Full
)

func newID() (id ID) {
	_, _ = rand.Read(id[:]) // It never fails: without randomness the process ends.
	return id
}

// IsZero tells whether there is no ID.
func (id ID) IsZero() bool { return id == ID{} }

// String returns the form for people, the first eight characters of [ID.Full]: "7F3K-92QD". It is
// meant to be looked up; several failures may share it.
func (id ID) String() string {
	full := id.Full()
	return full[:shortID/2] + "-" + full[shortID/2:shortID]
}

// Full returns all of it: 26 characters of Crockford's base 32, the first bits first.
func (id ID) Full() string { return crockfordEncoding.EncodeToString(id[:]) }

// HasPrefix tells whether the ID begins with what [ParseIDPrefix] returned.
func (id ID) HasPrefix(prefix string) bool { return strings.HasPrefix(id.Full(), prefix) }

// MarshalText returns [ID.Full], or nothing for the zero ID.
func (id ID) MarshalText() ([]byte, error) {
	if id.IsZero() {
		return []byte{}, nil
	}
	return []byte(id.Full()), nil
}

// UnmarshalText is the reverse of MarshalText.
func (id *ID) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*id = ID{}
		return nil
	}
	parsed, err := ParseID(string(text))
	if err == nil {
		*id = parsed
	}
	return err
}

// ParseID reads the full form as people type it: in either case, with hyphens and spaces anywhere,
// O for 0, and I or L for 1.
func ParseID(s string) (ID, error) {
	canonical, err := ParseIDPrefix(s)
	if err != nil {
		return ID{}, err
	}
	if len(canonical) != fullID {
		return ID{}, fmt.Errorf("a full failure ID has %d characters; %q has %d", fullID, s, len(canonical))
	}
	var id ID
	if _, err := crockfordEncoding.Decode(id[:], []byte(canonical)); err != nil {
		return ID{}, fmt.Errorf("failure ID %q: %w", s, err)
	}
	if id.Full() != canonical {
		// The last character holds three bits only.
		return ID{}, fmt.Errorf("no failure ID ends in %q", canonical[fullID-1:])
	}
	return id, nil
}

// ParseIDPrefix reads the beginning of an ID, at least the eight characters that people see, as
// leniently as [ParseID]. It returns it as [ID.Full] begins, ready to be looked up.
func ParseIDPrefix(s string) (canonical string, err error) {
	var b strings.Builder
	for _, c := range s {
		switch {
		case c == '-' || c == ' ':
			continue
		case 'a' <= c && c <= 'z':
			c -= 'a' - 'A'
		}
		switch c {
		case 'O':
			c = '0'
		case 'I', 'L':
			c = '1'
		}
		if !strings.ContainsRune(crockford, c) {
			return "", fmt.Errorf("%q cannot be part of a failure ID, which looks like 7F3K-92QD", c)
		}
		if b.Len() == fullID {
			return "", fmt.Errorf("a failure ID has at most %d characters", fullID)
		}
		b.WriteRune(c)
	}
	if b.Len() < shortID {
		return "", fmt.Errorf("a failure ID has at least %d characters, like 7F3K-92QD; %q has %d", shortID, s, b.Len())
	}
	return b.String(), nil
}
