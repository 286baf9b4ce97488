package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"example.org/microblog/internal/microblog"
	"example.org/microblog/internal/store"
)

const (
	raceRounds  = 8
	raceRunners = 8
)

// race runs fn for each runner at the same moment, on both stores in turn, and
// returns their errors.
func race(stores [2]*store.Store, runners int, fn func(s *store.Store, i int) error) []error {
	errs := make([]error, runners)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range runners {
		wg.Go(func() {
			<-start
			errs[i] = fn(stores[i%2], i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

// oneWinner checks that exactly one error is nil and the others are loss.
func oneWinner(t *testing.T, errs []error, loss error) (winner int) {
	t.Helper()
	winner = -1
	for i, err := range errs {
		switch {
		case err == nil && winner >= 0:
			t.Errorf("%d and %d both won", winner, i)
		case err == nil:
			winner = i
		case !errors.Is(err, loss):
			t.Errorf("runner %d: %v, want %v", i, err, loss)
		}
	}
	if winner < 0 {
		t.Error("nobody won")
	}
	return winner
}

// Many people in two processes take the same name at the same moment.
func testRenameRace(t *testing.T, o Open) {
	stores := two(t, o)
	users := addUsers(t, stores[0], raceRunners)
	for round := range raceRounds {
		name := fmt.Sprintf("wanted%d", round)
		errs := race(stores, raceRunners, func(s *store.Store, i int) error {
			// Half of them write it in capitals.
			typed := name
			if i%4 < 2 {
				typed = fmt.Sprintf("WANTED%d", round)
			}
			_, err := s.UpdateProfile(t.Context(), users[i].ID, typed, "")
			return err
		})
		winner := oneWinner(t, errs, microblog.ErrUsernameTaken)
		p, err := stores[round%2].Profile(t.Context(), name, 0)
		if err != nil || winner >= 0 && p.User.ID != users[winner].ID || p.Former {
			t.Errorf("round %d: the name is that of %+v, %v; user %d won", round, p, err, winner)
		}
	}
}

// Two people who want each other's name wait for nobody: both are refused.
// And a ring of people who follow each other, post and rename at the same time
// comes to an end without a deadlock.
func testRenameSwap(t *testing.T, o Open) {
	stores := two(t, o)
	a, b := addUser(t, stores[0], "swap-a"), addUser(t, stores[0], "swap-b")
	for round := range raceRounds {
		errs := race(stores, 2, func(s *store.Store, i int) error {
			_, err := s.UpdateProfile(t.Context(), []int64{a.ID, b.ID}[i], []string{"swap-b", "swap-a"}[i], "")
			return err
		})
		for _, err := range errs {
			if err != microblog.ErrUsernameTaken {
				t.Errorf("round %d: %v", round, err)
			}
		}
	}

	const people = 4
	users := addUsers(t, stores[0], people)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	errs := race(stores, 3*people, func(s *store.Store, i int) error {
		me, next := i%people, (i+1)%people
		for round := range raceRounds {
			var err error
			switch i / people {
			case 0: // everybody wants everybody's name
				_, err = s.UpdateProfile(ctx, users[me].ID, fmt.Sprintf("ring%d", (me+round)%people), "")
			case 1:
				if _, err = s.Follow(ctx, users[me].ID, users[next].ID); err == nil {
					_, err = s.Unfollow(ctx, users[me].ID, users[next].ID)
				}
			case 2:
				_, _, err = s.CreatePost(ctx, users[me].ID, "hello", "")
			}
			if err != nil && !errors.Is(err, microblog.ErrUsernameTaken) {
				return err
			}
		}
		return nil
	})
	for i, err := range errs {
		if err != nil {
			t.Errorf("runner %d: %v", i, err)
		}
	}
	for _, u := range users {
		got := getUser(t, stores[0], u.ID)
		if got.PostCount != raceRounds || got.FollowerCount != 0 || got.FollowingCount != 0 {
			t.Errorf("counts of %+v", got)
		}
	}
}

// One person renames themselves in several tabs at once: every tab succeeds,
// one of the names remains, and all of them lead to the person.
func testRenameOwnTabs(t *testing.T, o Open) {
	stores := two(t, o)
	u := addUser(t, stores[0], "original")
	errs := race(stores, raceRunners, func(s *store.Store, i int) error {
		got, err := s.UpdateProfile(t.Context(), u.ID, fmt.Sprintf("tab%d", i), "")
		if err == nil && got.Username != fmt.Sprintf("tab%d", i) {
			err = fmt.Errorf("stored as %q", got.Username)
		}
		return err
	})
	for i, err := range errs {
		if err != nil {
			t.Errorf("tab %d: %v", i, err)
		}
	}
	now := getUser(t, stores[0], u.ID).Username
	for i := range raceRunners {
		name := fmt.Sprintf("tab%d", i)
		p, err := stores[1].Profile(t.Context(), name, 0)
		if err != nil || p.User.ID != u.ID || p.Former != (name != now) {
			t.Errorf("%s leads to %+v, %v; the name is %s now", name, p, err, now)
		}
	}
}

// Many people register the same name, the same address, or both.
func testRegisterRace(t *testing.T, o Open) {
	stores := two(t, o)
	for round := range raceRounds {
		username, email := fmt.Sprintf("same%d", round), fmt.Sprintf("same%d@example.com", round)
		byName := race(stores, raceRunners, func(s *store.Store, i int) error {
			_, err := s.CreateUser(t.Context(), store.NewUser{Username: username, Email: fmt.Sprintf("n%d-%d@example.com", round, i)})
			return err
		})
		oneWinner(t, byName, microblog.ErrUsernameTaken)
		byEmail := race(stores, raceRunners, func(s *store.Store, i int) error {
			_, err := s.CreateUser(t.Context(), store.NewUser{Username: fmt.Sprintf("e%d-%d", round, i), Email: email})
			return err
		})
		oneWinner(t, byEmail, microblog.ErrEmailTaken)
		both := race(stores, raceRunners, func(s *store.Store, i int) error {
			_, err := s.CreateUser(t.Context(), store.NewUser{Username: "b-" + username, Email: "b-" + email})
			return err
		})
		for i, err := range both {
			if err != nil && !(errors.Is(err, microblog.ErrUsernameTaken) && errors.Is(err, microblog.ErrEmailTaken)) {
				t.Errorf("runner %d: %v, want both to be taken", i, err)
			}
		}
		oneWinner(t, both, microblog.ErrUsernameTaken)
	}
	users, err := stores[0].Users(t.Context(), 0, 1000)
	if err != nil || len(users) != 3*raceRounds {
		t.Errorf("%d users, %v; want %d", len(users), err, 3*raceRounds)
	}
}

// One person registers a name at the moment at which another one takes it and
// a third one leaves it.
func testRegisterRenameRace(t *testing.T, o Open) {
	stores := two(t, o)
	leaver, taker := addUser(t, stores[0], "leaver"), addUser(t, stores[0], "taker")
	for round := range raceRounds {
		name := fmt.Sprintf("contested%d", round)
		if _, err := stores[0].UpdateProfile(t.Context(), leaver.ID, name, ""); err != nil {
			t.Fatal(err)
		}
		errs := race(stores, 3, func(s *store.Store, i int) (err error) {
			switch i {
			case 0:
				_, err = s.UpdateProfile(t.Context(), leaver.ID, fmt.Sprintf("gone%d", round), "")
			case 1:
				_, err = s.UpdateProfile(t.Context(), taker.ID, name, "")
			case 2:
				_, err = s.CreateUser(t.Context(), store.NewUser{Username: name, Email: name + "@example.com"})
			}
			return err
		})
		if errs[0] != nil {
			t.Errorf("leaving a name: %v", errs[0])
		}
		// Whoever came after the leaver and first got it; perhaps nobody did.
		won := 0
		for _, err := range errs[1:] {
			switch {
			case err == nil:
				won++
			case !errors.Is(err, microblog.ErrUsernameTaken):
				t.Errorf("round %d: %v", round, err)
			}
		}
		if won > 1 {
			t.Errorf("round %d: two owners of one name", round)
		}
		p, err := stores[1].Profile(t.Context(), name, 0)
		if err != nil || p.Former != (won == 0) || (p.User.ID == leaver.ID) != (won == 0) {
			t.Errorf("round %d: %d took the name, which leads to %+v, %v", round, won, p, err)
		}
	}
}
