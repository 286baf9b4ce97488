package incident_test

import (
	"testing"

	"example.org/microblog/fault/incident/incidenttest"
)

func BenchmarkFile(b *testing.B) {
	incidenttest.Benchmark(b, func(*testing.B) incidenttest.Backend { return incidenttest.Backend{} })
}
