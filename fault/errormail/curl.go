package errormail

import "example.org/microblog/fault"

// command is a request as a command for a POSIX shell.
type command struct {
	Text  string   // "" if there is none
	Notes []string // what to know before it is pasted
}

// curl returns the request as a command of at most about max bytes, or none.
func curl(q *fault.Request, base string, max int) command {
	text, notes := q.Curl(base, max)
	return command{text, notes}
}
