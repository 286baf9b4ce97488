package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"

	"example.org/microblog/internal/microblog"
)

// CreatePost stores a post and returns it. once names the form that was
// submitted: the same author, once and body again give the post that is
// already there and created false; another body from the same form is another
// post. An empty once always posts. The body must have passed
// microblog.CheckPost. There must be such an author, else microblog.ErrNotFound.
func (s *Store) CreatePost(ctx context.Context, authorID int64, body, once string) (p microblog.Post, created bool, err error) {
	var key []byte
	if once != "" {
		sum := sha256.Sum256([]byte(once + "\x00" + body))
		key = sum[:16]
	}
	err = s.write(ctx, func(ctx context.Context, t *tx) error {
		p = microblog.Post{AuthorID: authorID, Body: body, CreatedAt: fromMicros(toMicros(s.now()))}
		err := t.queryRow(ctx, `INSERT INTO posts (author_id, body, created_at, once) VALUES ($1, $2, $3, $4)
			ON CONFLICT (author_id, once) WHERE once IS NOT NULL DO NOTHING RETURNING id`,
			authorID, body, toMicros(p.CreatedAt), key).Scan(&p.ID)
		if errors.Is(err, sql.ErrNoRows) {
			created = false
			return s.existingPost(ctx, t, authorID, key, &p)
		}
		if err != nil {
			return err
		}
		created = true
		return t.queryRow(ctx, `UPDATE users SET post_count = post_count + 1 WHERE id = $1 RETURNING username`, authorID).Scan(&p.AuthorName)
	})
	if err != nil && s.dialect.ForeignKeyViolation(err) {
		err = microblog.ErrNotFound
	}
	if err != nil {
		return microblog.Post{}, false, s.outcome(err, "creating a post")
	}
	return p, created, nil
}

// existingPost loads the post that made the insert do nothing.
func (s *Store) existingPost(ctx context.Context, t *tx, authorID int64, once []byte, p *microblog.Post) error {
	var at int64
	err := t.queryRow(ctx, `SELECT p.id, p.created_at, u.username FROM posts p JOIN users u ON u.id = p.author_id
		WHERE p.author_id = $1 AND p.once = $2`, authorID, once).Scan(&p.ID, &at, &p.AuthorName)
	if errors.Is(err, sql.ErrNoRows) {
		return errAgain // deleted in this very moment
	}
	p.CreatedAt = fromMicros(at)
	return err
}

// DeletePost removes a post of authorID's. It returns microblog.ErrNotFound
// when there is no such post and microblog.ErrNotOwner when it is somebody
// else's.
func (s *Store) DeletePost(ctx context.Context, authorID, postID int64) error {
	err := s.write(ctx, func(ctx context.Context, t *tx) error {
		n, err := t.exec(ctx, `DELETE FROM posts WHERE id = $1 AND author_id = $2`, postID, authorID)
		if err != nil {
			return err
		}
		if n == 0 {
			var id int64
			if err := t.queryRow(ctx, `SELECT id FROM posts WHERE id = $1`, postID).Scan(&id); err != nil {
				return err
			}
			return microblog.ErrNotOwner
		}
		_, err = t.exec(ctx, `UPDATE users SET post_count = post_count - 1 WHERE id = $1`, authorID)
		return err
	})
	return s.outcome(err, "deleting a post")
}

// Post returns one post, or microblog.ErrNotFound.
func (s *Store) Post(ctx context.Context, id int64) (microblog.Post, error) {
	p := microblog.Post{ID: id}
	var at int64
	err := s.reader.queryRow(ctx, `SELECT p.author_id, u.username, p.body, p.created_at
		FROM posts p JOIN users u ON u.id = p.author_id WHERE p.id = $1`, id).Scan(&p.AuthorID, &p.AuthorName, &p.Body, &at)
	if err != nil {
		return microblog.Post{}, s.outcome(err, "loading a post")
	}
	p.CreatedAt = fromMicros(at)
	return p, nil
}
