package main_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// confined makes the test binary become another program, its arguments, which may do less from then on: it is told, as
// "ptrace=EPERM", what the kernel refuses, as a container's seccomp filter does.
const confined = "FAULT_TEST_CONFINED"

// confine becomes that program. It returns only when that fails.
func confine(refusals string) error {
	runtime.LockOSThread() // The filter is that of a thread, which exec makes the only one.
	for refusal := range strings.SplitSeq(refusals, ",") {
		call, name, _ := strings.Cut(refusal, "=")
		number, known := map[string]uint32{"ptrace": unix.SYS_PTRACE, "swapon": unix.SYS_SWAPON}[call]
		errno, named := map[string]syscall.Errno{"EPERM": unix.EPERM, "ENOSYS": unix.ENOSYS}[name]
		if !known || !named {
			return fmt.Errorf("no such refusal: %q", refusal)
		}
		if err := refuse(number, errno); err != nil {
			return fmt.Errorf("refusing %s: %w", refusal, err)
		}
	}
	if err := os.Unsetenv(confined); err != nil {
		return err
	}
	return syscall.Exec(os.Args[1], os.Args[1:], os.Environ())
}

// refuse has the kernel refuse a system call.
func refuse(number uint32, errno syscall.Errno) error {
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // the number of the call
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: number},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(errno)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	filter := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	return unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&filter)), 0, 0)
}
