package kit

import (
	"testing"

	"example.org/microblog/fault/incident/incidenttest"
	"example.org/microblog/internal/store/storetest"
)

func BenchmarkIncidents(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) {
		incidenttest.Benchmark(b, func(b *testing.B) incidenttest.Backend { return newSQLite(b) })
	})
	b.Run("postgres", func(b *testing.B) {
		database := storetest.NewPostgres(b)
		incidenttest.Benchmark(b, func(b *testing.B) incidenttest.Backend { return newPostgres(b, database) })
	})
}
