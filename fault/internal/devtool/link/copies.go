package link

import (
	"slices"

	"example.org/microblog/fault/internal/devlink"
)

// end ends a copy that the application has made and does not need.
func (a *app) end(pid int) {
	if isCopy(pid, a.pid, devlink.CopyName) == nil && !slices.Contains(a.taken, pid) {
		End(pid)
	}
}

// endRest ends the copies that an application has left which could not tell of them any more.
func (a *app) endRest() {
	if !a.handler.Freeze {
		return
	}
	for _, pid := range copiesOf(a.socket, devlink.CopyName) {
		a.end(pid)
	}
}
