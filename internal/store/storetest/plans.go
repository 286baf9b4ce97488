package storetest

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"example.org/microblog/fault/trace"
	"example.org/microblog/internal/microblog"
	"example.org/microblog/internal/store"
)

// Fill puts people and posts into a migrated database that is empty: users
// people named user1, user2, …, posts spread over them at random but the same
// every time. The first person follows the next 200, everybody else the next
// ten. It is for tests and benchmarks that need many rows.
func Fill(ctx context.Context, s *store.Store, users, posts int) error {
	series := func(n int) string {
		return fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < %d) `, n)
	}
	// A fixed mixture of the numbers stands in for chance.
	author := fmt.Sprintf(`1 + (i * 7919 + i / 13 * 104729) %% %d`, users)
	statements := []string{
		`INSERT INTO users (username, username_key, email, email_key, about_me, password_hash, created_at) ` + series(users) +
			`SELECT 'user' || i, 'user' || i, 'user' || i || '@example.com', 'user' || i || '@example.com', 'I am number ' || i, '', 1000000 * i FROM n`,
		`INSERT INTO posts (author_id, body, created_at) ` + series(posts) +
			`SELECT ` + author + `, 'This is post number ' || i || '. It says what somebody is doing, at about the usual length of such a text.', 1000000 * i FROM n`,
		`INSERT INTO follows (follower_id, followed_id, created_at) ` + series(min(200, users-1)) + `SELECT 1, i + 1, i FROM n`,
		`INSERT INTO follows (follower_id, followed_id, created_at) ` + series(10) +
			fmt.Sprintf(`SELECT u.id, 1 + (u.id + n.i - 1) %% %d, n.i FROM users u CROSS JOIN n WHERE u.id > 1`, users),
		`UPDATE users SET post_count = (SELECT count(*) FROM posts WHERE author_id = users.id),
			follower_count = (SELECT count(*) FROM follows WHERE followed_id = users.id),
			following_count = (SELECT count(*) FROM follows WHERE follower_id = users.id)`,
		`ANALYZE`,
	}
	for _, statement := range statements {
		if _, err := s.Writer().ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("filling the database: %w", err)
		}
	}
	return nil
}

// No query that a page makes reads a table from one end to the other: with
// many posts, pages take as long as with few.
func testPlans(t *testing.T, o Open) {
	ctx := t.Context()
	s := migrated(t, o)
	if err := Fill(ctx, s, 400, 5_000); err != nil {
		t.Fatal(err)
	}
	const id = 1
	sess := store.Session{UserID: id, Data: []byte("x"), Expiry: time.Now().Add(time.Hour)}
	middle := store.Page{Before: 2_500}
	newer := store.Page{After: 2_500}
	for _, c := range []struct {
		name string
		call func(ctx context.Context) error
	}{
		{"SessionUser", func(ctx context.Context) error { _, _, _, err := s.SessionUser(ctx, "x"); return err }},
		{"CommitSession", func(ctx context.Context) error { return s.CommitSession(ctx, "x", sess) }},
		{"Sessions", func(ctx context.Context) error { _, err := s.Sessions(ctx, id); return err }},
		{"EndSessions", func(ctx context.Context) error { _, err := s.EndSessions(ctx, id); return err }},
		{"UserByID", func(ctx context.Context) error { _, err := s.UserByID(ctx, id); return err }},
		{"UserByLogin", func(ctx context.Context) error { _, err := s.UserByLogin(ctx, "user7"); return err }},
		{"UserByLogin by address", func(ctx context.Context) error { _, err := s.UserByLogin(ctx, "user7@example.com"); return err }},
		{"CheckFree", func(ctx context.Context) error { return s.CheckFree(ctx, "free", "free@example.com") }},
		{"CreateUser", func(ctx context.Context) error {
			_, err := s.CreateUser(ctx, store.NewUser{Username: "new", Email: "new@example.com"})
			return err
		}},
		{"UpdateProfile", func(ctx context.Context) error { _, err := s.UpdateProfile(ctx, id, "renamed", ""); return err }},
		{"Profile", func(ctx context.Context) error { _, err := s.Profile(ctx, "user7", id); return err }},
		{"Profile by a former name", func(ctx context.Context) error { _, err := s.Profile(ctx, "user1", id); return err }},
		{"PostsBy", func(ctx context.Context) error { _, err := s.PostsBy(ctx, id, middle); return err }},
		{"PostsBy newer", func(ctx context.Context) error { _, err := s.PostsBy(ctx, id, newer); return err }},
		{"Home", func(ctx context.Context) error { _, err := s.Home(ctx, id, middle); return err }},
		{"Home newer", func(ctx context.Context) error { _, err := s.Home(ctx, id, newer); return err }},
		{"Explore", func(ctx context.Context) error { _, err := s.Explore(ctx, middle); return err }},
		{"Explore newer", func(ctx context.Context) error { _, err := s.Explore(ctx, newer); return err }},
		{"Post", func(ctx context.Context) error { _, err := s.Post(ctx, 5); return err }},
		{"CreatePost", func(ctx context.Context) error { _, _, err := s.CreatePost(ctx, id, "x", "once"); return err }},
		{"CreatePost twice", func(ctx context.Context) error { _, _, err := s.CreatePost(ctx, id, "x", "once"); return err }},
		{"DeletePost", func(ctx context.Context) error {
			if err := s.DeletePost(ctx, id, 5); err != nil && err != microblog.ErrNotOwner {
				return err
			}
			return nil
		}},
		{"Follow", func(ctx context.Context) error { _, err := s.Follow(ctx, id, 399); return err }},
		{"Unfollow", func(ctx context.Context) error { _, err := s.Unfollow(ctx, id, 399); return err }},
		{"Followers", func(ctx context.Context) error { _, err := s.Followers(ctx, id, middle); return err }},
		{"Followers newer", func(ctx context.Context) error { _, err := s.Followers(ctx, id, store.Page{After: 1}); return err }},
		{"Following", func(ctx context.Context) error { _, err := s.Following(ctx, id, middle); return err }},
		{"Following newer", func(ctx context.Context) error { _, err := s.Following(ctx, id, store.Page{After: 1}); return err }},
		{"LoginAttempt", func(ctx context.Context) error {
			_, err := s.LoginAttempt(ctx, "user7", store.LoginSource{}, time.Now())
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			traced := trace.Begin(ctx)
			if err := c.call(traced); err != nil {
				t.Fatal(err)
			}
			steps, _ := trace.Steps(traced)
			checked := 0
			for _, step := range steps {
				if step.Text == "BEGIN" || step.Text == "COMMIT" || step.Text == "ROLLBACK" {
					continue
				}
				checked++
				if plan, scans := explain(t, s, step.Text); scans {
					t.Errorf("%s\nreads a whole table:\n%s", step.Text, plan)
				}
			}
			if checked == 0 {
				t.Error("no statement was recorded")
			}
		})
	}
}

var (
	placeholder = regexp.MustCompile(`\$[0-9]+`)
	// sqliteScan finds a table, by its name or the alias of this package's
	// queries, that is read as a whole. The other scans are of intermediate
	// results.
	sqliteScan   = regexp.MustCompile(`SCAN (p|u|f|s|n|posts|users|follows|sessions|former_usernames|throttles)\b`)
	postgresScan = regexp.MustCompile(`Seq Scan on (posts|users|follows)\b`)
)

// explain returns the plan of a statement and whether it reads a whole table.
func explain(t *testing.T, s *store.Store, query string) (plan string, scans bool) {
	t.Helper()
	ctx := t.Context()
	conn, err := s.Writer().Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	parameters := 0
	for _, p := range placeholder.FindAllString(query, -1) {
		var n int
		if _, err := fmt.Sscanf(p, "$%d", &n); err == nil {
			parameters = max(parameters, n)
		}
	}
	statement, args := "EXPLAIN QUERY PLAN "+query, make([]any, parameters)
	if s.DialectName() == "postgres" {
		// The plan for any arguments, which is what a prepared statement
		// comes to use.
		null := strings.TrimSuffix(strings.Repeat("NULL, ", parameters), ", ")
		if parameters > 0 {
			null = "(" + null + ")"
		}
		for _, prepare := range []string{"SET plan_cache_mode = force_generic_plan", "PREPARE checked AS " + query} {
			if _, err := conn.ExecContext(ctx, prepare); err != nil {
				t.Fatalf("%s: %v", prepare, err)
			}
		}
		defer func() { _, _ = conn.ExecContext(ctx, "DEALLOCATE checked; RESET plan_cache_mode") }()
		statement, args = "EXPLAIN EXECUTE checked"+null, nil
	}
	rows, err := conn.QueryContext(ctx, statement, args...)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	defer rows.Close()
	var lines []string
	for rows.Next() {
		var line string
		var id, parent, unused int
		dest := []any{&id, &parent, &unused, &line}
		if s.DialectName() == "postgres" {
			dest = []any{&line}
		}
		if err := rows.Scan(dest...); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
		scans = scans || sqliteScan.MatchString(line) || postgresScan.MatchString(line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if len(lines) == 0 && !strings.HasPrefix(query, "INSERT") {
		t.Errorf("no plan for %s", query)
	}
	return strings.Join(lines, "\n"), scans
}
