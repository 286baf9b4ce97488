package explain_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devtool/explain"
	"example.org/microblog/fault/trace"
)

// drivers.json was recorded with modernc.org/sqlite, and pgx on PostgreSQL; see main.go beside it.
func TestDatabases(t *testing.T) {
	text, err := os.ReadFile("testdata/drivers/drivers.json")
	if err != nil {
		t.Fatal(err)
	}
	var samples []struct {
		Name   string
		Causes fault.Cause
		Steps  []trace.Step
	}
	if err := json.Unmarshal(text, &samples); err != nil {
		t.Fatal(err)
	}
	const insert = "The statement: `INSERT INTO users (id, name) VALUES (2, %)` with `susan`."
	want := map[string]struct{ title, text string }{
		"sqlite unique":             {"There is a row with this `users.name` already", strings.Replace(insert, "%", "?", 1)},
		"sqlite primary key":        {"There is a row with this `users.id` already", ""},
		"sqlite not null":           {"`users.name` must not be NULL", "The statement: `INSERT INTO users (id) VALUES (3)`."},
		"sqlite check":              {"The check `age > 0` does not hold", ""},
		"sqlite foreign key":        {"A row refers to one that is not there", "INSERT INTO posts"},
		"sqlite no table":           {"There is no table `usres`", ""},
		"sqlite no column":          {"There is no column `nmae`", ""},
		"sqlite no column in where": {"There is no column `nmae`", ""},
		"sqlite syntax":             {"The statement cannot be parsed", "stumbled over `SELEC`"},
		"sqlite no rows":            {"There is no such row", "The last statement was `SELECT name FROM users WHERE id = 77`."},
		"sqlite null":               {"The column `bio` is NULL", ""},
		"sqlite scan type":          {"The column `name` does not fit its variable", "converting driver.Value type string"},
		"sqlite scan count":         {"Scan got 2 variables for 1 columns", ""},
		"sqlite arguments":          {"The statement was given the wrong number of arguments", "There is none for the placeholder number 2."},
		"sqlite done":               {"The transaction is over", ""},
		"sqlite busy":               {"The database was locked", ""},
		"sqlite cannot open":        {"The database cannot be written or opened", ""},
		"sqlite closed":             {"It was closed already", ""},
		"pgx unique":                {"There is such a row already", "The constraint `users_name_key` allows each value once only. " + strings.Replace(insert, "%", "$1", 1)},
		"pgx primary key":           {"There is such a row already", "`users_pkey`"},
		"pgx not null":              {"`name` must not be NULL", ""},
		"pgx check":                 {"The check `users_age_check` does not hold", ""},
		"pgx foreign key":           {"A row refers to one that is not there", "The foreign key `posts_author_fkey` of `posts`"},
		"pgx no table":              {"There is no table `usres`", ""},
		"pgx no column":             {"There is no column `nmae`", ""},
		"pgx no column in where":    {"There is no column `nmae`", ""},
		"pgx syntax":                {"The statement cannot be parsed", "stumbled over `SELEC`"},
		"pgx no rows":               {"There is no such row", ""},
		"pgx null":                  {"The column `bio` is NULL", ""},
		"pgx scan type":             {"The column `name` does not fit its variable", ""},
		"pgx scan count":            {"Scan got 2 variables for 1 columns", ""},
		"pgx arguments":             {"The statement was given the wrong number of arguments", "It has more or fewer placeholders"},
		"pgx done":                  {"The transaction is over", ""},
		"pgx too long":              {"A text is too long for its column", "`character varying(20)`"},
		"pgx utf-8":                 {"A text is not UTF-8, or has a zero byte", ""},
		"pgx value":                 {"`abc` is no integer", ""},
		"pgx timeout":               {"The statement took too long", ""},
		"pgx aborted":               {"An earlier statement of the transaction failed", "The first that failed is `SELECT 1/0`: `ERROR: division by zero (SQLSTATE 22012)`."},
		"pgx no database":           {"There is no database `nosuch`", ""},
		"pgx refused":               {"Nothing listens at `127.0.0.1:1`", ""},
		"pgx closed":                {"It was closed already", ""},
		"driver":                    {"The driver `nosuch` is not linked in", ""},
	}
	if len(samples) != len(want) {
		t.Errorf("%d samples, %d of them known here", len(samples), len(want))
	}
	for _, s := range samples {
		t.Run(s.Name, func(t *testing.T) {
			f := &fault.Failure{Causes: s.Causes, Steps: s.Steps}
			got := explain.Explain(f, explain.Call{})
			if len(got) == 0 || got[0].Title != want[s.Name].title || !strings.Contains(got[0].Text, want[s.Name].text) {
				t.Errorf("%+v, want %+v", got, want[s.Name])
			}
			for _, e := range got {
				if strings.Contains(e.Title+e.Text, "``") {
					t.Errorf("there is a hole: %+v", e)
				}
			}
		})
	}
}

// Drivers that are not at hand, by what their documentation and source say.
func TestOtherDrivers(t *testing.T) {
	for _, c := range []struct{ typ, message, title string }{
		{"sqlite3.Error", "UNIQUE constraint failed: users.name", "There is a row with this `users.name` already"},
		{"*pq.Error", `pq: duplicate key value violates unique constraint "users_name_key"`, "There is such a row already"},
		{"*pq.Error", `pq: relation "usres" does not exist`, "There is no table `usres`"},
		{"*mysql.MySQLError", "Error 1062 (23000): Duplicate entry 'susan' for key 'users.name'", "There is a row with `susan` already"},
		{"*mysql.MySQLError", "Error 1452 (23000): Cannot add or update a child row: a foreign key constraint fails (`x`.`posts`, CONSTRAINT `a` FOREIGN KEY (`b`) REFERENCES `c` (`id`))", "A row refers to one that is not there"},
		{"*pgconn.PgError", "ERROR: something of ours (SQLSTATE 23505)", "There is such a row already"},
		{"*pgconn.PgError", "ERROR: deadlock detected (SQLSTATE 40P01)", "Two transactions got in each other's way"},
	} {
		got := explain.Explain(&fault.Failure{Causes: fault.Cause{Type: c.typ, Message: c.message}}, explain.Call{})
		if len(got) != 1 || got[0].Title != c.title || strings.Contains(got[0].Text, "``") {
			t.Errorf("%s: %+v, want %q", c.message, got, c.title)
		}
	}
}

// The end of a transaction is no statement that somebody has written.
func TestEndOfTransactionIsNoStatement(t *testing.T) {
	failed := trace.Step{Kind: "sql", Text: "INSERT INTO posts", Err: "ERROR: deadlock detected (SQLSTATE 40P01)"}
	asked := trace.Step{Kind: "sql", Text: "SELECT name FROM users"}
	begin, broken := trace.Step{Kind: "sql", Text: "BEGIN"}, trace.Step{Kind: "sql", Text: "ROLLBACK", Err: "driver: bad connection"}
	for name, c := range map[string]struct {
		typ, message, text string
		steps              []trace.Step
	}{
		"a failed rollback": {"*pgconn.PgError", failed.Err, "INSERT INTO posts", []trace.Step{begin, failed, broken}},
		"no rows":           {"*errors.errorString", "sql: no rows in result set", "The last statement was `SELECT name FROM users`.", []trace.Step{asked, begin, {Kind: "sql", Text: "COMMIT"}}},
	} {
		got := explain.Explain(&fault.Failure{Causes: fault.Cause{Type: c.typ, Message: c.message}, Steps: c.steps}, explain.Call{})
		if len(got) == 0 || !strings.Contains(got[0].Text, c.text) {
			t.Errorf("%s: %+v, want %q", name, got, c.text)
		}
	}
}
