package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The files that fault/crash keeps for each process.
const (
	runningSuffix = ".running"
	outputSuffix  = ".output"
)

// maxMarker bounds what is read of a marker, in bytes.
const maxMarker = 64 << 10

// A marker is what a process has noted of itself.
type marker struct {
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
}

// crashes tells which processes run, and which did not end by themselves.
func (d *doctor) crashes(context.Context) {
	dir := d.dirs.Run
	if !d.directory(dir, "No process has left anything behind.") {
		return
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		d.add(wrong, fmt.Sprintf("%s cannot be read: %v.", dir, cause(err)), "Run this as the user that runs Microblog.")
		return
	}
	var running, ended []string
	crashed := 0
	for _, e := range entries {
		stem, ok := strings.CutSuffix(e.Name(), runningSuffix)
		path := filepath.Join(dir, e.Name())
		m, marked := readMarker(path)
		if !ok || !marked {
			continue
		}
		who := fmt.Sprintf("process %d, started %s", m.PID, ago(d.now().Sub(m.Started)))
		// A process holds the lock of its marker as long as it lives.
		if free, err := lockFree(path); err == nil && !free {
			running = append(running, who)
			continue
		}
		ended = append(ended, who)
		if info, err := os.Stat(filepath.Join(dir, stem+outputSuffix)); err == nil && info.Size() > 0 {
			crashed++
		}
	}
	if len(ended) == 0 {
		text := "No process has left anything behind"
		if len(running) > 0 {
			text += "; running: " + strings.Join(running, "; ")
		}
		d.okf("%s.", text)
		return
	}
	text := "1 process did not end by itself"
	switch {
	case len(ended) > 1:
		text = fmt.Sprintf("%d processes did not end by themselves, %d of them with crash output", len(ended), crashed)
	case crashed > 0:
		text += " and has left crash output"
	}
	d.add(warning, text+": "+strings.Join(ended, "; ")+".", "The next start makes an incident of each, as does a Microblog that runs.")
}

// runsHere tells whether a process of this data directory is running, as far as that is known.
func (d *doctor) runsHere() (known, here bool) {
	if d.unusable["DATA_DIR"] {
		return false, false
	}
	entries, err := os.ReadDir(d.dirs.Run)
	if err != nil {
		return os.IsNotExist(err), false
	}
	known = true
	for _, e := range entries {
		if filepath.Ext(e.Name()) != runningSuffix {
			continue
		}
		switch free, err := lockFree(filepath.Join(d.dirs.Run, e.Name())); {
		case err != nil:
			known = false
		case !free:
			return true, true
		}
	}
	return known, false
}

// readMarker reads what a process has noted. An empty marker is one of a clean end.
func readMarker(path string) (m marker, ok bool) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 || info.Size() > maxMarker {
		return marker{}, false
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return marker{}, false
	}
	err = json.Unmarshal(text, &m)
	return m, err == nil
}
