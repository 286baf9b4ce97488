package crash

import "syscall"

// bootID names this start of the machine, "" if it cannot be known.
func bootID() string {
	id, err := syscall.Sysctl("kern.bootsessionuuid")
	if err != nil {
		return ""
	}
	return id
}

func sameBoot(a, b string) bool { return a == b }
