package kit

import (
	"bufio"
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite"

	"example.org/microblog/fault"
	"example.org/microblog/fault/incident"
	"example.org/microblog/fault/incident/incidenttest"
	"example.org/microblog/fault/journal"
)

// childConfig is what a child is told.
type childConfig struct {
	Dir     string
	Dialect string // "" for no database
	DSN     string
	Round   int
	Process int  // of those that run at the same time
	Outages bool // the database comes and goes
	Drain   bool // nothing fails any more; the child ends when everything is counted and settled
}

// connect returns a connector for the database.
func (c childConfig) connect() (driver.Connector, error) {
	if c.Dialect == "sqlite" {
		return sqlite.NewConnector(c.DSN)
	}
	config, err := pgx.ParseConfig(c.DSN)
	if err != nil {
		return nil, err
	}
	return stdlib.GetConnector(*config), nil
}

// child captures failures as fast as it can, counts them, and mails. It prints the user of each failure
// that is durable.
func child(text string) error {
	var c childConfig
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	var faults incidenttest.Faults
	o := incident.Options{
		Dir: filepath.Join(c.Dir, "state"), Dialect: c.Dialect, Mail: true, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		Policy:    incident.Policy{WithoutSQL: 30 * time.Millisecond, LeastInterval: 50 * time.Millisecond, PerHour: 1 << 20},
		Retention: incident.Retention{Users: 1 << 30, IDs: 1 << 30},
	}
	if c.Dialect != "" {
		connector, err := c.connect()
		if err != nil {
			return err
		}
		o.DB = sql.OpenDB(faults.Connector(connector))
		defer o.DB.Close()
		if c.Dialect == "sqlite" {
			o.DB.SetMaxOpenConns(1)
		}
	}
	j, err := journal.Open(journal.Options{Dir: filepath.Join(c.Dir, "journal"), SegmentBytes: 64 << 10})
	if err != nil {
		return err
	}
	defer j.Close()
	o.Source = j
	b, err := incident.Open(o)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	wg.Go(func() { _ = b.Run(ctx) })
	if c.Outages && !c.Drain {
		go comeAndGo(&faults)
	}
	m := &mailer{b: b, dir: filepath.Join(c.Dir, "sent")}
	if err := os.MkdirAll(m.dir, 0o700); err != nil {
		return err
	}
	if c.Drain {
		return m.drain(ctx, filepath.Join(c.Dir, "journal"))
	}
	wg.Go(func() {
		for ctx.Err() == nil {
			_, _ = m.mail(ctx)
			time.Sleep(time.Millisecond)
		}
	})
	out := bufio.NewWriter(os.Stdout)
	var mu sync.Mutex
	for worker := range 4 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				user := fmt.Sprintf("round%d.%d.%d.%d", c.Round, c.Process, worker, i)
				f := incidenttest.Failure(time.Now(), fmt.Sprintf("place%c", 'a'+i%3), "it failed", 10, incidenttest.ByUser(user))
				if i%50 == 49 {
					// And new ones all the time.
					f.Stack[0].Function = fmt.Sprintf("example.org/app/web.round%cworker%c", 'a'+c.Round, 'a'+worker)
				}
				if j.Record(ctx, f).Durable {
					mu.Lock()
					fmt.Fprintln(out, user)
					_ = out.Flush()
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return nil
}

// comeAndGo lets the database come and go, and lose its answers.
func comeAndGo(faults *incidenttest.Faults) {
	for {
		faults.Up()
		time.Sleep(mathrand.N(60 * time.Millisecond))
		n := mathrand.IntN(20)
		faults.Set(func(call string) incidenttest.Outcome {
			n--
			switch {
			case n > 0:
				return incidenttest.Works
			case call == "COMMIT" && n == 0:
				return incidenttest.Loses
			}
			return incidenttest.Closes
		})
		time.Sleep(mathrand.N(100 * time.Millisecond))
	}
}

// mailer stands for the outbox: it delivers what is put there under a new key. Each mail is a file in
// dir, with the key as its name.
type mailer struct {
	b   *incident.Book
	dir string
}

// mail claims notices, sends them, and says so. It returns how many.
func (m *mailer) mail(ctx context.Context) (claimed int, err error) {
	notices, err := m.b.Claim(ctx, 10)
	if err != nil {
		return 0, err
	}
	for _, n := range notices {
		if err := m.put(n); err != nil {
			return 0, err
		}
	}
	var errs []error
	for _, n := range notices {
		errs = append(errs, m.b.Queued(ctx, n.Key))
	}
	sent, err := m.sent()
	for _, key := range sent {
		errs = append(errs, m.b.Settle(ctx, key, true))
	}
	return len(notices), errors.Join(append(errs, err)...)
}

// put sends a mail, unless one was sent under that key. It is there after a kill of the process.
func (m *mailer) put(n incident.Notice) error {
	temporary := filepath.Join(m.dir, "."+rand.Text())
	if err := os.WriteFile(temporary, []byte(string(n.Kind)+" "+n.IncidentID), 0o600); err != nil {
		return err
	}
	err := os.Link(temporary, filepath.Join(m.dir, n.Key))
	if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	return errors.Join(err, os.Remove(temporary))
}

// sent returns the keys of the mails.
func (m *mailer) sent() (keys []string, err error) {
	entries, err := os.ReadDir(m.dir)
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			keys = append(keys, e.Name())
		}
	}
	return keys, err
}

// drain works until everything is counted and settled.
func (m *mailer) drain(ctx context.Context, dir string) error {
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		// First what is waiting, in the streams of all processes, and then the mails that come of it.
		st := m.b.Status()
		captured, err := journal.Inspect(dir)
		if err != nil {
			return err
		}
		claimed, err := m.mail(ctx)
		if err == nil && claimed == 0 && captured.Waiting == 0 && !st.Degraded && !st.Unreconciled {
			return m.report(ctx)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return fmt.Errorf("not within a minute: %+v", m.b.Status())
}

// childReport is what the books say in the end.
type childReport struct {
	Totals    incident.Totals
	Incidents []incident.Incident
	Users     map[string]int64
	Minutes   int64
}

func (m *mailer) report(ctx context.Context) error {
	r := childReport{Users: map[string]int64{}}
	var err error
	if r.Totals, err = m.b.Totals(ctx); err != nil {
		return err
	}
	page, err := m.b.List(ctx, incident.Query{Limit: 200})
	if err != nil {
		return err
	}
	r.Incidents = page.Items
	for _, inc := range page.Items {
		users, err := m.b.Users(ctx, inc.ID)
		if err != nil {
			return err
		}
		for _, u := range users {
			r.Users[u.Name] += u.Count
		}
		minutes, err := m.b.History(ctx, inc.ID, time.Now().Add(-time.Hour), time.Now().Add(time.Minute), time.Minute)
		if err != nil {
			return err
		}
		for _, n := range minutes {
			r.Minutes += n
		}
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

var _ fault.Recorder = (*journal.Journal)(nil)
