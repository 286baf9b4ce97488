package explain

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"example.org/microblog/fault/trace"
)

// The types of the errors of the usual drivers.
var (
	sqliteTypes   = []string{"*sqlite.Error", "sqlite3.Error", "*sqlite3.Error", "sqlite.Error"}
	postgresTypes = []string{"*pgconn.PgError", "*pq.Error", "pgdriver.Error"}
	mysqlTypes    = []string{"*mysql.MySQLError"}
)

// databaseRules are about database/sql, SQLite, PostgreSQL and MySQL.
func databaseRules() []*rule {
	unique := []string{
		"If it may happen, such as for a name that is taken, recognise it by the driver's code and tell people (409); asking before is not enough, because two may come at once.",
		"If the row is to be replaced or left, write that: `INSERT … ON CONFLICT (…) DO UPDATE SET …` or `DO NOTHING`.",
	}
	foreign := []string{"Insert the row that is referred to first, or delete those that refer to it first, in one transaction.", "If they are to go together, say ON DELETE CASCADE in the schema."}
	missing := []string{"Run the migrations on this database.", "Look at which database the application is connected to."}
	all := []*rule{{
		topic: "unique", types: sqliteTypes, text: `(?:UNIQUE|PRIMARY KEY) constraint failed: ([\w., ]+?)(?: \(\d+\))?$`,
		title: "There is a row with this `$1` already", say: "The table allows each value of `$1` once only.", try: unique, more: (*subject).statement,
	}, {
		topic: "unique", types: postgresTypes, text: `duplicate key value violates unique constraint "([^"]*)"|\(SQLSTATE 23505\)`,
		title: "There is such a row already", say: "The constraint `$1` allows each value once only.", try: unique, more: (*subject).statement,
	}, {
		topic: "unique", types: mysqlTypes, text: `Error 1062.*Duplicate entry '(.*)' for key '([^']*)'`,
		title: "There is a row with `$1` already", say: "The key `$2` allows each value once only.", try: unique, more: (*subject).statement,
	}, {
		topic: "foreign key", types: sqliteTypes, text: `FOREIGN KEY constraint failed`,
		title: "A row refers to one that is not there", say: "Either the row that is referred to does not exist, or a row was deleted that others still refer to.", try: foreign, more: (*subject).statement,
	}, {
		topic: "foreign key", types: postgresTypes, text: `on table "([^"]*)" violates foreign key constraint "([^"]*)"(?: on table "([^"]*)")?`,
		title: "A row refers to one that is not there", say: "The foreign key `$2` of `$1` does not hold: either the row that is referred to does not exist, or a row was deleted that others still refer to.", try: foreign, more: (*subject).statement,
	}, {
		topic: "foreign key", types: mysqlTypes, text: `Error 145[12]\b`,
		title: "A row refers to one that is not there", say: "Either the row that is referred to does not exist, or a row was deleted that others still refer to.", try: foreign, more: (*subject).statement,
	}, {
		topic: "not null", types: sqliteTypes, text: `NOT NULL constraint failed: ([\w.]+)`,
		title: "`$1` must not be NULL", say: "The statement gave the column `$1` no value, or NULL.", try: []string{"Give it a value, or a default in the schema."}, more: (*subject).statement,
	}, {
		topic: "not null", types: postgresTypes, text: `null value in column "([^"]*)"(?: of relation "([^"]*)")? violates not-null constraint`,
		title: "`$1` must not be NULL", say: "The statement gave the column `$1` no value, or NULL.", try: []string{"Give it a value, or a default in the schema."}, more: (*subject).statement,
	}, {
		topic: "check", types: append(sqliteTypes[:len(sqliteTypes):len(sqliteTypes)], postgresTypes...), text: `CHECK constraint failed: ([^(]+?)(?: \(\d+\))?$|violates check constraint "([^"]*)"`,
		title: "The check `$1$2` does not hold", say: "The row is not what the constraint `$1$2` of the table allows.", try: []string{"Check the values before, and tell people what is wrong with them."}, more: (*subject).statement,
	}, {
		topic: "no table", types: sqliteTypes, text: `no such table: (\S+)`,
		title: "There is no table `$1`", say: "The database that the application has opened has no table `$1`.", more: (*subject).statement,
		try: append([]string{"With `:memory:` each connection has a database of its own: use `file::memory:?cache=shared`, or one connection.", "A file that was not there was made, empty: is the path right?"}, missing...),
	}, {
		topic: "no table", types: postgresTypes, text: `(?:^|: )relation "([^"]*)" does not exist`,
		title: "There is no table `$1`", say: "No schema of the search_path has a table `$1`.", try: missing, more: (*subject).statement,
	}, {
		topic: "no column", types: sqliteTypes, text: `no such column: (\S+)|table (\S+) has no column named (\S+)`,
		title: "There is no column `$1$3`", say: "The statement names the column `$1$3`, which its tables do not have.", more: (*subject).statement,
		try: append([]string{"Texts stand in single quotes: \"x\" in double quotes is a column."}, missing...),
	}, {
		topic: "no column", types: postgresTypes, text: `column "?([^" ]*)"?(?: of relation "([^"]*)")? does not exist`,
		title: "There is no column `$1`", say: "The statement names the column `$1`, which its tables do not have.", more: (*subject).statement,
		try: append([]string{"Texts stand in single quotes: \"x\" in double quotes is a column."}, missing...),
	}, {
		topic: "sql syntax", types: sqliteTypes, text: `near "([^"]*)": syntax error|incomplete input`,
		title: "The statement cannot be parsed", say: "SQLite stumbled over `$1`.", more: (*subject).statement,
		try: []string{"Look at what is just before that: a comma, a bracket, a word that is reserved."},
	}, {
		topic: "sql syntax", types: append(postgresTypes[:len(postgresTypes):len(postgresTypes)], mysqlTypes...), text: `syntax error at (?:or near "([^"]*)"|end of input)|You have an error in your SQL syntax.*near '([^']*)'`,
		title: "The statement cannot be parsed", say: "The database stumbled over `$1$2`.", more: (*subject).statement,
		try: []string{"Look at what is just before that: a comma, a bracket, a word that is reserved.", "PostgreSQL's placeholders are $$1, $$2; those of SQLite and MySQL are ?."},
	}, {
		topic: "locked", types: sqliteTypes, text: `database (?:table )?is locked|SQLITE_BUSY`,
		title: "The database was locked", say: "Another connection was writing, and SQLite lets one write at a time.", more: (*subject).statement,
		try: []string{"Set a busy timeout and the write-ahead log: `PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL`.", "Begin transactions that write with `BEGIN IMMEDIATE`, and close rows before the next statement."},
	}, {
		topic: "read only", types: sqliteTypes, text: `attempt to write a readonly database|unable to open database file`,
		title: "The database cannot be written or opened", say: "The file or its directory does not let this user write, or does not exist: SQLite needs to make files beside it.",
		try: []string{"Look at the path and at the owner of the file and of its directory."},
	}, {
		topic: "serialization", types: postgresTypes, text: `could not serialize access|deadlock detected`,
		title: "Two transactions got in each other's way", say: "PostgreSQL ended one of them; that is normal under load.", more: (*subject).statement,
		try: []string{"Run the whole transaction again, some times.", "Lock rows in the same order everywhere."},
	}, {
		topic: "aborted", types: postgresTypes, text: `current transaction is aborted`,
		title: "An earlier statement of the transaction failed", say: "PostgreSQL takes nothing more in a transaction in which a statement has failed.",
		try: []string{"Look for the statement before whose error was not looked at; roll back after it, or use a SAVEPOINT."}, more: (*subject).failedBefore,
	}, {
		topic: "connections", types: postgresTypes, text: `too many (?:clients already|connections)|remaining connection slots are reserved`,
		title: "The database has no connection left", say: "All its connections are taken.",
		try: []string{"Bound the pool: `db.SetMaxOpenConns`, over all processes less than the server's max_connections.", "Open the pool once, not for each request, and close rows."},
	}, {
		topic: "login", types: postgresTypes, text: `password authentication failed for user "([^"]*)"|role "([^"]*)" does not exist`,
		title: "The database does not let this user in", say: "The user name or the password is not what the server knows.", try: []string{"Compare the address in the configuration with what `psql` takes."},
	}, {
		topic: "login", types: postgresTypes, text: `no pg_hba.conf entry for (.+?)(?: \(SQLSTATE|$)`,
		title: "The database does not let this user in", say: "Its pg_hba.conf has no line for $1.", try: []string{"Add one, and reload: `SELECT pg_reload_conf()`.", "`no encryption` at the end means that it may want TLS: `sslmode=require`."},
	}, {
		topic: "no database", types: postgresTypes, text: `database "([^"]*)" does not exist`,
		title: "There is no database `$1`", say: "The server is there but has no database `$1`.", try: []string{"Create it: `createdb $1`."},
	}, {
		topic: "statement timeout", types: postgresTypes, text: `canceling statement due to user request`,
		title: "The statement was cancelled", say: "The application told PostgreSQL to stop it, most often because the context ended that it was run with, such as the request's.", more: (*subject).slowest,
		try: []string{"Look at which deadline the context has, and whether the client has gone away."},
	}, {
		topic: "statement timeout", types: postgresTypes, text: `canceling statement due to lock timeout`,
		title: "The statement waited too long for a lock", say: "Another transaction holds what it needs, for longer than lock_timeout allows.", more: (*subject).slowest,
		try: []string{"Look for who holds it: `SELECT * FROM pg_locks JOIN pg_stat_activity USING (pid)`.", "Keep transactions short, and lock rows in the same order everywhere."},
	}, {
		topic: "statement timeout", types: postgresTypes, text: `canceling statement due to (statement timeout)`,
		title: "The statement took too long", say: "PostgreSQL cancelled it: $1.", more: (*subject).slowest, try: []string{"Look at its plan: `EXPLAIN (ANALYZE, BUFFERS)`; often an index is missing."},
	}, {
		topic: "too long", types: postgresTypes, text: `value too long for type (.+?)(?: \(SQLSTATE|$)`,
		title: "A text is too long for its column", say: "The column is `$1`.", try: []string{"Check the length before, and tell people; or make the column `text`."}, more: (*subject).statement,
	}, {
		topic: "sql value", types: postgresTypes, text: `invalid input (?:syntax|value) for (?:type|enum) ([\w ]+): "([^"]*)"`,
		title: "`$2` is no $1", say: "A value of the statement cannot be read as $1.", try: []string{"Parse it in Go before, and answer 400 if it is none."}, more: (*subject).statement,
	}, {
		topic: "utf-8", types: postgresTypes, text: `invalid byte sequence for encoding "UTF8"`,
		title: "A text is not UTF-8, or has a zero byte", say: "PostgreSQL takes text only as valid UTF-8 and without zero bytes.",
		try: []string{"Refuse it: `utf8.ValidString(s) && !strings.ContainsRune(s, 0)`, or mend it with strings.ToValidUTF8.", "Store bytes that are no text in a column of the type bytea."},
	}, {
		topic: "scan null", wraps: true, text: `Scan error on column index (\d+), name "([^"]*)": (?:converting NULL to (\S+) is unsupported|.*\bNULL\b.*)`,
		title: "The column `$2` is NULL", say: "The row has NULL in the column `$2`, and what it is scanned into cannot hold that.",
		try: []string{"Scan into a pointer or into `sql.Null[T]`.", "If it must never be NULL, say NOT NULL in the schema; or write `coalesce($2, …)`."}, more: (*subject).statement,
	}, {
		topic: "scan null", types: []string{"pgx.ScanArgError"}, text: `can't scan into dest\[(\d+)\](?: \(col: ([^)]+)\))?: cannot scan NULL into (\S+)`,
		title: "The column `$2` is NULL", say: "The row has NULL in the column of index $1, and `$3` cannot hold that.",
		try: []string{"Scan into a pointer or into `sql.Null[T]`.", "If it must never be NULL, say NOT NULL in the schema; or write `coalesce($2, …)`."}, more: (*subject).statement,
	}, {
		topic: "scan", wraps: true, text: `Scan error on column index (\d+), name "([^"]*)": unsupported Scan, storing driver\.Value type (\S+) into type \*time\.Time`,
		title: "The time in `$2` came as `$3`", say: "Column number $1, counted from 0, is scanned into a time.Time, and the driver gives a `$3`.",
		try: []string{"MySQL's driver gives times with `parseTime=true` in its address.", "SQLite has no type for times: the driver makes some of columns that are declared as DATETIME or TIMESTAMP; or scan a text, and parse it."}, more: (*subject).statement,
	}, {
		topic: "scan", wraps: true, text: `Scan error on column index (\d+), name "([^"]*)": (.+)$`,
		title: "The column `$2` does not fit its variable", say: "Column number $1, counted from 0, cannot be put into what it is scanned into: $3.",
		try: []string{"Compare the order of the columns with that of the variables.", "Name the columns in place of `SELECT *`, whose order changes with the schema."}, more: (*subject).statement,
	}, {
		topic: "scan count", text: `sql: expected (\d+) destination arguments in Scan, not (\d+)`,
		title: "Scan got $2 variables for $1 columns", say: "The query returns $1 columns, and Scan was called with $2 variables.",
		try: []string{"Name the columns in the query, and give Scan one pointer for each."}, more: (*subject).statement,
	}, {
		topic: "argument count", text: `sql: expected (\d+) arguments, got (\d+)|expected (\d+) arguments, got (\d+)|missing argument with index (\d+)|bind message supplies (\d+) parameters, but prepared statement "[^"]*" requires (\d+)|mismatched param and argument count`,
		title: "The statement was given the wrong number of arguments", say: "It has more or fewer placeholders than arguments came with it.",
		try: []string{"Count the placeholders; a slice is passed as `args...`."}, more: (*subject).argumentCount,
	}, {
		topic: "no rows", text: `\bno rows in result set`,
		title: "There is no such row", say: "The query found nothing, which QueryRow tells as an error.",
		try: []string{"If that can happen, handle it: `errors.Is(err, sql.ErrNoRows)`, most often as 404."}, more: (*subject).noRows,
	}, {
		topic: "scan before next", text: `sql: Scan called without calling Next`,
		title: "Scan was called before Next", say: "The rows stand before the first one until Next is called.",
		try: []string{"`for rows.Next() { rows.Scan(…) }`, and `rows.Err()` behind it; for a single row there is QueryRow."},
	}, {
		topic: "sql argument", wraps: true, text: `sql: converting argument \$?(\S+) type: (.+)$`,
		title: "An argument of the statement cannot be sent", say: "The argument `$1` does not fit: $2.", more: (*subject).statement,
		try: []string{"A struct, a map or a slice has no form in SQL: pass its fields, or give its type a `Value` method (driver.Valuer).", "For a list write one placeholder for each, or use ANY with PostgreSQL."},
	}, {
		topic: "connection done", text: `sql: connection is already closed`,
		title: "The connection was given back already", say: "A *sql.Conn was used after Close, or its statement after that.",
		try: []string{"Close it when all is done, by defer."},
	}, {
		topic: "tx done", text: `sql: transaction has already been committed or rolled back`,
		title: "The transaction is over", say: "It was committed or rolled back before, perhaps because its context ended.",
		try: []string{"With `defer tx.Rollback()` this error of Rollback after Commit means nothing.", "A transaction of BeginTx ends with its context: is the request over?"},
	}, {
		topic: "db closed", text: `sql: database is closed|sql: statement is closed|sql: Rows are closed|closed pool`,
		title: "It was closed already", say: "The database, the statement or the rows were used after Close.",
		try: []string{"Open the database once, in main, and close it last.", "Rows close themselves after the last Next: read what is needed in the loop."},
	}, {
		topic: "driver", text: `sql: unknown driver "([^"]*)"`,
		title: "The driver `$1` is not linked in", say: "No package has registered a driver of this name.",
		try: []string{"Import it for its init: `import _ \"modernc.org/sqlite\"`, and use the name under which it registers (`sqlite`, `sqlite3`, `pgx`, `postgres`, `mysql`)."},
	}, {
		topic: "bad connection", text: `driver: bad connection|server closed the connection unexpectedly|terminating connection due to|conn closed`,
		title: "The connection to the database broke", say: "The server ended it: it restarted, or something between closes idle connections.",
		try: []string{"`db.SetConnMaxIdleTime` and `db.SetConnMaxLifetime` drop connections before others do.", "Look at the log of the database."},
	}}
	return all
}

// statement tells which statement failed.
func (s *subject) statement(_ []string, e *Explanation) {
	if step := s.failedStatement(); step != nil {
		e.add("The statement: " + quoted(step.Text) + arguments(step) + ".")
	}
}

func (s *subject) argumentCount(m []string, e *Explanation) {
	switch want, got := m[1]+m[3]+m[7], m[2]+m[4]+m[6]; {
	case want != "" && got != "":
		e.Text = fmt.Sprintf("It has %s placeholders, and was given %s.", want, got)
	case m[5] != "":
		e.add("There is none for the placeholder number " + m[5] + ".")
	}
	s.statement(m, e)
}

func arguments(step *trace.Step) string {
	if len(step.Args) == 0 {
		return ""
	}
	var args []string
	for i, a := range step.Args {
		if i == 8 {
			args = append(args, "…")
			break
		}
		args = append(args, quoted(a))
	}
	return " with " + strings.Join(args, ", ")
}

// failedStatement is the last SQL statement of the request that failed; nil is none.
func (s *subject) failedStatement() *trace.Step {
	for i := len(s.f.Steps) - 1; i >= 0; i-- {
		if step := &s.f.Steps[i]; isSQL(step) && step.Err != "" && step.Text != "" && step.Text != "ROLLBACK" {
			return step
		}
	}
	return nil
}

func isSQL(step *trace.Step) bool { return strings.EqualFold(step.Kind, "sql") }

// noRows tells the last query, which most likely is the one that found nothing.
func (s *subject) noRows(m []string, e *Explanation) {
	if s.failedStatement() != nil {
		s.statement(m, e)
		return
	}
	for i := len(s.f.Steps) - 1; i >= 0; i-- {
		if step := &s.f.Steps[i]; isSQL(step) && step.Text != "" && !slices.Contains([]string{"BEGIN", "COMMIT", "ROLLBACK"}, step.Text) {
			e.add("The last statement was " + quoted(step.Text) + arguments(step) + ".")
			return
		}
	}
}

// failedBefore tells the first statement that failed.
func (s *subject) failedBefore(_ []string, e *Explanation) {
	for i := range s.f.Steps {
		if step := &s.f.Steps[i]; isSQL(step) && step.Err != "" {
			e.add(fmt.Sprintf("The first that failed is %s: %s.", quoted(step.Text), quoted(step.Err)))
			return
		}
	}
}

// slowest tells what of the request took longest, if that is worth telling.
func (s *subject) slowest(_ []string, e *Explanation) {
	var slow *trace.Step
	for i := range s.f.Steps {
		if step := &s.f.Steps[i]; slow == nil || step.Duration > slow.Duration {
			slow = step
		}
	}
	if slow == nil || slow.Duration < 100*time.Millisecond {
		return
	}
	what := strings.TrimSpace(slow.Kind)
	if slow.Text != "" {
		what += " " + quoted(slow.Text)
	}
	e.add(fmt.Sprintf("What took longest in this request was %s: %s.", what, slow.Duration.Round(time.Millisecond)))
}
