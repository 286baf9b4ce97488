//go:build !linux

package link

import "errors"

// End does nothing: there are no copies.
func End(copy int) {}

func isCopy(pid, app int, names ...string) error {
	return errors.New("there are no copies of an application on this system")
}

func copiesOf(socket, name string) []int { return nil }

// EndCopy returns 0: there are no copies.
func EndCopy(socket string) (pid int, crashed bool) { return 0, false }

// Reap does nothing: there are no copies.
func Reap(app int) {}
