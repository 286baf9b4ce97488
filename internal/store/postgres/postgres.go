// Package postgres opens a store on a PostgreSQL database.
package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"example.org/microblog/fault/sqltrace"
	"example.org/microblog/internal/store"
)

const (
	defaultMaxConns = 20
	connectTimeout  = 5 * time.Second
	// connIdle and connLife give connections back after a rush, and move them
	// to another server after a failover.
	connIdle = 5 * time.Minute
	connLife = time.Hour
)

// Options refine Open. The zero value works.
type Options struct {
	store.Options
	MaxConns int // connections at most; 0: pool_max_conns of the URL, else 20
}

// Open connects to the database of a URL such as
// postgres://user:password@host:5432/name?sslmode=verify-full. What libpq's
// environment variables (PGHOST, PGPASSWORD, PGSSLMODE, …) say counts where
// the URL says nothing. No error of this package repeats the password. The
// schema is not touched; call Migrate.
func Open(ctx context.Context, databaseURL string, o Options) (*store.Store, error) {
	config, maxConns, err := parse(databaseURL)
	if err != nil {
		return nil, err
	}
	if o.MaxConns > 0 {
		maxConns = o.MaxConns
	}
	db := sql.OpenDB(sqltrace.Connector(stdlib.GetConnector(*config), sqltrace.Options{OmitArgs: !o.TraceArgs}))
	db.SetMaxOpenConns(maxConns)
	db.SetMaxIdleConns(maxConns)
	db.SetConnMaxIdleTime(connIdle)
	db.SetConnMaxLifetime(connLife)
	var encoding, schema string
	err = db.QueryRowContext(ctx, "SELECT current_setting('server_encoding'), coalesce(current_schema(), '')").Scan(&encoding, &schema)
	switch {
	case err != nil:
		err = fmt.Errorf("connecting to PostgreSQL: %w", err)
	case encoding != "UTF8":
		err = fmt.Errorf("the PostgreSQL database %q has the encoding %s; create one with ENCODING 'UTF8' TEMPLATE template0",
			config.Database, encoding)
	case schema == "":
		err = fmt.Errorf("the PostgreSQL database %q has none of the schemas of its search_path; create one", config.Database)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	// pgx keeps prepared statements itself, one set for each connection.
	return store.New(store.Database{Dialect: dialect{schema}, Writer: db, Reader: db}, o.Options), nil
}

// parse reads the URL. The errors of the libraries quote what they could not
// read, which may be a part of the password; so theirs are not passed on.
func parse(databaseURL string) (config *pgx.ConnConfig, maxConns int, err error) {
	u, err := url.Parse(databaseURL)
	if err != nil {
		return nil, 0, errors.New("the PostgreSQL URL cannot be read: " +
			"it must look like postgres://user:password@host:5432/name, with special characters of the password percent-encoded (“@” as %40, “/” as %2F)")
	}
	if u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, 0, errors.New("the PostgreSQL URL must begin with postgres://")
	}
	query := u.Query()
	maxConns = defaultMaxConns
	if query.Has("pool_max_conns") {
		if maxConns, err = strconv.Atoi(query.Get("pool_max_conns")); err != nil || maxConns < 1 {
			return nil, 0, fmt.Errorf("pool_max_conns in the PostgreSQL URL is %q; it must be a number from 1", query.Get("pool_max_conns"))
		}
		query.Del("pool_max_conns")
		u.RawQuery = query.Encode()
	}
	config, err = pgx.ParseConfig(u.String())
	if err != nil {
		return nil, 0, fmt.Errorf("the PostgreSQL URL cannot be used: %s", reason(err, u))
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	for name, value := range map[string]string{"application_name": "microblog", "timezone": "UTC"} {
		if _, ok := config.RuntimeParams[name]; !ok {
			config.RuntimeParams[name] = value
		}
	}
	return config, maxConns, nil
}

// reason returns what pgx says, unless that holds a part of the password.
func reason(err error, u *url.URL) string {
	text := err.Error()
	password, _ := u.User.Password()
	for _, secret := range []string{password, u.Query().Get("password"), u.Query().Get("sslpassword")} {
		if secret != "" && (strings.Contains(text, secret) || strings.Contains(text, url.QueryEscape(secret)) || strings.Contains(text, url.PathEscape(secret))) {
			return "one of its parts is not valid; check host, port and parameters"
		}
	}
	return text
}
