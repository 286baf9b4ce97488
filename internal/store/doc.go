// Package store keeps people, posts, sessions and limits in one SQL database, SQLite or PostgreSQL.
//
// A Store is opened by sqlite.Open or postgres.Open, brought up to date by
// Migrate, and may then be used by any number of goroutines and processes at
// the same time. Every method takes a context and stops when it is done.
//
// The methods, by what they are about:
//
//	schema     Migrate MigrationStatus Ready Close
//	people     CreateUser CheckFree UserByID UserByLogin Users UpdateProfile
//	           SetAdmin SetPassword RehashPassword SaveLastSeen
//	profiles   Profile
//	posts      CreatePost DeletePost Post PostsBy Home Explore
//	follows    Follow Unfollow Follows Followers Following
//	sessions   SessionUser CommitSession DeleteSession EndSessions Sessions
//	limits     LoginAttempt LoginSucceeded LoginWithdrawn RegistrationAttempt
//	upkeep     SecretKey Purge
//	for others Writer DialectName
//
// # Errors
//
// What a caller is expected to handle comes as a sentinel or a type of package
// microblog: ErrNotFound, ErrNotOwner, ErrUsernameTaken, ErrEmailTaken,
// ErrSelfFollow and *FieldError; or of this package: ErrUnavailable (the
// database cannot be reached or is too busy; try again later) and
// *SchemaError. Ask with errors.Is and errors.As. Everything else is a fault;
// it remembers where it was first wrapped, and holds no query argument.
//
// # Lists
//
// A list is cut into pages by cursors: the ids at the ends of the page that is
// shown. It therefore stays where it is while people post. See Page.
package store
