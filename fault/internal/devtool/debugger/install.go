package debugger

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"go/version"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"example.org/microblog/fault/internal/devtool/process"
	"example.org/microblog/fault/internal/filelock"
)

const (
	// DelveVariable is the environment variable that names another dlv.
	DelveVariable = "FAULT_DELVE"
	// DelveVersion is the one that is built.
	DelveVersion = "v1.27.2"

	delvePackage = "github.com/go-delve/delve/cmd/dlv"
)

// An Installer gets Delve. The zero value builds it into the user's cache.
type Installer struct {
	Go       string   // the go command; "" is that in PATH
	CacheDir string   // "" is fault in the user's cache
	Env      []string // nil is that of this process

	mu   sync.Mutex
	path string // of what was found
}

// Ensure returns the path of a dlv: the one that DelveVariable names, or one in PATH that is as new as
// DelveVersion, or else one of that version, which is built when it is first needed. That takes a minute;
// progress, which may be nil, is told what happens, a line at a time. Processes wait for each other. An
// *UnavailableError says what to do about it.
func (i *Installer) Ensure(ctx context.Context, progress func(string)) (string, error) {
	if err := supported(); err != nil {
		return "", err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.path != "" {
		if _, err := os.Stat(i.path); err == nil {
			return i.path, nil
		}
	}
	if progress == nil {
		progress = func(string) {}
	}
	path, err := i.ensure(ctx, progress)
	if err != nil {
		return "", err
	}
	i.path = path
	return path, nil
}

func (i *Installer) ensure(ctx context.Context, progress func(string)) (string, error) {
	if named := i.getenv(DelveVariable); named != "" {
		found, err := versionOf(ctx, named)
		if err != nil {
			return "", &UnavailableError{
				Text: DelveVariable + " names " + named + ", which is no dlv that runs.",
				Fix:  "Correct it, or take it away: then Delve is built.", Err: err,
			}
		}
		progress("Delve " + found + " is at " + named)
		return filepath.Abs(named)
	}
	if installed, err := i.lookPath("dlv"); err == nil {
		if found, err := versionOf(ctx, installed); err == nil && version.Compare("go"+found, "go"+DelveVersion[1:]) >= 0 {
			return installed, nil
		}
	}
	goVersion, err := i.goVersion(ctx)
	if err != nil {
		return "", err
	}
	cache := i.CacheDir
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", &UnavailableError{
				Text: "There is no directory to build Delve into.", Fix: "Set HOME or XDG_CACHE_HOME, or " + DelveVariable + " to a dlv.", Err: err,
			}
		}
		cache = filepath.Join(user, "fault")
	}
	path := filepath.Join(cache, "delve-"+DelveVersion+"-"+goVersion, "dlv")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := i.build(ctx, path, progress); err != nil {
		return "", err
	}
	return path, nil
}

// build builds Delve unless another process has done so meanwhile.
func (i *Installer) build(ctx context.Context, path string, progress func(string)) (err error) {
	unwritable := func(err error) error {
		return &UnavailableError{
			Text: "Delve cannot be built into " + filepath.Dir(path) + ".", Fix: "Make room there, or set " + DelveVariable + " to a dlv.", Err: err,
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return unwritable(err)
	}
	unlock, err := lock(ctx, filepath.Join(filepath.Dir(path), "lock"), progress)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return unwritable(err)
	}
	defer unlock()
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	progress("building Delve " + DelveVersion + ", the debugger: once, a minute or so")
	temporary, err := os.MkdirTemp(filepath.Dir(path), "build-")
	if err != nil {
		return unwritable(err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temporary)) }()
	// Not from the directory of the application, whose go.mod and go.work are no business of Delve's.
	output := &lines{tell: progress}
	p, err := process.Start(process.Spec{
		Path: i.goCommand(), Args: []string{"install", delvePackage + "@" + DelveVersion}, Dir: temporary,
		Env:    append(i.environ(), "GOBIN="+temporary, "GOFLAGS=", "GOWORK=off", "GOOS=", "GOARCH=", "GO111MODULE=on"),
		Stdout: output, Stderr: output,
	})
	if err != nil {
		return noGo(err)
	}
	select {
	case <-p.Done():
	case <-ctx.Done():
		return errors.Join(ctx.Err(), p.Kill())
	}
	if exit := p.Exit(); exit.Code != 0 {
		return &UnavailableError{
			Text: "Delve, the debugger that is used here, could not be built.",
			Fix:  "It needs the network once, for modules: `go install " + delvePackage + "@" + DelveVersion + "` shows what is wrong; or set " + DelveVariable + " to a dlv.",
			Err:  errors.New(cmp.Or(lastLine(strings.TrimSpace(exit.Output)), exit.String())),
		}
	}
	if err := os.Rename(filepath.Join(temporary, "dlv"), path); err != nil {
		return unwritable(err)
	}
	progress("Delve " + DelveVersion + " is built")
	return nil
}

// lock waits for the lock file.
func lock(ctx context.Context, path string, progress func(string)) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for waited := false; ; waited = true {
		err := filelock.Try(f)
		if err == nil || errors.Is(err, errors.ErrUnsupported) {
			return func() { _ = f.Close() }, nil // That unlocks it.
		}
		if !errors.Is(err, filelock.ErrLocked) {
			return nil, errors.Join(err, f.Close())
		}
		if !waited {
			progress("another process builds Delve")
		}
		const pause = 100 * time.Millisecond
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), f.Close())
		}
	}
}

func (i *Installer) environ() []string {
	if i.Env != nil {
		return i.Env
	}
	return os.Environ()
}

func (i *Installer) getenv(name string) string {
	value := ""
	for _, setting := range i.environ() {
		if n, v, ok := strings.Cut(setting, "="); ok && n == name {
			value = v
		}
	}
	return value
}

// lookPath finds a program in the PATH of the Installer's environment.
func (i *Installer) lookPath(name string) (string, error) {
	for _, dir := range filepath.SplitList(i.getenv("PATH")) {
		if !filepath.IsAbs(dir) {
			continue
		}
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", exec.ErrNotFound
}

func (i *Installer) goCommand() string {
	if i.Go != "" {
		return i.Go
	}
	if path, err := i.lookPath("go"); err == nil {
		return path
	}
	return "go"
}

func (i *Installer) goVersion(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, i.goCommand(), "env", "GOVERSION")
	cmd.Env = append(i.environ(), "GOWORK=off")
	cmd.Dir = os.TempDir()
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", noGo(err)
	}
	name, _, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	return name, nil
}

func noGo(err error) error {
	return &UnavailableError{
		Text: "There is no go command, which builds Delve, the debugger that is used here.",
		Fix:  "Install Go from https://go.dev/dl, or set " + DelveVariable + " to a dlv.", Err: err,
	}
}

var delveSays = regexp.MustCompile(`(?m)^Version: (\d+\.\d+\.\d+)`)

// versionOf runs a dlv: "1.27.2".
func versionOf(ctx context.Context, path string) (string, error) {
	const limit = 10 * time.Second
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "version")
	cmd.WaitDelay = time.Second // for what a wrapper has left running
	out, err := cmd.Output()
	if err != nil {
		return "", err
	}
	match := delveSays.FindSubmatch(out)
	if match == nil {
		return "", fmt.Errorf("it does not say its version")
	}
	return string(match[1]), nil
}

// lines tells what is written to it line by line.
type lines struct {
	mu   sync.Mutex
	rest []byte
	tell func(string)
}

var _ io.Writer = (*lines)(nil)

func (l *lines) Write(data []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	const most = 1 << 10 // A longer line is told in pieces.
	l.rest = append(l.rest, data...)
	for {
		end := bytes.IndexByte(l.rest, '\n')
		if end < 0 {
			if len(l.rest) > most {
				l.tell(string(l.rest))
				l.rest = nil
			}
			return len(data), nil
		}
		l.tell(strings.TrimRight(string(l.rest[:end]), "\r"))
		l.rest = l.rest[end+1:]
	}
}
