package main

import (
	"debug/buildinfo"
	"runtime"
	"time"
)

// memory is how much of a process is in the machine's memory, in bytes; zeros where it is not known.
type memory struct {
	Resident int64 `json:"resident"`
	Peak     int64 `json:"peak"`
}

// facts are the circumstances of a run.
type facts struct {
	Processor string    `json:"processor"`
	Cores     int       `json:"cores"`
	Memory    int64     `json:"memory"` // bytes; 0: not known
	System    string    `json:"system"`
	Go        string    `json:"go"`
	Date      time.Time `json:"date"`
	Commit    string    `json:"commit"`   // of the measured binary; "" where it does not tell
	Modified  bool      `json:"modified"` // built from a tree with changes that are not in Commit
	Busy      float64   `json:"busy"`     // load average at the start; -1: not known
	Database  string    `json:"database"`
}

// factsOf looks at the machine and at the binary to be measured.
func factsOf(binary, database string) facts {
	f := facts{
		Processor: processor(),
		Cores:     runtime.NumCPU(),
		Memory:    installedMemory(),
		System:    runtime.GOOS + "/" + runtime.GOARCH,
		Go:        runtime.Version(),
		Date:      time.Now().UTC(),
		Busy:      busyness(),
		Database:  database,
	}
	f.from(binary)
	return f
}

// from adds what a measured binary tells of itself.
func (f *facts) from(binary string) {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return
	}
	f.Go = info.GoVersion
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			f.Commit = s.Value[:min(len(s.Value), 12)]
		case "vcs.modified":
			f.Modified = s.Value == "true"
		}
	}
}

// others watches how much CPU time is used by programs that are not ours.
type others struct {
	pids          []int
	start         time.Time
	machine, ours time.Duration
}

// watchOthers begins to watch; pids are our own processes, which must live until share is called.
func watchOthers(pids ...int) others {
	o := others{pids: pids, start: time.Now(), machine: cpuOfMachine()}
	o.ours, _ = o.own() // share tells the error
	return o
}

func (o others) own() (sum time.Duration, err error) {
	for _, pid := range o.pids {
		used, err := cpuOf(pid)
		if err != nil {
			return 0, err
		}
		sum += used
	}
	return sum, nil
}

// share returns what part of the machine's CPU time others have used since the beginning, 0 to 1; 0
// where that is not known.
func (o others) share() (float64, error) {
	ours, err := o.own()
	if err != nil {
		return 0, err
	}
	used := cpuOfMachine() - o.machine - (ours - o.ours)
	return max(0, used.Seconds()/time.Since(o.start).Seconds()/float64(runtime.NumCPU())), nil
}
