package incident

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"example.org/microblog/fault"
)

// cursor is where a page of a list ended.
type cursor struct {
	last int64 // micros
	id   string
}

func (c cursor) String() string { return strconv.FormatInt(c.last, 36) + "-" + c.id }

func parseCursor(s string) (c cursor, err error) {
	last, id, found := strings.Cut(s, "-")
	if c.last, err = strconv.ParseInt(last, 36, 64); err != nil || !found {
		return c, fmt.Errorf("%q is no cursor of a list of incidents", s)
	}
	c.id = text(id)
	return c, nil
}

const (
	defaultListed = 50
	maxListed     = 200
	maxWords      = 16  // of a search
	maxTold       = 100 // notices of an incident
)

// searchWords returns the words that a search looks for, in lower case.
func searchWords(search string) []string {
	words := strings.Fields(strings.ToLower(text(search)))
	return words[:min(len(words), maxWords)]
}

var likeEscape = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

func (s *sqlStore) list(ctx context.Context, q Query) (page Incidents, err error) {
	where, params := []string{`id <> ''`}, []any{}
	param := func(v any) string {
		params = append(params, v)
		return "$" + strconv.Itoa(len(params))
	}
	if len(q.States) > 0 {
		states := make([]string, len(q.States))
		for i, state := range q.States {
			states[i] = param(string(state))
		}
		where = append(where, `state IN (`+strings.Join(states, ", ")+`)`)
	}
	for _, word := range searchWords(q.Search) {
		like := param("%" + likeEscape.Replace(word) + "%")
		where = append(where, `(words LIKE `+like+` ESCAPE '\' OR EXISTS (SELECT 1 FROM fault_tallies
			WHERE incident_id = id AND kind = 'route' AND lower(name) LIKE `+like+` ESCAPE '\'))`)
	}
	if q.Cursor != "" {
		c, err := parseCursor(q.Cursor)
		if err != nil {
			return page, err
		}
		where = append(where, `(last_at, id) < (`+param(c.last)+`, `+param(c.id)+`)`)
	}
	db, stop := s.read(ctx)
	defer stop()
	err = scan(ctx, db, func(scan func(...any) error) error {
		r, err := scanRecord(scan)
		if err == nil {
			page.Items = append(page.Items, r.Incident)
		}
		return err
	}, `SELECT record FROM fault_incidents WHERE `+strings.Join(where, " AND ")+` ORDER BY last_at DESC, id DESC LIMIT `+param(q.Limit+1), params...)
	return cutPage(page, q.Limit), err
}

// cutPage makes a page of a list that has one more than fits if there is a next page.
func cutPage(page Incidents, limit int) Incidents {
	if len(page.Items) > limit {
		page.Items = page.Items[:limit]
		last := page.Items[limit-1]
		page.Next = cursor{micros(last.Last), last.ID}.String()
	}
	return page
}

func (s *sqlStore) counts(ctx context.Context) (map[State]int64, error) {
	db, stop := s.read(ctx)
	defer stop()
	counts := map[State]int64{}
	err := scan(ctx, db, func(scan func(...any) error) error {
		var state string
		var n int64
		err := scan(&state, &n)
		counts[State(state)] = n
		return err
	}, `SELECT state, count(*) FROM fault_incidents WHERE id <> '' GROUP BY state`)
	return counts, err
}

func (s *sqlStore) incident(ctx context.Context, id string) (r *record, err error) {
	db, stop := s.read(ctx)
	defer stop()
	err = scan(ctx, db, func(scan func(...any) error) (err error) { r, err = scanRecord(scan); return err },
		`SELECT record FROM fault_incidents WHERE id = $1`, id)
	return r, err
}

func (s *sqlStore) samples(ctx context.Context, id string, limit int) ([]*fault.Failure, error) {
	db, stop := s.read(ctx)
	defer stop()
	var all []*fault.Failure
	err := scan(ctx, db, func(scan func(...any) error) error {
		var data []byte
		if err := scan(&data); err != nil {
			return err
		}
		f, err := unpack(data)
		all = append(all, f)
		return err
	}, `SELECT failure FROM fault_samples WHERE incident_id = $1 AND (slot = 0 OR slot IN (
			SELECT slot FROM fault_samples WHERE incident_id = $1 AND slot > 0 ORDER BY failed_at DESC, slot DESC LIMIT $2))
		ORDER BY CASE WHEN slot = 0 THEN 1 ELSE 0 END, failed_at DESC, slot DESC`, id, limit)
	return all, err
}

func (s *sqlStore) sample(ctx context.Context, id string, failure fault.ID) (f *fault.Failure, err error) {
	db, stop := s.read(ctx)
	defer stop()
	err = scan(ctx, db, func(scan func(...any) error) error {
		var data []byte
		if err := scan(&data); err != nil {
			return err
		}
		f, err = unpack(data)
		return err
	}, `SELECT failure FROM fault_samples WHERE incident_id = $1 AND failure_id = $2`, id, failure[:])
	return f, err
}

func (s *sqlStore) history(ctx context.Context, ids []string, from, step int64, n int) (map[string][]int64, error) {
	db, stop := s.read(ctx)
	defer stop()
	all := make(map[string][]int64, len(ids))
	for _, id := range ids {
		all[id] = make([]int64, n)
	}
	err := inPieces(ids, func(part []string) error {
		return scan(ctx, db, func(scan func(...any) error) error {
			var id string
			var minute, count int64
			err := scan(&id, &minute, &count)
			if i := (minute - from) / step; err == nil && i >= 0 && i < int64(n) {
				all[id][i] += count
			}
			return err
		}, `SELECT incident_id, minute, failures FROM fault_minutes WHERE incident_id IN (`+list(3, len(part))+`)
			AND minute >= $1 AND minute < $2`, append([]any{from, from + step*int64(n)}, args(part)...)...)
	})
	return all, err
}

func (s *sqlStore) tallies(ctx context.Context, id, of string) (all []Tally, err error) {
	db, stop := s.read(ctx)
	defer stop()
	err = scan(ctx, db, func(scan func(...any) error) error {
		var t Tally
		var first, last int64
		err := scan(&t.Name, &t.Count, &first, &last)
		t.First, t.Last = fromMicros(first), fromMicros(last)
		all = append(all, t)
		return err
	}, `SELECT name, failures, first_at, last_at FROM fault_tallies WHERE incident_id = $1 AND kind = $2
		ORDER BY failures DESC, last_at DESC, name`, id, of)
	return all, err
}

func (s *sqlStore) people(ctx context.Context, id string, since time.Time) (n int64, err error) {
	db, stop := s.read(ctx)
	defer stop()
	err = scan(ctx, db, func(scan func(...any) error) error { return scan(&n) },
		`SELECT count(*) FROM fault_tallies WHERE incident_id = $1 AND kind = 'user' AND last_at >= $2`, id, micros(since))
	return n, err
}

func (s *sqlStore) told(ctx context.Context, id string) (all []Told, err error) {
	db, stop := s.read(ctx)
	defer stop()
	err = scan(ctx, db, func(scan func(...any) error) error {
		var covers int64
		n, err := scanNotice(func(dest ...any) error { return scan(dest[0], &covers) })
		if err == nil {
			all = append(all, n.told(covers))
		}
		return err
	}, `SELECT n.notice, c.failures FROM fault_notices AS n JOIN fault_covers AS c ON c.notice_key = n.key
		WHERE c.incident_id = $1 ORDER BY n.decided_at DESC, n.key DESC LIMIT $2`, id, maxTold)
	return all, err
}

func (n *noticeRow) told(covers int64) Told {
	return Told{Key: n.Key, Kind: n.Kind, State: n.State, At: n.At, SettledAt: n.Settled, Covers: covers}
}

func (s *sqlStore) find(ctx context.Context, from, to fault.ID, limit int) (all []failureID, err error) {
	db, stop := s.read(ctx)
	defer stop()
	err = scan(ctx, db, func(scan func(...any) error) error {
		var f failureID
		var at int64
		id, err := scanID(scan, &f.Incident, &at)
		f.ID, f.At = id, fromMicros(at)
		all = append(all, f)
		return err
	}, `SELECT failure_id, incident_id, failed_at FROM fault_failures WHERE failure_id >= $1 AND failure_id <= $2
		ORDER BY failed_at DESC LIMIT $3`, from[:], to[:], limit)
	return all, err
}

func (s *sqlStore) items(ctx context.Context, key string) ([]Item, error) {
	db, stop := s.read(ctx)
	defer stop()
	var items []Item
	err := scan(ctx, db, func(scan func(...any) error) error {
		var data []byte
		var it Item
		var id string
		if err := scan(&id, &it.Covers, &data); err != nil {
			return err
		}
		if data != nil {
			r, err := decodeRecord(data)
			if err != nil {
				return err
			}
			it.Incident = r.Incident
		}
		items = append(items, it)
		return nil
	}, `SELECT c.incident_id, c.failures, i.record FROM fault_covers AS c LEFT JOIN fault_incidents AS i ON i.id = c.incident_id
		WHERE c.notice_key = $1 ORDER BY c.failures DESC, c.incident_id`, key)
	return items, err
}

func (s *sqlStore) sums(ctx context.Context) (t Totals, err error) {
	db, stop := s.read(ctx)
	defer stop()
	sum := func(column string) string { return `CAST(coalesce(sum(` + column + `), 0) AS BIGINT)` }
	err = scan(ctx, db, func(scan func(...any) error) error {
		return scan(&t.Captured, &t.Mailed, &t.Grouped, &t.Muted, &t.GivenUp, &t.NotForMail)
	}, `SELECT `+sum("failures")+`, `+sum("mailed")+`, `+sum("grouped")+`, `+sum("muted")+`, `+sum("given_up")+`, `+sum("not_for_mail")+`
		FROM fault_incidents`)
	t.Waiting = t.Captured - t.Mailed - t.Grouped - t.Muted - t.GivenUp - t.NotForMail
	return t, err
}

func (s *sqlStore) next(ctx context.Context) (n next, err error) {
	db, stop := s.read(ctx)
	defer stop()
	var due, deferred, since, lease sql.NullInt64
	err = scan(ctx, db, func(scan func(...any) error) error { return scan(&due, &deferred, &since, &lease) },
		`SELECT (SELECT min(due_at) FROM fault_incidents WHERE due_at IS NOT NULL),
			(SELECT min(deferred) FROM fault_incidents WHERE since IS NOT NULL AND deferred <> 0),
			(SELECT min(since) FROM fault_incidents WHERE since IS NOT NULL AND deferred = 0),
			(SELECT min(lease_until) FROM fault_notices WHERE settled_at IS NULL AND state = 'pending')`)
	at := func(v sql.NullInt64) time.Time {
		if !v.Valid {
			return time.Time{}
		}
		return fromMicros(v.Int64)
	}
	return next{due: at(due), deferred: deferred.Int64, since: at(since), lease: at(lease)}, err
}

func (s *sqlStore) ping(ctx context.Context) error {
	db, stop := s.read(ctx)
	defer stop()
	return scan(ctx, db, func(scan func(...any) error) error { var one int; return scan(&one) }, `SELECT 1`)
}
