package devlink_test

import (
	"math"
	"testing"

	"example.org/microblog/fault/internal/devlink"
)

func TestPanicNames(t *testing.T) {
	t.Parallel()
	for goroutine, want := range map[uint64]string{1: "fault-1", 999_999_999: "fault-999999999", 1_000_000_000: "fault-0", math.MaxUint64: "fault-709551615"} {
		name := devlink.PanicName(goroutine)
		if name != want || !devlink.IsPanicName(name) || len(name) > 15 { // as a thread's may be
			t.Errorf("%d is %q", goroutine, name)
		}
	}
	for _, name := range []string{"", "fault-", "fault-+1", "fault-1a", "fault--1", "1", devlink.CopyName, devlink.EndName, devlink.CrashName} {
		if devlink.IsPanicName(name) {
			t.Errorf("%q is taken for one", name)
		}
	}
}
