package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"example.org/microblog/internal/microblog"
)

// The bounds of how many posts a database is filled with.
const (
	minPosts = 10_000
	maxPosts = 5_000_000
)

// Who is who among the people, by index.
const (
	reader       = iota // follows 200 people who post
	dozer               // follows 200 people who have long been silent
	author              // has ten posts
	firstSilent         // they post only in the first fiftieth of all posts
	firstTalker  = firstSilent + followed
	followed     = 200 // by the reader and by the dozer
	followedElse = 20  // by everybody else
	ownPosts     = 10  // of the author
	postsEach    = 100 // posts for each person, on average
	fewestPeople = 500
)

// people are the inhabitants of a database.
type people struct {
	posts                         int
	names                         []string // all usernames
	writers                       []string // usernames of those whose profile fills a page
	reader, dozer, author, talker string   // usernames; talker is who posts the most
	password                      string   // of reader and dozer
	tenPosts                      []string // the author's
	newestFollowed                string   // the newest post by anybody whom the reader follows
	firstPost                     int64    // id; the others follow
}

// seed fills an empty, migrated database: the same for the same number of posts. Few people write
// most of the posts, as everywhere.
func seed(ctx context.Context, db *sql.DB, posts int) (_ people, err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return people{}, fmt.Errorf("filling the database: %w", err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("filling the database: %w", errors.Join(err, tx.Rollback()))
		}
	}()
	s := newSeeder(tx, posts)
	if err := s.insertPeople(ctx); err != nil {
		return people{}, err
	}
	if err := s.insertFollows(ctx); err != nil {
		return people{}, err
	}
	if err := s.insertPosts(ctx); err != nil {
		return people{}, err
	}
	if err := tx.Commit(); err != nil {
		return people{}, err
	}
	return s.people, nil
}

type seeder struct {
	tx      *sql.Tx
	random  *rand.Rand
	people  people
	now     time.Time
	follows [][]int // whom each person follows
	authors []int32 // of each post
	ids     []int64 // of the people
}

// newSeeder decides who follows whom and who writes what.
func newSeeder(tx *sql.Tx, posts int) *seeder {
	s := &seeder{tx: tx, random: rand.New(rand.NewPCG(uint64(posts), 7)), now: time.Now()}
	count := max(posts/postsEach, fewestPeople)
	for i := range count {
		s.people.names = append(s.people.names, fmt.Sprintf("person%d", i))
	}
	for i, name := range map[int]string{reader: "john", dozer: "david", author: "susan", firstTalker: "talker"} {
		s.people.names[i] = name
	}
	n := s.people.names
	s.people.posts, s.people.reader, s.people.dozer, s.people.author, s.people.talker = posts, n[reader], n[dozer], n[author], n[firstTalker]

	// The talkers in the order of how much they write: a tenth of them about half of everything.
	loud := rand.NewZipf(s.random, 1.1, 10, uint64(count-firstTalker-1))
	talker := func() int { return firstTalker + int(loud.Uint64()) }

	s.follows = make([][]int, count)
	for _, i := range s.random.Perm(count - firstTalker - 1)[:followed-1] {
		s.follows[reader] = append(s.follows[reader], firstTalker+1+i)
	}
	s.follows[reader] = append(s.follows[reader], firstTalker)
	for i := range followed {
		s.follows[dozer] = append(s.follows[dozer], firstSilent+i)
	}
	for i := author; i < count; i++ {
		known := map[int]bool{i: true}
		for range followedElse {
			if t := talker(); !known[t] {
				known[t] = true
				s.follows[i] = append(s.follows[i], t)
			}
		}
	}

	s.authors = make([]int32, posts)
	for i := range s.authors {
		s.authors[i] = int32(talker())
		if i < posts/50 {
			s.authors[i] = int32(firstSilent + i%followed)
		}
	}
	for i := range ownPosts {
		s.authors[posts/2+i*posts/50] = author
	}
	return s
}

func (s *seeder) insertPeople(ctx context.Context) error {
	s.people.password = fmt.Sprintf("%x", rand.Uint64())
	hash, err := new(microblog.Hasher).Hash(ctx, s.people.password)
	if err != nil {
		return err
	}
	wrote, followers := make([]int, len(s.people.names)), make([]int, len(s.people.names))
	for _, a := range s.authors {
		wrote[a]++
	}
	for _, those := range s.follows {
		for _, f := range those {
			followers[f]++
		}
	}
	for i, n := range wrote {
		if n > microblog.PostsPerPage {
			s.people.writers = append(s.people.writers, s.people.names[i])
		}
	}
	const columns = `username, username_key, email, email_key, about_me, password_hash, created_at, last_seen, post_count, follower_count, following_count`
	rows := bulk{tx: s.tx, into: `INSERT INTO users (` + columns + `)`, columns: 11}
	joined, seen := s.postedAt(0).Add(-time.Hour).UnixMicro(), s.postedAt(len(s.authors)).UnixMicro()
	for i, name := range s.people.names {
		key, err := microblog.UsernameKey(name)
		if err != nil {
			return err
		}
		own := ""
		if i == reader || i == dozer {
			own = hash
		}
		email := name + "@example.org"
		err = rows.add(ctx, name, key, email, microblog.EmailKey(email), s.words(8), own, joined, seen, wrote[i], followers[i], len(s.follows[i]))
		if err != nil {
			return err
		}
	}
	if err := rows.flush(ctx); err != nil {
		return err
	}
	return s.readIDs(ctx)
}

func (s *seeder) readIDs(ctx context.Context) error {
	byName := make(map[string]int64, len(s.people.names))
	rows, err := s.tx.QueryContext(ctx, `SELECT id, username FROM users`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var name string
		if err := rows.Scan(&id, &name); err != nil {
			return err
		}
		byName[name] = id
	}
	for _, name := range s.people.names {
		s.ids = append(s.ids, byName[name])
	}
	return rows.Err()
}

func (s *seeder) insertFollows(ctx context.Context) error {
	rows := bulk{tx: s.tx, into: `INSERT INTO follows (follower_id, followed_id, created_at)`, columns: 3}
	at := s.postedAt(0).UnixMicro()
	for i, those := range s.follows {
		for _, f := range those {
			if err := rows.add(ctx, s.ids[i], s.ids[f], at); err != nil {
				return err
			}
		}
	}
	return rows.flush(ctx)
}

func (s *seeder) insertPosts(ctx context.Context) error {
	followed := make([]bool, len(s.people.names))
	for _, f := range s.follows[reader] {
		followed[f] = true
	}
	rows := bulk{tx: s.tx, into: `INSERT INTO posts (author_id, body, created_at)`, columns: 3}
	for i, a := range s.authors {
		body := fmt.Sprintf("%s. Post %d.", s.words(3+s.random.IntN(12)), i+1)
		switch {
		case a == author:
			s.people.tenPosts = append(s.people.tenPosts, body)
		case followed[a]:
			s.people.newestFollowed = body
		}
		if err := rows.add(ctx, s.ids[a], body, s.postedAt(i).UnixMicro()); err != nil {
			return err
		}
	}
	if err := rows.flush(ctx); err != nil {
		return err
	}
	return s.tx.QueryRowContext(ctx, `SELECT min(id) FROM posts`).Scan(&s.people.firstPost)
}

// postedAt spreads the posts evenly over two years, up to a month ago: pages show such times as
// dates, which do not change while something is measured.
func (s *seeder) postedAt(post int) time.Time {
	const span = 2 * 365 * 24 * time.Hour
	step := span / time.Duration(len(s.authors))
	return s.now.Add(-30*24*time.Hour - span + time.Duration(post)*step)
}

var vocabulary = strings.Fields(`a about again all and are at bread but by cat city day dog down for from garden
	had has have her here his home if in is it just like little long made make me morning music my new night no
	not now of off old on one our out over people photo play rain read road same sea she so some song sun that the
	their then there they this time to today train tree two up very walk was water we week went what when where
	which while who will window with wrote year you your`)

// words makes so many words of text, of a length that fits into a post for up to 14.
func (s *seeder) words(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(vocabulary[s.random.IntN(len(vocabulary))])
	}
	return b.String()
}
