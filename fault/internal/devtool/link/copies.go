package link

import "slices"

// end ends a copy that the application has made and does not need.
func (a *app) end(pid int) {
	if isCopy(pid, a.pid) == nil && !slices.Contains(a.taken, pid) {
		End(pid)
	}
}

// endRest ends the copies that an application has left which could not tell of them any more.
func (a *app) endRest() {
	if !a.handler.Freeze {
		return
	}
	for _, pid := range copiesOf(a.socket) {
		a.end(pid)
	}
}
