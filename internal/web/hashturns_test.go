package web

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

func TestHashTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var h hashTurns
		var leave []func()
		for range turnsPerClient {
			done, err := h.enter(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			leave = append(leave, done)
		}
		entered := make(chan func(), linePerClient)
		for range linePerClient {
			go func() {
				done, err := h.enter(t.Context(), "a")
				if err != nil {
					t.Error(err)
				}
				entered <- done
			}()
		}
		synctest.Wait()
		if len(entered) != 0 {
			t.Fatalf("%d more than %d have a turn", len(entered), turnsPerClient)
		}
		if _, err := h.enter(t.Context(), "a"); !errors.Is(err, errCrowded) {
			t.Errorf("behind a full line: %v", err)
		}
		other, err := h.enter(t.Context(), "b")
		if err != nil {
			t.Fatalf("another client: %v", err)
		}
		other()
		for _, done := range leave {
			done()
		}
		for range linePerClient {
			(<-entered)()
		}
		if len(h.clients) != 0 {
			t.Errorf("%d entries are left", len(h.clients))
		}
	})
}

func TestHashTurnsGiveUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var h hashTurns
		for range turnsPerClient {
			leave, err := h.enter(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			defer leave()
		}
		late, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := h.enter(late, "a"); !errors.Is(err, errCrowded) {
			t.Errorf("after a second in line: %v", err)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := h.enter(gone, "a"); !errors.Is(err, context.Canceled) {
			t.Errorf("a client that left: %v", err)
		}
		if n := h.clients["a"].requests; n != turnsPerClient {
			t.Errorf("%d requests count", n)
		}
	})
}

func TestTurnNetwork(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "2001:db8:1:2:3::4": "2001:db8:1:2::/64", "2001:db8:1:2:ffff::": "2001:db8:1:2::/64",
	} {
		if got := turnNetwork(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s counts as %s, want %s", addr, got, want)
		}
	}
}
