package supervisor

import (
	"os"
	"sync"
)

// binaries counts who needs a built binary, and removes each that nobody does. It may be used by several goroutines.
type binaries struct {
	mu    sync.Mutex
	users map[string]int // by path
}

// hold notes one more user of the binary; "" is none.
func (b *binaries) hold(path string) {
	if path == "" {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.users == nil {
		b.users = map[string]int{}
	}
	b.users[path]++
}

// release ends what hold began.
func (b *binaries) release(path string) {
	if path == "" {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.users[path]--; b.users[path] <= 0 {
		delete(b.users, path)
		_ = os.Remove(path) // what is left goes with the directory, at the end
	}
}
