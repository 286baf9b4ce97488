//go:build linux || darwin

package terminal_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"example.org/microblog/fault/internal/devtool/terminal"
)

// roleVariable makes this test binary one of the programs below.
const roleVariable = "TERMINAL_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "":
		os.Exit(m.Run())
	case "shell":
		shell()
	case "program":
		os.Exit(program())
	}
}

// stubbornVariable has the program not end by the first signal.
const stubbornVariable = "TERMINAL_TEST_STUBBORN"

// shell is as much of a shell as it takes to bring one program to the foreground of its terminal and to the background. It
// is controlled by lines on file descriptor 3 and answers on 4; its terminal is its standard input.
//
//	start fg|bg   starts the program; "pid N"
//	wait          waits until it stops or ends; "stopped MODE" or "ended CODE MODE", with the terminal taken back
//	cont fg|bg    resumes it there
//	give          brings it to the foreground without resuming it, as a shell does with a program that runs
//	mode          "mode MODE", of the terminal
func shell() {
	in, out := bufio.NewScanner(os.NewFile(3, "commands")), os.NewFile(4, "answers")
	tty := int(os.Stdin.Fd())
	foreground := func(group int) {
		terminal.Unstopped(func() { // signals that are ignored would be so for the program too
			if err := unix.IoctlSetPointerInt(tty, unix.TIOCSPGRP, group); err != nil {
				fmt.Fprintln(out, "error", err)
			}
		})
	}
	var pid int
	for in.Scan() {
		switch command, where, _ := strings.Cut(in.Text(), " "); command {
		case "start":
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), roleVariable+"=program")
			cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Foreground: where == "fg", Ctty: tty}
			if err := cmd.Start(); err != nil {
				fmt.Fprintln(out, "error", err)
				continue
			}
			pid = cmd.Process.Pid
			fmt.Fprintln(out, "pid", pid)
		case "wait":
			var status unix.WaitStatus
			for {
				if _, err := unix.Wait4(pid, &status, unix.WUNTRACED, nil); err != unix.EINTR {
					break
				}
			}
			foreground(os.Getpid())
			switch {
			case status.Stopped():
				fmt.Fprintln(out, "stopped", mode(tty))
			case status.Signaled():
				fmt.Fprintln(out, "killed", status.Signal(), mode(tty))
			default:
				fmt.Fprintln(out, "ended", status.ExitStatus(), mode(tty))
			}
		case "cont", "give":
			if command == "give" || where == "fg" {
				foreground(pid)
			}
			if command == "cont" {
				_ = unix.Kill(-pid, unix.SIGCONT)
			}
			fmt.Fprintln(out, "done")
		case "mode":
			fmt.Fprintln(out, "mode", mode(tty))
		}
	}
}

// mode is how the terminal is set: "cooked" gives whole lines and echoes them, "keys" is neither, with signals.
func mode(tty int) string {
	t, err := unix.IoctlGetTermios(tty, getTermios)
	if err != nil {
		return err.Error()
	}
	switch t.Lflag & (unix.ICANON | unix.ECHO | unix.ISIG) {
	case unix.ICANON | unix.ECHO | unix.ISIG:
		return "cooked"
	case unix.ISIG:
		return "keys"
	}
	return fmt.Sprintf("%#x", t.Lflag)
}

// program uses a terminal as `fault run` does.
func program() int {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	t := terminal.New(terminal.Options{Out: os.Stdout, In: os.Stdin})
	defer t.Close()
	if t.Keys() == nil {
		t.Event("no keys")
	}
	t.Event("begun")
	for {
		select {
		case <-ctx.Done():
			t.Event("interrupted")
			if os.Getenv(stubbornVariable) != "" {
				cancel() // as a command whose end takes long
				select {}
			}
			return 3
		case key := <-t.Keys():
			t.Event(fmt.Sprintf("key %c", key))
			if key == terminal.Quit {
				return 0
			}
		}
	}
}
