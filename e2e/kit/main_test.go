package kit

import (
	"fmt"
	"os"
	"testing"
)

// childVariable makes the test binary the process that a test kills.
const childVariable = "KIT_TEST_CHILD"

func TestMain(m *testing.M) {
	if config := os.Getenv(childVariable); config != "" {
		if err := child(config); err != nil {
			fmt.Fprintln(os.Stderr, "error:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}
