package cli

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"example.org/microblog/internal/app"
)

// sqliteName is the data source name of a file; https://www.sqlite.org/uri.html. A lock is waited
// for as briefly as a person would.
func sqliteName(path, mode string) string {
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // C:/… on Windows
	}
	u := url.URL{Scheme: "file", Path: slashed, RawQuery: url.Values{
		"mode": {mode}, "_txlock": {"immediate"}, "_error_rc": {"1"}, "_pragma": {"busy_timeout(3000)"},
	}.Encode()}
	return u.String()
}

// sqlite looks at an SQLite database.
func (d *doctor) sqlite(ctx context.Context) {
	path := d.cfg.Database.Path
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.database.none = true
		d.okf("There is no database at %s yet; the next start makes it.", path)
		return
	case err != nil:
		d.add(wrong, fmt.Sprintf("The database %s cannot be looked at: %v.", path, cause(err)), "Correct the setting DATA_DIR or DATABASE_URL, or the rights on the directories above it.")
		return
	case !info.Mode().IsRegular():
		d.add(wrong, fmt.Sprintf("The database %s is no file.", path), "Correct the setting DATABASE_URL, or move away what is there.")
		return
	}
	mode := "rw"
	if err := mayWrite(path); err != nil {
		d.add(wrong, fmt.Sprintf("The database %s cannot be written to: %v.", path, cause(err)), "Give the file, and those beside it that begin with its name, to the user that runs Microblog.")
		mode = "ro"
	} else if err := mayWrite(filepath.Dir(path)); err != nil {
		d.add(wrong, fmt.Sprintf("No files can be made beside the database %s, as SQLite must: %v.", path, cause(err)), "Give the directory to the user that runs Microblog.")
		mode = "ro"
	}
	if info.Mode().Perm()&0o007 != 0 && os.PathSeparator == '/' {
		d.add(warning, fmt.Sprintf("Everybody on this machine can read the database %s, with the addresses and password hashes in it.", path), "chmod 600 "+path+" keeps it private.")
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		d.add(wrong, fmt.Sprintf("Where the database %s is cannot be told: %v.", path, err), "")
		return
	}
	db, err := sqliteFile(abs, mode)
	if err != nil {
		d.add(wrong, fmt.Sprintf("The database %s cannot be opened: %s.", path, d.errText(err)), "")
		return
	}
	db.SetMaxOpenConns(1)
	healthy := d.sqliteChecks(ctx, db, path, info, mode)
	_ = db.Close() // nothing was written
	if !healthy {
		return
	}
	opening, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	st, err := app.OpenStore(opening, d.cfg)
	if err != nil {
		d.add(wrong, "The database cannot be used: "+d.errText(err)+".", "")
		return
	}
	d.database.store = st
	d.schema(ctx)
}

// sqliteChecks tells how the file is. It reports whether the store can be opened on it without
// changing anything.
func (d *doctor) sqliteChecks(ctx context.Context, db *sql.DB, path string, info fs.FileInfo, mode string) (healthy bool) {
	var journal string
	if err := db.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&journal); err != nil {
		d.sqliteTrouble("open", path, err)
		return false
	}
	walText := ""
	if wal, err := os.Stat(path + "-wal"); err == nil && wal.Size() > 0 {
		walText = fmt.Sprintf(", and %s in the file beside it, %s-wal, which belongs to it", size(uint64(wal.Size())), filepath.Base(path))
	}
	d.note(finding{Level: fine, Step: "open", Text: fmt.Sprintf("SQLite opens %s: %s%s.", path, size(uint64(info.Size())), walText)})

	sound := d.quickCheck(ctx, db)
	if mode == "rw" {
		// The write lock is all that is taken: nothing is written, and it is given back.
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			d.sqliteTrouble("write", path, err)
			return false
		}
		_ = tx.Rollback() // there is nothing to take back
		d.note(finding{Level: fine, Step: "write", Text: "It can be written to, and nobody keeps it locked."})
	}
	var ours int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master WHERE name = 'schema_migrations'").Scan(&ours); err != nil {
		d.sqliteTrouble("schema", path, err)
		return false
	}
	if ours > 0 { // A start that failed may have left no more than that table.
		if err := db.QueryRowContext(ctx, "SELECT count(*) FROM schema_migrations WHERE version_id > 0").Scan(&ours); err != nil {
			d.sqliteTrouble("schema", path, err)
			return false
		}
	}
	if ours == 0 {
		d.database.none = true
		d.foreign(ctx, db, path)
		return false
	}
	if journal != "wal" {
		d.note(finding{Level: warning, Step: "schema", Text: "The schema and the incidents are not looked at, because the file is not in WAL mode, as after restoring a backup.",
			Advice: "The next start switches it back; then microblog doctor tells more."})
		return false
	}
	return sound && mode == "rw"
}

// ourNames are what the first migration makes, as far as another program may have something of the same name.
var ourNames = []string{
	"users", "former_usernames", "former_usernames_user", "posts", "posts_author", "posts_once", "follows", "follows_following",
	"follows_followers", "sessions", "sessions_user", "sessions_expiry", "throttles", "throttles_expiry", "settings",
}

// foreign tells of what another program has made in a database that has nothing of Microblog's.
func (d *doctor) foreign(ctx context.Context, db *sql.DB, path string) {
	names, err := column(ctx, db, "SELECT lower(name) FROM sqlite_master WHERE type IN ('table', 'index', 'view') ORDER BY name")
	if err != nil {
		d.sqliteTrouble("schema", path, err)
		return
	}
	tables, err := column(ctx, db, "SELECT name FROM sqlite_master WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_' AND name <> 'schema_migrations'")
	if err != nil {
		d.sqliteTrouble("schema", path, err)
		return
	}
	taken := slices.DeleteFunc(names, func(name string) bool { return !slices.Contains(ourNames, name) })
	const advice = "name a file of Microblog's own with the setting DATABASE_URL, such as DATABASE_URL=sqlite:data/microblog.db."
	switch {
	case len(taken) > 0:
		d.note(finding{Level: wrong, Step: "schema", Text: fmt.Sprintf("The database %s seems to be another program's: it has what Microblog would make there, without the record that Microblog made it: %s. The next start fails.", path, strings.Join(taken, ", ")),
			Advice: "Leave that program its database and " + advice})
	case len(tables) > 0:
		d.note(finding{Level: warning, Step: "schema", Text: fmt.Sprintf("The database has %s of another program; the next start adds those of Microblog.", several(int64(len(tables)), "table")),
			Advice: "If that is not meant, " + advice})
	default:
		d.note(finding{Level: fine, Step: "schema", Text: "The database is empty; the next start makes its tables."})
	}
}

// quickCheck looks for damage; https://www.sqlite.org/pragma.html#pragma_quick_check. It reports
// whether there is none that is known of.
func (d *doctor) quickCheck(ctx context.Context, db *sql.DB) bool {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	began := time.Now()
	found, err := column(ctx, db, fmt.Sprintf("PRAGMA quick_check(%d)", longestUnread))
	took := time.Since(began).Milliseconds()
	const remedy = "Stop Microblog, keep a copy of the file and of those beside it, and restore a backup; without one, sqlite3 FILE .recover saves what can be read."
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(ctx.Err(), context.DeadlineExceeded):
		d.note(finding{Level: warning, Step: "integrity", TookMS: took, Text: fmt.Sprintf("The check was not finished within %s; no damage was found so far.", checkTimeout)})
		return true
	case err != nil && sqliteCode(err) == sqliteCorrupt:
		d.note(finding{Level: wrong, Step: "integrity", TookMS: took, Text: "The file is damaged: " + d.errText(err) + ".", Advice: remedy})
		return false
	case err != nil:
		d.note(finding{Level: wrong, Step: "integrity", TookMS: took, Text: "The file cannot be checked: " + d.errText(err) + ".", Advice: ""})
		return false
	case len(found) == 1 && found[0] == "ok":
		d.note(finding{Level: fine, Step: "integrity", TookMS: took, Text: "No damage was found."})
		return true
	}
	d.note(finding{Level: wrong, Step: "integrity", TookMS: took, Text: "The file is damaged: " + d.words(strings.Join(found, "; ")) + ".", Advice: remedy})
	return false
}

// column returns the first column of what a query finds.
func column(ctx context.Context, db *sql.DB, query string) (texts []string, err error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return texts, err
		}
		texts = append(texts, text)
	}
	return texts, rows.Err()
}

// sqliteTrouble says in plain language what keeps SQLite from a file.
func (d *doctor) sqliteTrouble(step, path string, err error) {
	f := finding{Level: wrong, Step: step}
	switch sqliteCode(err) {
	case sqliteNotADB:
		f.Text, f.Advice = path+" is not an SQLite database.", "Correct the setting DATABASE_URL, or restore a backup."
	case sqliteCorrupt:
		f.Text, f.Advice = path+" is damaged.", "Stop Microblog, keep a copy of the file and of those beside it, and restore a backup."
	case sqliteBusy:
		f.Text, f.Advice = "Another program keeps "+path+" locked: three seconds were not enough.", "Look for a backup, a shell of sqlite3 or a Microblog that hangs, and end it."
	case sqliteReadOnly, sqliteCantOpen:
		f.Text, f.Advice = path+" cannot be written to.", "Give the file, its directory, and those beside it that begin with its name, to the user that runs Microblog."
	case sqliteFull:
		f.Text, f.Advice = "There is no room for "+path+".", "Free some space on its disk."
	default:
		f.Text = path + " cannot be used."
	}
	if code := sqliteCode(err); code == 0 {
		f.Text = fmt.Sprintf("%s cannot be used: %s.", path, d.errText(err))
	}
	d.note(f)
}
