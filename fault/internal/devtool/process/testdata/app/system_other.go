//go:build !unix

package main

import (
	"os"
	"os/exec"
)

func apart(*exec.Cmd, bool) {}

func isTerminal(*os.File) bool { return false }

func size(*os.File) string { return "" }

func notifyResize(chan os.Signal) {}
