package main

import (
	"os/exec"
	"strconv"
)

// ownGroup does nothing: taskkill finds the children by their parent.
func ownGroup(*exec.Cmd) {}

// interruptGroup ends cmd and its children: there is nothing gentler for a program without a console.
func interruptGroup(cmd *exec.Cmd) error { return killGroup(cmd) }

// killGroup ends cmd, which runs, and its children.
func killGroup(cmd *exec.Cmd) error {
	return exec.Command("taskkill", "/T", "/F", "/PID", strconv.Itoa(cmd.Process.Pid)).Run()
}
