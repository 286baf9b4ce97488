package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// stopLimit is how long an interrupted go command may take to remove its temporary files.
const stopLimit = 2 * time.Second

// maxOutput bounds what is kept of the messages of a go command, in bytes. Standard output of go list has no
// bound: it is as large as the program's list of files.
const maxOutput = 1 << 20

// command is the go command with its place and its environment.
type command struct {
	path, dir string
	env       []string
	before    []string // a program that runs the go command, with its arguments
}

// with is the command with one more setting.
func (c command) with(setting string) command {
	c.env = append(slices.Clip(c.env), setting)
	return c
}

// result is what a go command that has ended by itself has left.
type result struct {
	stdout []byte
	stderr []byte
	code   int
}

// all is what it wrote, for people.
func (r result) all() string {
	return string(r.stdout) + string(r.stderr)
}

func (r result) first() string { return firstLine(r.all()) }

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// run runs the go command. The error says that it could not be run, or is that of ctx: then it and the programs
// that it has started have ended.
func (c command) run(ctx context.Context, args ...string) (result, error) {
	if err := ctx.Err(); err != nil {
		return result{}, err
	}
	var stdout bytes.Buffer
	stderr := head{max: maxOutput}
	args = slices.Concat(c.before, []string{c.path}, args)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = c.dir, c.env, &stdout, &stderr
	cmd.WaitDelay = stopLimit // for a pipe that somebody outside of the group has kept
	g := newGroup(cmd)
	started, ended := make(chan error, 1), make(chan error, 1)
	go func() {
		// The kernel may end a child together with the thread that started it; this one lives on.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := g.start()
		started <- err
		if err == nil {
			ended <- cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return result{}, fmt.Errorf("starting the go command: %w", err)
	}
	defer g.close()
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
		g.interrupt()
		limit := time.NewTimer(stopLimit)
		defer limit.Stop()
		select {
		case <-ended:
		case <-limit.C:
			g.kill()
			<-ended
		}
		g.kill() // what the go command has left
		return result{}, ctx.Err()
	}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.ExitCode() < 0:
		return result{}, fmt.Errorf("the go command ended early: %v", exit)
	case err != nil && exit == nil && !errors.Is(err, exec.ErrWaitDelay):
		return result{}, fmt.Errorf("running the go command: %w", err)
	}
	return result{stdout.Bytes(), stderr.b, cmd.ProcessState.ExitCode()}, nil
}

// head keeps the beginning of what is written to it.
type head struct {
	b   []byte
	max int
}

func (h *head) Write(p []byte) (int, error) {
	h.b = append(h.b, p[:min(len(p), h.max-len(h.b))]...)
	return len(p), nil
}
