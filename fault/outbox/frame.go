package outbox

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
)

// Each file begins with one line that says what it is and by which a torn one is told:
//
//	fault-outbox KIND 1 CRC32C LENGTH
//
// CRC32C, 8 hex digits, and LENGTH, in bytes, are of all that follows the line.
const frameFormat = "fault-outbox %s 1 %08x %d\n"

// The kinds of files.
const (
	kindMail    = "mail"    // a waiting mail: a line of JSON, then the composed mail
	kindState   = "state"   // what attempts came to so far, JSON
	kindOutcome = "outcome" // how it ended, JSON
	kindServer  = "server"  // how the mail server is doing, JSON
)

// errDamaged is of a file that is torn or none of ours.
var errDamaged = errors.New("damaged, or no file of this outbox")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// frame puts the first line before a file's content.
func frame(kind string, content []byte) []byte {
	b := make([]byte, 0, len(content)+64)
	b = fmt.Appendf(b, frameFormat, kind, crc32.Checksum(content, castagnoli), len(content))
	return append(b, content...)
}

// unframe checks a file's first line and returns what follows it.
func unframe(kind string, file []byte) ([]byte, error) {
	line, content, found := bytes.Cut(file, []byte("\n"))
	if !found || len(line) > 100 {
		return nil, errDamaged
	}
	want := fmt.Appendf(nil, frameFormat, kind, crc32.Checksum(content, castagnoli), len(content))
	if !bytes.Equal(line, want[:len(want)-1]) {
		return nil, errDamaged
	}
	return content, nil
}
