package incident

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	knownName = "incidents.known"
	// maxKnown is how many incidents are remembered for when the database is gone: those seen last.
	maxKnown = 300
)

// known is what the state file starts from while the database is gone: the incidents seen last, so that
// they are recognised, keep their ID, and are not told of as if they were new. Nothing is counted by it.
// It is never changed, only replaced.
type known struct {
	At      time.Time            `json:"at"`
	Records []*record            `json:"records"`
	Keys    []*keyRow            `json:"keys"`
	Builds  map[string]time.Time `json:"builds"`
	Totals  Totals               `json:"totals"` // without what was in the Source

	records map[string]*record
	keys    map[string]*keyRow
	places  map[string][]*keyRow
}

func (k *known) index() *known {
	k.Records = slices.DeleteFunc(k.Records, func(r *record) bool { return r == nil }) // in a damaged file
	k.Keys = slices.DeleteFunc(k.Keys, func(key *keyRow) bool { return key == nil })
	k.records = make(map[string]*record, len(k.Records))
	for _, r := range k.Records {
		k.records[r.ID] = r
	}
	k.keys = make(map[string]*keyRow, len(k.Keys))
	k.places = map[string][]*keyRow{}
	for _, key := range k.Keys {
		k.keys[key.Key] = key
		k.places[key.Place] = append(k.places[key.Place], key)
	}
	return k
}

// with returns what is known after a transaction.
func (k *known) with(ch *changes) *known {
	records, keys, builds := maps.Clone(k.records), maps.Clone(k.keys), maps.Clone(k.Builds)
	for _, r := range ch.Records {
		if r.ID != gone && (records[r.ID] != nil || len(records) < 2*maxKnown) {
			records[r.ID] = r
		}
	}
	for _, key := range ch.Keys {
		keys[key.Key] = key
	}
	for _, id := range ch.Removed {
		delete(records, id)
		maps.DeleteFunc(keys, func(_ string, key *keyRow) bool { return key.Incident == id })
	}
	for _, b := range ch.Builds {
		if _, ok := builds[b.Build]; !ok {
			builds[b.Build] = b.At
		}
	}
	totals := k.Totals
	totals.add(ch.sums)
	return (&known{
		At: ch.Now, Totals: totals, Builds: builds,
		Records: slices.Collect(maps.Values(records)), Keys: slices.Collect(maps.Values(keys)),
	}).index()
}

// seed returns a record of the database as the state file's begins: with its past, by which the policy
// goes, and with books of its own that begin at nothing.
func (r *record) seed() *record {
	c := r.clone()
	c.SeedCount, c.SeedAt = r.Count, r.Version
	c.Uncovered, c.Mailed, c.Grouped, c.Muted, c.GivenUp, c.NotForMail = 0, 0, 0, 0, 0, 0
	c.Since, c.Deferred, c.Users, c.Routes, c.Slots = time.Time{}, 0, 0, 0, 0
	return c
}

// remember reads what the state file would start from.
func (s *sqlStore) remember(ctx context.Context, now time.Time) (*known, error) {
	k := &known{At: now, Builds: map[string]time.Time{}}
	var err error
	if k.Totals, err = s.sums(ctx); err != nil {
		return nil, err
	}
	db, stop := s.read(ctx)
	defer stop()
	err = scan(ctx, db, func(scan func(...any) error) error {
		r, err := scanRecord(scan)
		k.Records = append(k.Records, r)
		return err
	}, `SELECT record FROM fault_incidents WHERE id <> '' ORDER BY last_at DESC LIMIT $1`, maxKnown)
	if err != nil {
		return nil, err
	}
	t := &sqlTxn{q: db, d: &dialect{}} // nothing is locked
	ids := make([]string, len(k.Records))
	for i, r := range k.Records {
		ids[i] = r.ID
	}
	if k.Keys, err = t.keysWhere(ctx, `incident_id`, ids); err != nil {
		return nil, err
	}
	err = scan(ctx, db, func(scan func(...any) error) error {
		var name string
		var at int64
		err := scan(&name, &at)
		k.Builds[name] = fromMicros(at)
		return err
	}, `SELECT name, first_at FROM fault_builds ORDER BY first_at DESC LIMIT 100`)
	return k.index(), err
}

// save writes it for the next process. It is no loss if that fails, so it need not be durable.
func (k *known) save(dir string) error {
	data, err := json.Marshal(k)
	if err != nil {
		return err
	}
	temporary := filepath.Join(dir, knownName+".new-"+randomName())
	if err := os.WriteFile(temporary, data, 0o600); err != nil {
		return err
	}
	if err := rename(temporary, filepath.Join(dir, knownName)); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	return nil
}

// readKnown returns what an earlier process saved; nothing, if that cannot be read.
func readKnown(dir string) *known {
	k := new(known)
	data, err := os.ReadFile(filepath.Join(dir, knownName))
	if err == nil {
		err = json.Unmarshal(data, k)
	}
	if err != nil {
		k = new(known)
	}
	if k.Builds == nil {
		k.Builds = map[string]time.Time{}
	}
	return k.index()
}
