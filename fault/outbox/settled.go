package outbox

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// Settled returns the outcomes that were not forgotten yet, oldest first, whichever process settled
// them. They are kept for 30 days.
func (o *Outbox) Settled() ([]Outcome, error) {
	found, _, err := o.store.outcomes(dirSettled)
	if err != nil {
		return nil, fmt.Errorf("reading the outbox: %w", err)
	}
	outcomes := make([]Outcome, len(found))
	for i := range found {
		outcomes[i] = found[i].public()
	}
	return outcomes, nil
}

// Forget removes outcomes from what Settled returns. Unknown keys are no error. A mail with a
// forgotten key is still no second mail, until 7 days after the first one was settled.
func (o *Outbox) Forget(keys ...string) error {
	var errs []error
	for _, key := range keys {
		name := fileName(key)
		for _, suffix := range []string{deliveredSuffix, givenUpSuffix} {
			err := replace(o.store.path(dirSettled, name+suffix), o.store.path(dirKept, name+suffix))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, fmt.Errorf("forgetting a mail's outcome: %w", err))
			}
		}
	}
	return errors.Join(errs...)
}

// Changed receives a value after outcomes were added to what Settled returns, by this process or,
// while Run runs, by another one. It is one channel for one receiver.
func (o *Outbox) Changed() <-chan struct{} { return o.changed }

// outcomes reads those in a directory, oldest first, and names the files that are none.
func (s store) outcomes(dir string) (found []outcome, damaged []string, err error) {
	entries, err := s.names(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	for _, entry := range entries {
		name := entry.Name()
		suffix := filepath.Ext(name)
		if !entry.Type().IsRegular() || suffix != deliveredSuffix && suffix != givenUpSuffix {
			damaged = append(damaged, name)
			continue
		}
		switch o, err := s.readOutcome(dir, name); {
		case err == nil:
			found = append(found, o)
		case errors.Is(err, errDamaged):
			damaged = append(damaged, name)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, nil, err
		}
	}
	slices.SortFunc(found, func(a, b outcome) int {
		return cmp.Or(a.At.Compare(b.At), strings.Compare(a.Key, b.Key))
	})
	return found, damaged, nil
}
