package incident

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"
)

// idLength is the number of characters of an incident's ID, 65 bits.
const idLength = 13

// crockford is Douglas Crockford's alphabet for base 32, as in a fault.ID.
var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// newID returns the ID of the incident that begins with a group of that key.
func newID(key string) string {
	sum := sha256.Sum256([]byte(key))
	return crockford.EncodeToString(sum[:])[:idLength]
}

// canonicalID reads an ID as people type it: in either case, with hyphens and spaces, O for 0, and I
// or L for 1.
func canonicalID(id string) string {
	return strings.NewReplacer("-", "", " ", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(text(id)))
}
