package microblog_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/microblog/internal/microblog"
)

// cheap makes hashes that cost next to nothing.
func cheap() *microblog.Hasher { return &microblog.Hasher{MemoryKiB: 8, Passes: 1} }

func TestHasher(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	var h microblog.Hasher
	hash, err := h.Hash(ctx, "kUrbel7x")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash = %q", hash)
	}
	if other, err := h.Hash(ctx, "kUrbel7x"); err != nil || other == hash {
		t.Errorf("the same password again gives %q, %v; want another salt", other, err)
	}
	if h.NeedsRehash(hash) {
		t.Error("a new hash needs another")
	}
	if ok, err := h.Verify(ctx, hash, "kUrbel7x"); !ok || err != nil {
		t.Errorf("the right password: %v, %v", ok, err)
	}
	if ok, err := h.Verify(ctx, hash, "kUrbel7y"); ok || err != nil {
		t.Errorf("a wrong password: %v, %v", ok, err)
	}
}

// The vector is one of the reference implementation's own tests (argon2id,
// two passes, 256 KiB, "password" with "somesalt").
func TestVerifyForeignHash(t *testing.T) {
	t.Parallel()
	const hash = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	h := cheap()
	if ok, err := h.Verify(context.Background(), hash, "password"); !ok || err != nil {
		t.Errorf("Verify = %v, %v", ok, err)
	}
	if !h.NeedsRehash(hash) {
		t.Error("a hash with other parameters needs no new one")
	}
}

func TestPasswordCountsInNFC(t *testing.T) {
	t.Parallel()
	ctx, h := context.Background(), cheap()
	hash, err := h.Hash(ctx, "cafe\u0301 au lait")
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := h.Verify(ctx, hash, "caf\u00e9 au lait"); !ok || err != nil {
		t.Errorf("typed on another keyboard: %v, %v", ok, err)
	}
}

func TestVerifyUnreadableHash(t *testing.T) {
	t.Parallel()
	h := cheap()
	for _, hash := range []string{
		"", "x", "$$$$$", "$argon2i$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=99999999,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=8,t=0,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$", "$argon2id$v=19$m=8,t=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
	} {
		if ok, err := h.Verify(context.Background(), hash, ""); ok || err != nil {
			t.Errorf("Verify(%q) = %v, %v", hash, ok, err)
		}
		if h.NeedsRehash(hash) {
			t.Errorf("NeedsRehash(%q)", hash)
		}
	}
}

func TestHasherWaitsWithContext(t *testing.T) {
	t.Parallel()
	done, cancel := context.WithCancel(context.Background())
	cancel()
	h := cheap()
	if _, err := h.Hash(done, "kUrbel7x"); !errors.Is(err, context.Canceled) {
		t.Errorf("Hash = %v", err)
	}
	if _, err := h.Verify(done, "", "kUrbel7x"); !errors.Is(err, context.Canceled) {
		t.Errorf("Verify = %v", err)
	}
}

// With one slot, a quick check that comes second ends second. It may come first
// on a busy machine, so it gets several chances; without the cap it has none.
func TestHasherConcurrency(t *testing.T) {
	t.Parallel()
	const (
		slow  = "$argon2id$v=19$m=1024,t=64,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
		quick = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	)
	h := &microblog.Hasher{Concurrency: 1}
	for range 50 {
		order := make(chan string, 2)
		var wg sync.WaitGroup
		for _, c := range []struct{ name, hash string }{{"slow", slow}, {"quick", quick}} {
			wg.Go(func() {
				if ok, err := h.Verify(t.Context(), c.hash, "x"); ok || err != nil {
					t.Errorf("Verify = %v, %v", ok, err)
				}
				order <- c.name
			})
			time.Sleep(time.Millisecond)
		}
		wg.Wait()
		if <-order == "slow" {
			return
		}
	}
	t.Error("the quick check never waited for the slow one")
}

func FuzzHash(f *testing.F) {
	h := cheap()
	good, err := h.Hash(context.Background(), "x")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add("$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$argon2id$v=19$m=+8,t=01,p=1$$")
	f.Fuzz(func(t *testing.T, hash string) {
		if strings.Contains(hash, "m=") && len(hash) > len(good)+8 {
			t.Skip("may ask for much memory")
		}
		h.NeedsRehash(hash)
	})
}

func BenchmarkHasher(b *testing.B) {
	var h microblog.Hasher
	for b.Loop() {
		if _, err := h.Hash(b.Context(), "kUrbel7x"); err != nil {
			b.Fatal(err)
		}
	}
}
