// Package incident keeps the books of what failed: it groups captured failures into incidents, counts
// each exactly once, knows their lifecycle, and decides when somebody is to be told.
//
// A [Book] works through a [Source] of captured failures in its Run. It keeps its incidents in SQL,
// on SQLite or PostgreSQL, where several processes may share them. Without a database, or while the
// database is gone, it keeps them in a state file by the very same rules; when the database is back,
// the file is taken over into it, nothing counted or told twice.
//
// Whoever sends the mails claims the notices that the Book has decided with [Book.Claim] and says
// what became of them with [Book.Queued] and [Book.Settle].
package incident
