package sqltrace_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"

	"example.org/microblog/fault/sqltrace"
	"example.org/microblog/fault/trace"
)

func Example() {
	var connector driver.Connector = &quiet{} // that of the database's driver
	db := sql.OpenDB(sqltrace.Connector(connector, sqltrace.Options{}))
	defer db.Close()

	ctx := trace.Begin(context.Background()) // a fault.Catcher does this for each request: r.Context()
	var id int64
	if err := db.QueryRowContext(ctx, "SELECT id FROM users WHERE name = $1", "susan").Scan(&id); err != nil {
		fmt.Println(err)
	}
	steps, _ := trace.Steps(ctx)
	fmt.Println(steps[0].Kind, steps[0].Text, steps[0].Args)
	// Output: sql SELECT id FROM users WHERE name = $1 [susan]
}
