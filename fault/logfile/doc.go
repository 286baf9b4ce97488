// Package logfile writes a web application's log: a file that rotates by exact
// size and may be shared by several processes, and slog handlers for its text
// and JSON formats.
//
// A [File] appends whole records. Every append happens under a lock on the log
// file itself, so any number of processes may write to the same path, each with
// a File of its own and the same Options; there is no lock file and no
// coordinator. When a record would make the file longer than Options.MaxBytes,
// the file becomes PATH.1, what was PATH.1 becomes PATH.2 and so on, and a new
// one is begun. No record is split, lost or written twice by that, whichever
// process rotates and whenever one of them is killed; the fragment that a
// killed process may leave of its last record is closed by a line break.
//
// The file may be moved, removed or truncated from outside at any time: each
// append goes to the file that has the name at that moment. After moving it,
// call [File.Reopen] (usually on SIGHUP) to let go of the old one and have the
// new one made at once.
//
// Logging never fails its caller. When the disk is full, the directory cannot
// be written or another process sits on the lock, records are dropped and
// counted, Options.Stderr is told what is wrong and what to do, and a retry
// each second finds out when writing works again; then both Options.Stderr and
// the log get the exact number of records that are missing. A file that can be
// written and not be rotated, because its directory belongs to somebody else,
// say, is appended to beyond its limit, up to ten times that, before records are
// dropped; Options.Stderr is told once and a retry each second finds out when
// rotating works again. Nothing is synced
// to the disk: records survive the end of the process, not that of the machine.
package logfile
