//go:build faultdev

package trace

import "example.org/microblog/fault/internal/freeze"

// remember is called when an error remembers where it was first wrapped, or made: `fault run` wants a copy of
// the process as it is there.
func remember(err error) { freeze.Error(err) }
