package sqlite_test

import (
	"path/filepath"
	"testing"

	"example.org/microblog/internal/store"
	"example.org/microblog/internal/store/sqlite"
	"example.org/microblog/internal/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Open {
		path := filepath.Join(t.TempDir(), "microblog.db")
		return func(o store.Options) (*store.Store, error) {
			return sqlite.Open(t.Context(), path, sqlite.Options{Options: o})
		}
	})
}

func BenchmarkStore(b *testing.B) {
	storetest.Benchmark(b, func(b *testing.B) storetest.Open {
		path := filepath.Join(b.TempDir(), "microblog.db")
		return func(o store.Options) (*store.Store, error) {
			return sqlite.Open(b.Context(), path, sqlite.Options{Options: o})
		}
	})
}
