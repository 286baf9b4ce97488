package cli

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"example.org/microblog/internal/app"
	"example.org/microblog/internal/config"
	"example.org/microblog/internal/store"
)

const (
	openTimeout   = 10 * time.Second
	checkTimeout  = 60 * time.Second // of the integrity check, which reads the whole file
	longestUnread = 5                // findings of the integrity check that are shown
)

// databaseState is what the check of the database leaves to later ones.
type databaseState struct {
	store   *store.Store  // nil: it cannot be asked
	none    bool          // there is nothing of ours in it yet
	ahead   time.Duration // the database's clock before this machine's; of PostgreSQL only
	clocked bool
}

func (s *databaseState) close() {
	if s.store != nil {
		_ = s.store.Close() // nothing was written
	}
}

// look opens the database and checks it, as far as that changes nothing.
func (d *doctor) look(ctx context.Context) {
	if d.cfg.Database.Kind == config.SQLite {
		d.sqlite(ctx)
		return
	}
	d.postgres(ctx)
}

// schema tells whether the schema is that of this program.
func (d *doctor) schema(ctx context.Context) {
	all, err := d.database.store.MigrationStatus(ctx)
	if err != nil {
		d.add(wrong, "The version of the schema cannot be read: "+d.errText(err)+".", "")
		return
	}
	var pending, newer int
	for _, m := range all {
		switch {
		case m.Name == "":
			newer++
		case m.AppliedAt.IsZero():
			pending++
		}
	}
	switch {
	case newer > 0:
		d.add(wrong, "The database was last changed by a newer Microblog, which this one cannot follow.",
			"Start the newer program, or restore a backup from before it.")
	case pending == len(all):
		d.database.none = true
		d.okf("The database is empty; the next start makes its tables.")
	case pending > 0:
		d.add(warning, fmt.Sprintf("The schema is not up to date: %d of %d migrations are pending.", pending, len(all)),
			"The next start applies them, or microblog migrate does.")
	default:
		d.okf("The schema is up to date, at version %d.", all[len(all)-1].Version)
	}
}

// postgres looks at a PostgreSQL database.
func (d *doctor) postgres(ctx context.Context) {
	opening, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	began := time.Now()
	st, err := app.OpenStore(opening, d.cfg)
	if err != nil {
		d.note(finding{Level: wrong, Step: "connect", Text: "The database cannot be used: " + d.errText(err) + ".", Advice: postgresAdvice(err)})
		return
	}
	d.database.store = st
	db := st.Writer()
	var (
		name, version            string
		bytes                    uint64
		readOnly, mayUse, mayAdd bool
		now                      time.Time
		waiting                  int
	)
	before := d.now()
	err = db.QueryRowContext(opening, `SELECT current_database(), current_setting('server_version'), pg_database_size(current_database()),
		pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on',
		has_schema_privilege(current_schema(), 'USAGE'), has_schema_privilege(current_schema(), 'CREATE'), clock_timestamp(),
		(SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')`).
		Scan(&name, &version, &bytes, &readOnly, &mayUse, &mayAdd, &now, &waiting)
	if err != nil {
		d.note(finding{Level: wrong, Step: "connect", Text: "The database does not answer as it should: " + d.errText(err) + ".", Advice: postgresAdvice(err)})
		return
	}
	after := d.now()
	d.database.ahead, d.database.clocked = now.Sub(before.Add(after.Sub(before)/2)), true
	d.note(finding{Level: fine, Step: "connect", TookMS: time.Since(began).Milliseconds(),
		Text: fmt.Sprintf("PostgreSQL %s answers; the database %q holds %s.", version, name, size(bytes))})
	switch {
	case readOnly:
		d.note(finding{Level: wrong, Step: "write", Text: "The database can only be read.", Advice: "DATABASE_URL names a standby or a database set to read only; name the primary server."})
	case !mayUse || !mayAdd:
		d.note(finding{Level: warning, Step: "write", Text: "This user may make no tables in the schema.", Advice: "The next start with new migrations would fail; an administrator of the database helps with: GRANT USAGE, CREATE ON SCHEMA public TO the user of DATABASE_URL."})
	default:
		d.note(finding{Level: fine, Step: "write", Text: "It can be written to."})
	}
	if waiting > 0 {
		d.note(finding{Level: warning, Step: "locks", Text: fmt.Sprintf("%d statements wait for a lock at this moment.", waiting),
			Advice: "If that stays so, pg_stat_activity shows which session keeps the lock."})
	} else {
		d.note(finding{Level: fine, Step: "locks", Text: "Nobody waits for a lock."})
	}
	d.schema(ctx)
}

// postgresAdvice says what to change when PostgreSQL cannot be reached or refuses. Errors are told
// apart by their codes: PostgreSQL's manual, appendix A.
func postgresAdvice(err error) string {
	var (
		state interface{ SQLState() string }
		dns   *net.DNSError
		op    *net.OpError
	)
	switch {
	case errors.As(err, &state):
		switch code := state.SQLState(); {
		case code == "28P01" || code == "28000":
			return "User or password of DATABASE_URL are refused. Check both; special characters are percent-encoded there, @ as %40."
		case code == "3D000":
			return "Make the database with createdb, or correct its name in DATABASE_URL."
		case code == "53300":
			return "The server has no connections left: raise its max_connections, or add ?pool_max_conns=5 to DATABASE_URL."
		case code[:min(2, len(code))] == "57":
			return "The server is starting or stopping; try again in a moment."
		case code == "42501":
			return "The user of DATABASE_URL lacks a privilege; an administrator of the database can grant it."
		}
	case errors.As(err, &dns):
		return "The host in DATABASE_URL is not known. Check how it is written."
	case errors.Is(err, syscall.ECONNREFUSED):
		return "No server listens there: start PostgreSQL, or correct host and port in DATABASE_URL (5432 is usual)."
	case errors.Is(err, context.DeadlineExceeded) || errors.As(err, &op) && op.Timeout():
		return "The server does not answer. Check host and port in DATABASE_URL, and the firewalls between."
	}
	return "Check DATABASE_URL."
}

// sqliteFile opens a file for what changes nothing in it. mode is "ro" or "rw", which makes no file
// either. The driver is the one that the store has registered.
func sqliteFile(path, mode string) (*sql.DB, error) {
	return sql.Open("sqlite", sqliteName(path, mode))
}

// sqliteCode is SQLite's primary result code of an error, 0 for another error; https://www.sqlite.org/rescode.html.
func sqliteCode(err error) int {
	var coded interface{ Code() int }
	if !errors.As(err, &coded) {
		return 0
	}
	return coded.Code() & 0xff
}

// The result codes of SQLite that are told apart.
const (
	sqliteBusy     = 5
	sqliteReadOnly = 8
	sqliteCorrupt  = 11
	sqliteFull     = 13
	sqliteCantOpen = 14
	sqliteNotADB   = 26
)

// sentence ends a text with a full stop, unless it has an end already.
func sentence(s string) string {
	s = strings.TrimSpace(s)
	if s == "" || strings.HasSuffix(s, ".") || strings.HasSuffix(s, "!") || strings.HasSuffix(s, "?") {
		return s
	}
	return s + "."
}
