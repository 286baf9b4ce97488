package fault_test

import (
	"regexp"
	"testing"

	"example.org/microblog/fault"
)

func TestReadBuild(t *testing.T) {
	t.Parallel()
	b := fault.ReadBuild()
	if !regexp.MustCompile(`^[0-9a-f]{12}$`).MatchString(b.ID) {
		t.Errorf("this test's build has the ID %q", b.ID)
	}
	if b.Go == "" {
		t.Error("no Go version")
	}
}
