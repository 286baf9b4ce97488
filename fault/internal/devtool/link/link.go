// Package link is the supervisor's end of the connection to the application that it runs: it learns what
// failed, and which files are read from disk, and it tells the application when those have changed.
package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/internal/devlink"
	"example.org/microblog/fault/redact"
	"example.org/microblog/fault/trace"
)

// Variable is the environment variable that tells the application the path of the socket.
const Variable = devlink.Variable

// CopiesVariable is the environment variable that tells the application the number of the process which wants a copy of it when
// it ends by a crash or with an error: see [EndCopy].
const CopiesVariable = devlink.CopiesVariable

// writeTimeout bounds how long a message to an application may take that does not read.
const writeTimeout = 5 * time.Second

// maxPath is how long the path of a socket may be on every system, in bytes.
const maxPath = 103

// Handler gets what applications say; a function that is nil is not called. Those for one process are
// called one after the other, in the order of what it says, and it waits meanwhile: they must be quick.
// Those for several processes may be called at once.
type Handler struct {
	// Hello is called first, with the process's id.
	Hello func(pid int)
	// Live is called with the absolute path of a directory, or of a single file, that the process reads
	// from disk: a change there needs no rebuild but [Server.Changed].
	Live func(pid int, path string)
	// Failed is called when something has failed, and the answer is written when it has returned.
	Failed func(pid int, f Failure)
	// Ending is called when the process is about to end itself by os.Exit, with where it does that. Then it waits for the return.
	Ending func(pid int, stack trace.Stack)
	// Gone is called last. err is nil when the connection was closed, as by the end of the process; else
	// it says what the process did wrong.
	Gone func(pid int, err error)
	// Freeze has applications make a copy of themselves of each failure. A copy belongs to who gets it by
	// Failed and has to [End] it; one that Failed does not tell of is ended.
	Freeze bool
}

// Failure is what has failed in an application.
type Failure struct {
	*fault.Failure
	// Request is the value of the request's devlink.RequestHeader, "" for what belongs to no answer. The same
	// failure may come twice: once when it is reported, then, with a request, as the answer to it.
	Request string
	// Frozen is the process that is a copy of the application as it was when it failed, 0 if there is none, as
	// when the failure comes for the second time. FrozenStack says what the copy's stack is, like StackOf does
	// for Stack: it may be StackPanic of a panic that somebody has recovered and turned into an error.
	Frozen      int
	FrozenStack string
	FrozenWhy   string // why there is no copy, if one was wanted
}

// A Server listens for applications. [Listen] makes one; Close ends it.
type Server struct {
	listener net.Listener
	handler  Handler
	running  sync.WaitGroup

	mu     sync.Mutex
	closed bool
	apps   []*app   // in the order in which they came
	names  []string // under which there are secrets, beside the usual ones

	redactor atomic.Pointer[redact.Redactor] // by these names; nil: there are none
}

// What a Server keeps of the names that applications tell.
const (
	maxNames = 1000
	maxName  = 128 // bytes
)

// Redactor returns the one that masks by the names of secrets that all processes so far have told of, beside the usual ones.
func (s *Server) Redactor() *redact.Redactor { return s.redactor.Load() }

func (s *Server) addSecrets(names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		if name != "" && len(name) <= maxName && len(s.names) < maxNames && !slices.Contains(s.names, name) {
			s.names = append(s.names, name)
		}
	}
	s.redactor.Store(redact.New(redact.Options{Keys: s.names}))
}

// Listen makes a socket at an absolute path, where nothing may be yet, and serves every process that
// connects to it, the children of the application too. The directory should be its user's alone.
func Listen(path string, h Handler) (*Server, error) {
	switch {
	case !filepath.IsAbs(path):
		return nil, fmt.Errorf("the socket for the application needs an absolute path, not %q", path)
	case len(path) > maxPath:
		return nil, fmt.Errorf("the path of the socket for the application is too long, %d bytes where %d are possible: set TMPDIR to a shorter one (%s)",
			len(path), maxPath, path)
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("making the socket for the application: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		_ = listener.Close() // It was never used.
		return nil, fmt.Errorf("keeping the socket for the application to its user: %w", err)
	}
	s := &Server{listener: listener, handler: h}
	s.running.Go(s.accept)
	return s, nil
}

// Path returns where the socket is: the value of [Variable].
func (s *Server) Path() string { return s.listener.Addr().String() }

// Close ends all connections, removes the socket and waits until no function of the Handler is running.
// It may be called again.
func (s *Server) Close() error {
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	apps := slices.Clone(s.apps)
	s.mu.Unlock()
	var err error
	if !closed {
		if err = s.listener.Close(); err != nil {
			err = fmt.Errorf("closing the socket for the application: %w", err)
		}
	}
	for _, a := range apps {
		a.close()
	}
	s.running.Wait()
	return err
}

func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(50 * time.Millisecond) // Too many open files: the application does not wait for this.
			continue
		}
		a := newApp(conn, s)
		if !s.add(a) {
			a.close()
			return
		}
		s.running.Go(func() {
			defer s.remove(a)
			a.serve()
		})
	}
}

func (s *Server) add(a *app) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.apps = append(s.apps, a)
	return true
}

func (s *Server) remove(a *app) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.apps = slices.DeleteFunc(s.apps, func(other *app) bool { return other == a })
}

// Trees returns what the connected processes read from disk: absolute paths, sorted, each once.
func (s *Server) Trees() []string {
	s.mu.Lock()
	apps := slices.Clone(s.apps)
	s.mu.Unlock()
	var all []string
	for _, a := range apps {
		all = append(all, a.announced()...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Changed tells the processes that read the files from disk to load them anew, and waits for them to have
// done so. It asks only if there is such a process for every single file, and asked says so; otherwise,
// and for Go files always, the application must be built anew. problem is why what changed does not load,
// "" if it does; the application then goes on with what it loaded last. The error is ctx's, or that an
// application went away before it answered.
func (s *Server) Changed(ctx context.Context, files []string) (problem string, asked bool, err error) {
	s.mu.Lock()
	apps := slices.Clone(s.apps)
	s.mu.Unlock()
	shares := divide(apps, files)
	if shares == nil {
		return "", false, nil
	}
	problems, errs := make([]string, len(apps)), make([]error, len(apps))
	var waiting sync.WaitGroup
	for i, share := range shares {
		if len(share) > 0 {
			waiting.Go(func() { problems[i], errs[i] = apps[i].changed(ctx, share) })
		}
	}
	waiting.Wait()
	problems = slices.DeleteFunc(problems, func(p string) bool { return p == "" })
	slices.Sort(problems) // Two processes of one application say the same.
	return strings.Join(slices.Compact(problems), "\n"), true, errors.Join(errs...)
}

// divide gives each application the files that it reads; nil if there is a file that none does.
func divide(apps []*app, files []string) [][]string {
	shares := make([][]string, len(apps))
	for _, file := range files {
		if filepath.Ext(file) == ".go" || !filepath.IsAbs(file) {
			return nil
		}
		read := false
		for i, a := range apps {
			if a.reads(file) {
				shares[i], read = append(shares[i], file), true
			}
		}
		if !read {
			return nil
		}
	}
	if len(files) == 0 {
		return nil
	}
	return shares
}
