package incident_test

import (
	"testing"

	"example.org/microblog/fault/incident/incidenttest"
)

// The state file, without a database. Those with one are in the application's module, which knows
// drivers.
func TestFile(t *testing.T) {
	t.Parallel()
	incidenttest.Run(t, func(*testing.T) incidenttest.Backend { return incidenttest.Backend{} })
}
