package postgres_test

import (
	"testing"

	"example.org/microblog/internal/store"
	"example.org/microblog/internal/store/postgres"
	"example.org/microblog/internal/store/storetest"
)

func TestStore(t *testing.T) {
	database := storetest.NewPostgres(t)
	storetest.Run(t, func(t *testing.T) storetest.Open {
		url := storetest.NewPostgresSchema(t, database)
		return func(o store.Options) (*store.Store, error) {
			return postgres.Open(t.Context(), url, postgres.Options{Options: o})
		}
	})
}

func BenchmarkStore(b *testing.B) {
	storetest.Benchmark(b, func(b *testing.B) storetest.Open {
		url := storetest.NewPostgres(b)
		return func(o store.Options) (*store.Store, error) {
			return postgres.Open(b.Context(), url, postgres.Options{Options: o})
		}
	})
}
