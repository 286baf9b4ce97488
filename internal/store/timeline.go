package store

import (
	"context"
	"strings"

	"example.org/microblog/internal/microblog"
)

// Posts is one part of a list of posts, newest first.
type Posts struct {
	Items []microblog.Post
	Pager
}

// The queries of the lists, once for each direction. What they have in common:
// the cursor is $1 and the limit $2. CROSS JOIN means the same as JOIN, but
// keeps SQLite to the order of the tables; left to choose, it may begin with
// all users and sort what it finds.
const (
	postColumns = `SELECT p.id, p.author_id, u.username, p.body, p.created_at FROM posts p CROSS JOIN users u WHERE u.id = p.author_id AND `

	exploreOlder = postColumns + `p.id < $1 ORDER BY p.id DESC LIMIT $2`
	exploreNewer = postColumns + `p.id > $1 ORDER BY p.id LIMIT $2`

	byAuthorOlder = postColumns + `p.author_id = $3 AND p.id < $1 ORDER BY p.id DESC LIMIT $2`
	byAuthorNewer = postColumns + `p.author_id = $3 AND p.id > $1 ORDER BY p.id LIMIT $2`
)

// The home timeline of $3 reads, whatever the number of posts, only index
// entries near the cursor: the nearest post of each author; of the authors the
// $2 with the nearest ones, since no other can be on this part; how far the
// part can reach at all, where that many authors have posted; within that the
// $2 nearest posts of each; and of those the $2 nearest.
var (
	homeOlder = home("max", "<", ">=", "DESC", "0")
	homeNewer = home("min", ">", "<=", "ASC", "9223372036854775807")
)

func home(nearest, beyond, within, order, end string) string {
	farthest := map[string]string{"max": "min", "min": "max"}[nearest]
	return strings.NewReplacer(
		"NEAREST", nearest, "FARTHEST", farthest, "BEYOND", beyond, "WITHIN", within, "DIRECTION", order, "END_OF_LIST", end,
	).Replace(`WITH latest AS MATERIALIZED (
			SELECT f.followed_id AS id, (SELECT NEAREST(p.id) FROM posts p WHERE p.author_id = f.followed_id AND p.id BEYOND $1) AS post
			FROM follows f WHERE f.follower_id = $3
			UNION ALL SELECT $3, (SELECT NEAREST(p.id) FROM posts p WHERE p.author_id = $3 AND p.id BEYOND $1)
		), author AS MATERIALIZED (
			SELECT id, post FROM latest WHERE post IS NOT NULL ORDER BY post DIRECTION LIMIT $2
		), bound AS MATERIALIZED (
			SELECT CASE WHEN count(*) < $2 THEN END_OF_LIST ELSE FARTHEST(post) END AS post FROM author
		), reach AS MATERIALIZED (
			SELECT a.id, coalesce((SELECT p.id FROM posts p WHERE p.author_id = a.id AND p.id BEYOND $1 AND p.id WITHIN b.post
				ORDER BY p.id DIRECTION LIMIT 1 OFFSET $2 - 1), b.post) AS post
			FROM author a CROSS JOIN bound b
		), picked AS MATERIALIZED (
			SELECT p.id FROM reach r CROSS JOIN posts p WHERE p.author_id = r.id AND p.id BEYOND $1 AND p.id WITHIN r.post
			ORDER BY p.id DIRECTION LIMIT $2
		)
		SELECT p.id, p.author_id, u.username, p.body, p.created_at
		FROM picked k CROSS JOIN posts p CROSS JOIN users u WHERE p.id = k.id AND u.id = p.author_id ORDER BY p.id DIRECTION`)
}

// PostsBy returns one person's posts.
func (s *Store) PostsBy(ctx context.Context, authorID int64, page Page) (Posts, error) {
	return s.posts(ctx, "listing a person's posts", page, byAuthorOlder, byAuthorNewer, authorID)
}

// Home returns the posts of userID and of everybody they follow.
func (s *Store) Home(ctx context.Context, userID int64, page Page) (Posts, error) {
	return s.posts(ctx, "listing the home timeline", page, homeOlder, homeNewer, userID)
}

// Explore returns everybody's posts.
func (s *Store) Explore(ctx context.Context, page Page) (Posts, error) {
	return s.posts(ctx, "listing all posts", page, exploreOlder, exploreNewer)
}

func (s *Store) posts(ctx context.Context, doing string, page Page, older, newer string, args ...any) (Posts, error) {
	load := func(query string) loader[microblog.Post] {
		return func(cursor int64, limit int) ([]microblog.Post, error) {
			return s.loadPosts(ctx, query, append([]any{cursor, limit}, args...)...)
		}
	}
	items, pager, err := part(page, load(older), load(newer), func(p microblog.Post) int64 { return p.ID })
	if err != nil {
		return Posts{}, s.faultOf(1, err, doing)
	}
	return Posts{Items: items, Pager: pager}, nil
}

func (s *Store) loadPosts(ctx context.Context, query string, args ...any) ([]microblog.Post, error) {
	rows, err := s.reader.query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var items []microblog.Post
	for rows.Next() {
		var p microblog.Post
		var at int64
		if err := rows.Scan(&p.ID, &p.AuthorID, &p.AuthorName, &p.Body, &at); err != nil {
			return nil, err
		}
		p.CreatedAt = fromMicros(at)
		items = append(items, p)
	}
	return items, rows.Err()
}
