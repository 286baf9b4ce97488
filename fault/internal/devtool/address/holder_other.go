//go:build !linux

package address

// Holder names the process that listens on address, HOST:PORT. On this system it does not know, and says "".
func Holder(string) string { return "" }
