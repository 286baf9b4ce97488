package link

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"example.org/microblog/fault/internal/devlink"
)

// PanicCopies are the copies that the runtimes of applications make when a goroutine panics that answers a request for net/http. An
// application ends those itself of which the panic is recovered otherwise than by net/http. The zero value is useful; its methods
// may be called by several goroutines.
type PanicCopies struct {
	mu    sync.Mutex
	taken map[int]bool
	seen  map[int]time.Time // when one that nobody has taken was seen first
}

const (
	readyLimit = time.Second            // how long a copy may take to close its files
	dropLimit  = 500 * time.Millisecond // and one that is not needed, to end
)

// Take returns the copy that an application with that socket has made of a goroutine, 0 if there is none. It belongs to the caller,
// who has to [PanicCopies.End] it.
func (p *PanicCopies) Take(socket string, goroutine int64) (pid int) {
	if goroutine <= 0 {
		return 0
	}
	found := panicCopiesOf(socket, goroutine)
	// Of a goroutine that has recovered and panicked again, the copy of the first panic is about to end.
	for end := time.Now().Add(dropLimit); len(found) > 1 && time.Now().Before(end); found = panicCopiesOf(socket, goroutine) {
		time.Sleep(5 * time.Millisecond)
	}
	pid = p.take(found)
	for end := time.Now().Add(readyLimit); pid != 0 && time.Now().Before(end); time.Sleep(time.Millisecond) {
		if _, fields, err := stat(pid); err != nil || fields[2] == strconv.Itoa(pid) {
			break
		}
	}
	return pid
}

// panicCopiesOf returns the copies of a goroutine. While one is made the application itself may have that name, which is its thread's.
func panicCopiesOf(socket string, goroutine int64) []int {
	return slices.DeleteFunc(copiesOf(socket, devlink.PanicName(uint64(goroutine))), func(pid int) bool { return !isSingle(pid) })
}

// isSingle tells whether a process has just one thread, as a copy has, and no program of Go that answers requests.
func isSingle(pid int) bool {
	const threads = 17 // the 20th, counted from the state on
	return numberOf(pid, threads) == 1
}

// take takes the newest.
func (p *PanicCopies) take(found []int) (pid int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var newest uint64
	for _, one := range found {
		if since := startOf(one); !p.taken[one] && since >= newest {
			pid, newest = one, since
		}
	}
	if pid != 0 {
		if p.taken == nil {
			p.taken = map[int]bool{}
		}
		p.taken[pid] = true
	}
	return pid
}

// End ends a copy that was taken.
func (p *PanicCopies) End(pid int) {
	End(pid)
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.taken, pid)
}

// Sweep waits for copies that have ended, and ends those that nobody has taken for so long.
func (p *PanicCopies) Sweep(age time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := map[int]time.Time{}
	for _, pid := range children() {
		name, fields, err := stat(pid)
		if p.taken[pid] || err != nil || !devlink.IsPanicName(name) || isCopy(pid, 0, name) != nil {
			continue
		}
		since, known := p.seen[pid]
		if !known {
			since = time.Now()
		}
		if fields[0] == "Z" {
			if known { // An application that has ended is waited for by others, at once.
				_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil) // Else the next time.
			} else {
				seen[pid] = since
			}
			continue
		}
		if !isSingle(pid) {
			continue
		}
		if time.Since(since) >= age {
			End(pid)
			continue
		}
		seen[pid] = since
	}
	p.seen = seen
}

// children are the processes that are children of this one; where the kernel does not tell, all.
func children() (pids []int) {
	lists, _ := filepath.Glob("/proc/self/task/*/children") // The pattern is right.
	if lists == nil {
		entries, _ := os.ReadDir("/proc") // What cannot be read has no copies that could be ended.
		for _, e := range entries {
			if pid, err := strconv.Atoi(e.Name()); err == nil {
				pids = append(pids, pid)
			}
		}
		return pids
	}
	for _, list := range lists {
		text, _ := os.ReadFile(list) // A thread may have ended.
		for _, field := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(field); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// startOf is when a process was started, in ticks since the machine was.
func startOf(pid int) uint64 {
	const start = 19 // the 22nd, counted from the state on
	return numberOf(pid, start)
}

// numberOf is what /proc tells of a process in a field, counted from the state on; 0 if it is not there.
func numberOf(pid, field int) uint64 {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) <= field {
		return 0
	}
	n, _ := strconv.ParseUint(fields[field], 10, 64) // It is a number.
	return n
}
