package address

import "golang.org/x/sys/windows"

const (
	inUse        = windows.WSAEADDRINUSE
	notAvailable = windows.WSAEADDRNOTAVAIL
)
