package microblog

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// What OWASP's password storage cheat sheet recommends for argon2id.
const (
	defaultMemoryKiB = 19 * 1024
	defaultPasses    = 2
	defaultLanes     = 1
)

const (
	saltBytes = 16
	keyBytes  = 32
)

// Hasher makes and checks password hashes: argon2id (RFC 9106) in the PHC
// string format. The zero value works, with 19 MiB, two passes and one lane. A
// Hasher must not be copied after first use; its methods may be called
// concurrently.
type Hasher struct {
	Concurrency int    // hashes computed at the same time, each in its own memory; 0: half of GOMAXPROCS, so that pages go on while many sign in
	MemoryKiB   uint32 // 0: 19456
	Passes      uint32 // 0: 2
	Lanes       uint8  // 0: 1

	once  sync.Once
	slots chan struct{}
}

// params are what a hash was made with.
type params struct {
	memoryKiB, passes uint32
	lanes             uint8
}

func (h *Hasher) params() params {
	p := params{h.MemoryKiB, h.Passes, h.Lanes}
	if p.memoryKiB == 0 {
		p.memoryKiB = defaultMemoryKiB
	}
	if p.passes == 0 {
		p.passes = defaultPasses
	}
	if p.lanes == 0 {
		p.lanes = defaultLanes
	}
	return p
}

// Hash returns the hash of password under a new random salt. It waits for its
// turn as long as ctx allows and then returns ctx's error.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltBytes)
	if _, err := rand.Read(salt); err != nil {
		return "", fmt.Errorf("making a salt: %w", err)
	}
	p := h.params()
	key, err := h.derive(ctx, p, salt, password, keyBytes)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.memoryKiB, p.passes, p.lanes,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key)), nil
}

// Verify reports whether hash was made of password. For somebody who does not
// exist, give an empty hash: it, like an unreadable one, takes as long as a
// good one and is false, so that the time of an answer does not tell who has
// an account. The error is ctx's, for a turn that did not come.
func (h *Hasher) Verify(ctx context.Context, hash, password string) (bool, error) {
	p, salt, want, err := parseHash(hash)
	if err != nil {
		p, salt, want = h.params(), make([]byte, saltBytes), nil
	}
	key, err := h.derive(ctx, p, salt, password, max(len(want), keyBytes))
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(key, want) == 1, nil
}

// NeedsRehash reports whether hash is a good one but was made with other
// parameters than h's: after the next log-in, store a new one.
func (h *Hasher) NeedsRehash(hash string) bool {
	p, salt, key, err := parseHash(hash)
	return err == nil && (p != h.params() || len(salt) != saltBytes || len(key) != keyBytes)
}

// derive computes a key when it is its turn. The password counts in NFC, so
// that it does not matter on which keyboard it is typed.
func (h *Hasher) derive(ctx context.Context, p params, salt []byte, password string, length int) ([]byte, error) {
	h.once.Do(func() {
		n := h.Concurrency
		if n <= 0 {
			n = max(1, runtime.GOMAXPROCS(0)/2)
		}
		h.slots = make(chan struct{}, n)
	})
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-h.slots }()
	return argon2.IDKey(norm.NFC.Bytes([]byte(password)), salt, p.passes, p.memoryKiB, p.lanes, uint32(length)), nil
}

var errHashFormat = errors.New("not an argon2id hash in the PHC string format")

// parseHash reads a PHC string. Parameters far beyond sense are refused: they
// could only come from a damaged database and would stop the server.
func parseHash(hash string) (p params, salt, key []byte, err error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return params{}, nil, nil, errHashFormat
	}
	settings := strings.Split(parts[3], ",")
	if len(settings) != 3 {
		return params{}, nil, nil, errHashFormat
	}
	var numbers [3]uint32
	for i, limit := range []struct {
		name     string
		min, max uint64
	}{{"m=", 8, 1 << 20}, {"t=", 1, 64}, {"p=", 1, 64}} {
		digits, ok := strings.CutPrefix(settings[i], limit.name)
		n, err := strconv.ParseUint(digits, 10, 32)
		if !ok || err != nil || n < limit.min || n > limit.max {
			return params{}, nil, nil, errHashFormat
		}
		numbers[i] = uint32(n)
	}
	encoding := base64.RawStdEncoding.Strict()
	salt, saltErr := encoding.DecodeString(parts[4])
	key, keyErr := encoding.DecodeString(parts[5])
	if saltErr != nil || keyErr != nil || len(salt) < 8 || len(salt) > 64 || len(key) < 16 || len(key) > 64 {
		return params{}, nil, nil, errHashFormat
	}
	return params{numbers[0], numbers[1], uint8(numbers[2])}, salt, key, nil
}
