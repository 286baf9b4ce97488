package address

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"syscall"
)

// ListenError is an address that cannot be had.
type ListenError struct {
	Address string
	InUse   bool   // another program has it
	Holder  string // that program, if it can be known: "postfix (process 812)"
	Err     error
}

// Error says what is the matter with the address. What to do is for the caller to say, who knows how it was given.
func (e *ListenError) Error() string {
	switch {
	case e.InUse && e.Holder != "":
		return fmt.Sprintf("the address %s is in use by %s", e.Address, e.Holder)
	case e.InUse:
		return fmt.Sprintf("the address %s is in use by another program", e.Address)
	case errors.Is(e.Err, fs.ErrPermission):
		return fmt.Sprintf("this user may not listen on %s; ports below 1024 need a privilege", e.Address)
	case notHere(e.Err):
		return fmt.Sprintf("this machine does not have the address %s", e.Address)
	}
	return fmt.Sprintf("listening on %s: %v", e.Address, e.Err)
}

func (e *ListenError) Unwrap() error { return e.Err }

// Listen listens on a TCP address, HOST:PORT. An error is a *ListenError.
func Listen(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err == nil {
		return l, nil
	}
	e := &ListenError{Address: address, Err: err, InUse: InUse(err)}
	if e.InUse {
		e.Holder = Holder(address)
	}
	return nil, e
}

// InUse reports whether err, from listening on an address, means that somebody else listens there.
func InUse(err error) bool {
	var number syscall.Errno
	return errors.As(err, &number) && number == inUse
}

func notHere(err error) bool {
	var number syscall.Errno
	return errors.As(err, &number) && number == notAvailable
}
