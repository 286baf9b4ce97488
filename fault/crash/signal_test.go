//go:build !windows

package crash_test

import (
	"syscall"
	"testing"

	"example.org/microblog/fault"
	"example.org/microblog/fault/crash"
)

func TestSignals(t *testing.T) {
	t.Parallel()
	for signal, text := range map[syscall.Signal]string{syscall.SIGQUIT: "SIGQUIT: quit", syscall.SIGABRT: "SIGABRT: abort"} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			cmd := start(t, job{Dir: dir, How: "wait"})
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait() // By the signal.
			var kept keeper
			watch(t, crash.Options{Dir: dir, Recorder: &kept, Module: module})
			got := kept.got()
			if len(got) != 1 || got[0].Kind != fault.KindCrash || got[0].Message != "the process crashed: "+text || got[0].Causes.Type != "signal" {
				t.Fatalf("found %+v", got)
			}
			own := false
			for _, f := range got[0].Stack {
				own = own || f.App
			}
			if !own {
				t.Errorf("no call of the application in %v\n%s", got[0].Stack, got[0].Output)
			}
			empty(t, dir)
		})
	}
}
