package e2e

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// databases are the two systems that Microblog runs on. open makes an empty database for the time
// of the test, and returns its DATABASE_URL.
var databases = []struct {
	name string
	open func(testing.TB) string
}{
	{"sqlite", func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "microblog.db") }},
	{"postgres", func(t testing.TB) string { return postgres(t).url }},
}

// eachDatabase runs a test on both database systems.
func eachDatabase(t *testing.T, test func(t *testing.T, databaseURL string)) {
	for _, db := range databases {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			test(t, db.open(t))
		})
	}
}

// A pgDatabase is a database of its own on the PostgreSQL server that the tests are given.
type pgDatabase struct {
	url   string
	name  string
	admin string // URL of the server itself
}

// postgres makes an empty database, which is dropped after the test.
func postgres(t testing.TB) *pgDatabase {
	t.Helper()
	db, drop, err := newPostgres(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if db == nil {
		t.Skip("NOT TESTED ON POSTGRESQL: TEST_POSTGRES_URL is not set. It is the URL of a server where the role may create databases.")
	}
	t.Cleanup(func() {
		if err := drop(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// newPostgres makes an empty database; nil when no server is given.
func newPostgres(ctx context.Context) (db *pgDatabase, drop func() error, err error) {
	admin := os.Getenv("TEST_POSTGRES_URL")
	if admin == "" {
		return nil, nil, nil
	}
	u, err := url.Parse(admin)
	if err != nil {
		return nil, nil, fmt.Errorf("TEST_POSTGRES_URL: %w", err)
	}
	db = &pgDatabase{name: fmt.Sprintf("microblog_e2e_%016x", rand.Uint64()), admin: admin}
	if err := db.server(ctx, "CREATE DATABASE "+db.name); err != nil {
		return nil, nil, err
	}
	u.Path = "/" + db.name
	db.url = u.String()
	return db, func() error {
		return db.server(context.Background(), "DROP DATABASE IF EXISTS "+db.name+" WITH (FORCE)")
	}, nil
}

// server runs statements on the server, outside the database.
func (db *pgDatabase) server(ctx context.Context, statements ...string) error {
	conn, err := pgx.Connect(ctx, db.admin)
	if err != nil {
		return fmt.Errorf("connecting to TEST_POSTGRES_URL: %w", err)
	}
	defer conn.Close(ctx)
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

// A proxy stands between Microblog and PostgreSQL, so that a test can cut the line.
type proxy struct {
	url  string // DATABASE_URL through the proxy
	addr string

	network, server string // where PostgreSQL listens

	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]struct{}
	frozen   chan struct{} // closed when what comes is passed on; nil: it always is
}

// through returns a proxy for db that is open.
func through(t testing.TB, db *pgDatabase) *proxy {
	t.Helper()
	cfg, err := pgx.ParseConfig(db.url)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(db.url)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{network: "tcp", server: net.JoinHostPort(cfg.Host, strconv.Itoa(int(cfg.Port))), conns: map[net.Conn]struct{}{}}
	if strings.HasPrefix(cfg.Host, "/") {
		p.network, p.server = "unix", fmt.Sprintf("%s/.s.PGSQL.%d", cfg.Host, cfg.Port)
	}
	p.addr = "127.0.0.1:0"
	p.restore(t)
	u.Host = p.addr
	query := u.Query()
	query.Del("host")
	query.Del("port")
	u.RawQuery = query.Encode()
	p.url = u.String()
	t.Cleanup(func() {
		p.cut()
		p.thaw()
	})
	return p
}

// restore lets connections through, again under the same address.
func (p *proxy) restore(t testing.TB) {
	t.Helper()
	var l net.Listener
	soon(t, "opening the proxy to PostgreSQL", func() (err error) {
		l, err = net.Listen("tcp", p.addr)
		return err
	})
	p.mu.Lock()
	p.listener, p.addr = l, l.Addr().String()
	p.mu.Unlock()
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(client)
		}
	}()
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	backend, err := net.Dial(p.network, p.server)
	if err != nil {
		return
	}
	defer backend.Close()
	p.mu.Lock()
	if p.listener == nil {
		p.mu.Unlock()
		return
	}
	p.conns[client] = struct{}{}
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.conns, client)
		p.mu.Unlock()
	}()
	go func() {
		_, _ = io.Copy(backend, gate{client, p})
		_ = backend.Close()
	}()
	_, _ = io.Copy(client, gate{backend, p})
}

// A gate passes on what it reads while the proxy is not frozen.
type gate struct {
	net.Conn
	p *proxy
}

func (g gate) Read(b []byte) (int, error) {
	n, err := g.Conn.Read(b)
	g.p.mu.Lock()
	frozen := g.p.frozen
	g.p.mu.Unlock()
	if frozen != nil {
		<-frozen
	}
	return n, err
}

// freeze lets nothing through any more, in either direction, until thaw; connections stay open and
// new ones are taken.
func (p *proxy) freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.frozen = make(chan struct{})
}

func (p *proxy) thaw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.frozen != nil {
		close(p.frozen)
		p.frozen = nil
	}
}

// cut closes all connections and takes no new ones: to Microblog, PostgreSQL is gone.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		_ = p.listener.Close()
		p.listener = nil
	}
	for c := range p.conns {
		_ = c.Close()
	}
}
