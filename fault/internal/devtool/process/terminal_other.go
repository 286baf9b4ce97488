//go:build !unix

package process

import (
	"errors"
	"os"
)

// openTerminal cannot make one, on this system; the process gets pipes.
func openTerminal(*os.File) (outer, inner *os.File, err error) {
	return nil, nil, errors.ErrUnsupported
}

func followSize([]*pipe, *group) (stop func()) { return func() {} }
