package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of CPU times in /proc: USER_HZ is 100 on every architecture Go runs on
// (proc_pid_stat(5)).
const clockTick = time.Second / 100

// memoryOf returns the resident memory of a process and its peak, in bytes.
func memoryOf(pid int) (memory, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return memory{}, fmt.Errorf("reading a process's memory: %w", err)
	}
	return memory{Resident: kibibytes(status, "VmRSS:"), Peak: kibibytes(status, "VmHWM:")}, nil
}

// resetPeak makes the peak of a process's memory start anew (proc_pid_clear_refs(5)). Where that
// is not allowed the peak stays the one since its start.
func resetPeak(pid int) {
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}

// cpuOf returns the CPU time that a process has used, user and system.
func cpuOf(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("reading a process's CPU time: %w", err)
	}
	// The second field, in parentheses, may hold anything; utime and stime are the 14th and 15th.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 13 {
		return 0, fmt.Errorf("reading a process's CPU time: %q is not understood", stat)
	}
	var ticks time.Duration
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("reading a process's CPU time: %w", err)
		}
		ticks += time.Duration(n)
	}
	return ticks * clockTick, nil
}

// cpuOfMachine returns the CPU time that everything on this machine has used since its start; 0: not
// known (proc_stat(5)).
func cpuOfMachine() time.Duration {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), "\n")
	var ticks time.Duration
	for i, f := range strings.Fields(first) {
		switch i {
		case 1, 2, 3, 6, 7: // user, nice, system, irq, softirq; not idle, iowait, nor stolen and guests' time
			n, err := strconv.ParseInt(f, 10, 64)
			if err != nil {
				return 0
			}
			ticks += time.Duration(n)
		}
	}
	return ticks * clockTick
}

// processor returns the model of the CPU, "" where the kernel does not tell.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// installedMemory returns the machine's memory in bytes, 0 where the kernel does not tell.
func installedMemory() int64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	return kibibytes(text, "MemTotal:")
}

// busyness returns how many programs wanted a CPU in the last minute, on average; -1: not known.
func busyness() float64 {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return -1
	}
	first, _, _ := strings.Cut(string(text), " ")
	n, err := strconv.ParseFloat(first, 64)
	if err != nil {
		return -1
	}
	return n
}

// kibibytes finds a line "name: number kB" and returns it in bytes, 0 where it is missing.
func kibibytes(text []byte, name string) int64 {
	for line := range bytes.Lines(text) {
		if f := bytes.Fields(line); len(f) >= 2 && string(f[0]) == name {
			n, err := strconv.ParseInt(string(f[1]), 10, 64)
			if err == nil {
				return n << 10
			}
		}
	}
	return 0
}
