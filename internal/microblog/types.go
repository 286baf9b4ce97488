package microblog

import "time"

// The limits of the texts that people write.
const (
	MaxUsername   = 64   // characters (code points) as typed
	MaxEmail      = 120  // characters (code points)
	MaxAboutMe    = 140  // grapheme clusters: what people count as one character
	MaxPost       = 140  // grapheme clusters
	MaxTextBytes  = 4096 // bytes of a post or an about-me text in UTF-8
	MinPassword   = 8    // characters (code points)
	MaxPassword   = 1024 // bytes in UTF-8
	PostsPerPage  = 20
	PeoplePerPage = 20
)

// User is a registered person.
type User struct {
	ID             int64
	Username       string // as typed by its owner
	Email          string // as typed
	AboutMe        string // "" when nothing was written
	PasswordHash   string // PHC string, for Hasher.Verify; "" locks log-in
	CreatedAt      time.Time
	LastSeen       time.Time // zero: never
	Admin          bool
	Generation     int64 // a session made under another generation is over
	PostCount      int64
	FollowerCount  int64
	FollowingCount int64
}

// Post is one message by one person.
type Post struct {
	ID         int64
	AuthorID   int64
	AuthorName string // the author's present username
	Body       string
	CreatedAt  time.Time
}
