//go:build amd64 || arm64

package freeze

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"
)

const (
	// beat is how often a copy looks whether its parent is there, and comes by [Marker].
	beat = 50 * time.Millisecond
	// room is how much stack a copy has left, in bytes: it cannot grow, since what it takes that from may be
	// locked by a thread that is not in the copy.
	room = 16 << 10
)

// What package syscall has no names for, or other ones on each architecture.
const (
	sysCloseRange  = 436
	prSetName      = 15
	prGetName      = 16
	prSetPtracer   = 0x59616d61
	prSetPtracerBy = ^uintptr(0) // any process
)

// Here copies the process, at a cost of some milliseconds for each 100 MB that it has in memory, for which
// other goroutines that need new memory wait. parent is the process that is to own the copy: it must be the
// parent of this one, and has to wait for the copy (wait4) when it has ended.
//
// The copy has the memory and the calling goroutine, but no open file: it cannot reach what the process is
// connected to. Memory that the process shares with others, such as the index of an SQLite database's log, it
// cannot write, and sees it change. It is in a session of its own, any process of the same user may trace it, and it is the
// first to go when memory runs out.
func Here(parent int) (Copy, error) { return here(parent, Name+"\x00") }

// here is Here for a copy of that name, which ends with a zero.
func here(parent int, name string) (Copy, error) {
	if os.Getppid() != parent {
		return Copy{}, ErrNotChild
	}
	if process.copied {
		return Copy{}, ErrCopy
	}
	var place byte // on the stack
	from := uintptr(unsafe.Pointer(&place))
	shared, err := sharedMemory()
	if err != nil {
		return Copy{}, fmt.Errorf("looking for memory that a copy would share: %w", err)
	}
	reserve()
	by := uintptr(unsafe.Pointer(&place)) - from
	pid, errno := fork(name)
	if errno != 0 {
		return Copy{}, refused(errno)
	}
	if pid == 0 {
		stay(uintptr(parent), shared, from, by)
	}
	return Copy{PID: int(pid)}, nil
}

// refused says why the kernel made no copy.
func refused(errno syscall.Errno) error {
	switch errno {
	case syscall.ENOMEM:
		return fmt.Errorf("the system has no memory for a copy of the application, or promises none. Free some, or set vm.overcommit_memory to 0 if it is 2 (%w)", errno)
	case syscall.EAGAIN:
		return fmt.Errorf("no copy of the application could be made: no more processes are allowed. Raise the limit: ulimit -u, or in a container --pids-limit (%w)", errno)
	case syscall.EPERM, syscall.ENOSYS:
		return fmt.Errorf("no copy of the application could be made: a seccomp rule, as of a container, forbids clone with CLONE_PARENT. Start the container with --security-opt seccomp=unconfined (%w)", errno)
	case syscall.EINVAL:
		return fmt.Errorf("the first process of a container cannot be copied. Run it beneath another one: docker run --init (%w)", errno)
	}
	return fmt.Errorf("copying the process: %w", errno)
}

// fork splits the process. Between the two calls of the runtime no signal comes, the goroutine stays on its
// thread, and no stack can grow. After them the copy's goroutine is not preempted: nobody is left who could
// ask it to.
//
// The copy has its name from its beginning on, by which its parent knows it: from the thread, which gets its
// own back.
//
//go:norace
//go:nosplit
//go:noinline
func fork(name string) (pid uintptr, errno syscall.Errno) {
	var own [16]byte
	beforeFork()
	syscall.RawSyscall(syscall.SYS_PRCTL, prGetName, uintptr(unsafe.Pointer(&own)), 0)
	syscall.RawSyscall(syscall.SYS_PRCTL, prSetName, uintptr(unsafe.Pointer(unsafe.StringData(name))), 0)
	pid, _, errno = syscall.RawSyscall6(syscall.SYS_CLONE, syscall.CLONE_PARENT|uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
	if pid != 0 {
		syscall.RawSyscall(syscall.SYS_PRCTL, prSetName, uintptr(unsafe.Pointer(&own)), 0)
	}
	afterFork()
	return pid, errno
}

//go:linkname beforeFork syscall.runtime_BeforeFork
func beforeFork()

//go:linkname afterFork syscall.runtime_AfterFork
func afterFork()

// stay is the life of a copy. It allocates nothing, and makes raw system calls only: the scheduler must not
// take its processor away.
//
//go:norace
//go:noinline
func stay(parent uintptr, shared []region, from, by uintptr) {
	process.moved.from, process.moved.by = from, by
	process.copied = true // The race detector must not hear of it: it would tell, with the application's files.
	setEnding()
	closeAll()
	for i := range shared {
		syscall.RawSyscall(syscall.SYS_MPROTECT, shared[i].start, shared[i].end-shared[i].start, syscall.PROT_READ)
	}
	// The kernel ends it with the thread that has started the application, too: it may hang in a call that a
	// debugger has made when the parent goes, and then it never looks.
	syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL), 0)
	// What the application has done against being looked at is not meant for its copy.
	syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_DUMPABLE, 1, 0)
	syscall.RawSyscall(syscall.SYS_PRCTL, prSetPtracer, prSetPtracerBy, 0)
	dieFirst()
	syscall.RawSyscall(syscall.SYS_SETSID, 0, 0, 0) // the last: see end
	pause := syscall.Timespec{Nsec: int64(beat)}
	for n := 0; ; {
		syscall.RawSyscall(syscall.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&pause)), 0, 0)
		if now, _, _ := syscall.RawSyscall(syscall.SYS_GETPPID, 0, 0, 0); now != parent {
			syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 0, 0, 0)
		}
		n = Marker(n)
	}
}

// Marker is where a copy comes by again and again: a debugger that stops it there can call functions.
//
//go:noinline
func Marker(n int) int { return n + 1 }

// closeAll closes all files: a copy shares none.
//
//go:norace
func closeAll() {
	if _, _, errno := syscall.RawSyscall(sysCloseRange, 0, ^uintptr(0)>>32, 0); errno == 0 {
		return
	}
	// Before Linux 5.9.
	var limit syscall.Rlimit
	syscall.RawSyscall6(syscall.SYS_PRLIMIT64, 0, syscall.RLIMIT_NOFILE, 0, uintptr(unsafe.Pointer(&limit)), 0, 0)
	for fd := uintptr(0); fd < uintptr(min(limit.Cur, 1<<20)); fd++ {
		syscall.RawSyscall(syscall.SYS_CLOSE, fd, 0, 0)
	}
}

// dieFirst lets the kernel end the copy before others when memory runs out.
//
//go:norace
func dieFirst() {
	const path, most = "/proc/self/oom_score_adj\x00", "1000"
	const here = ^uintptr(99) // AT_FDCWD
	fd, _, errno := syscall.RawSyscall6(syscall.SYS_OPENAT, here, uintptr(unsafe.Pointer(unsafe.StringData(path))), syscall.O_WRONLY, 0, 0, 0)
	if errno != 0 {
		return
	}
	syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(unsafe.StringData(most))), uintptr(len(most)))
	syscall.RawSyscall(syscall.SYS_CLOSE, fd, 0, 0)
}

// reserve makes room on the stack.
//
//go:noinline
func reserve() {
	var space [room]byte
	runtime.KeepAlive(&space)
}
