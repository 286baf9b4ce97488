package build

import (
	"os/exec"

	"example.org/microblog/fault/internal/devtool/job"
)

// group is a process with all that it starts, which ends together with this process.
type group struct {
	cmd *exec.Cmd
	job *job.Job
}

func newGroup(cmd *exec.Cmd) *group { return &group{cmd: cmd} }

func (g *group) start() error {
	j, err := job.New()
	if err != nil {
		return err
	}
	if err := g.cmd.Start(); err != nil {
		j.Close()
		return err
	}
	g.job = j
	j.Add(g.cmd.Process)
	return nil
}

// interrupt ends the group at once: there is no signal that would reach it alone.
func (g *group) interrupt() { g.kill() }

func (g *group) kill() {
	g.job.Kill()
	_ = g.cmd.Process.Kill()
}

func (g *group) close() { g.job.Close() }
