//go:build unix

package process

import (
	"io"
	"os/exec"
	"strconv"
	"syscall"
)

// A keeper is a process that kills the group when we end without having dismissed it, be it by SIGKILL: then
// the pipe that it reads from ends without a line. Pdeathsig cannot do that for what the application has
// started, and exists on Linux only.
type keeper struct {
	cmd  *exec.Cmd
	pipe io.WriteCloser
}

// keeperScript ends what pkill may know by the session, too; its own complaints are of no use to anybody.
const keeperScript = `read -r dismissed && exit 0
kill -s KILL -- "-$1"
pkill -KILL -s "$1"`

// keep starts a keeper. Without a shell there is none, and the process is as safe as the system makes it.
func keep(group int) *keeper {
	cmd := &exec.Cmd{
		Path: "/bin/sh", Args: []string{"sh", "-c", keeperScript, "sh", strconv.Itoa(group)}, Dir: "/",
		Env:         []string{"PATH=/usr/bin:/bin"},
		SysProcAttr: &syscall.SysProcAttr{Setsid: true}, // What ends us is not for it.
	}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil
	}
	if err := cmd.Start(); err != nil {
		return nil // Start has closed the pipe.
	}
	return &keeper{cmd, pipe}
}

// dismiss ends the keeper without its doing anything.
func (k *keeper) dismiss() {
	if k == nil {
		return
	}
	if _, err := k.pipe.Write([]byte("\n")); err != nil {
		_ = k.cmd.Process.Kill() // It has ended, or it would kill what is no longer ours.
	}
	_ = k.cmd.Wait() // closes the pipe
}
