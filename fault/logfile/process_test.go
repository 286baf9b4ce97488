//go:build darwin || linux

package logfile_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestProcesses(t *testing.T) {
	tests := []struct {
		name      string
		processes int
		pace      time.Duration
	}{
		{"four taking turns", 4, 20 * time.Microsecond},
		{"eight as fast as they can", 8, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "logs", "app.log")
			var children []*child
			wanted := map[string]int{}
			for i := range tt.processes {
				j := job{Path: path, ID: fmt.Sprint("p", i), Records: 600, Pace: tt.pace, MaxBytes: 10240, Backups: 1000}
				children = append(children, start(t, j))
				wanted[j.ID] = j.Records - 1
			}
			begin(children...)
			for _, c := range children {
				if told := c.wait(t); told != "" || c.lost != 0 {
					t.Errorf("child %s lost %d records and told: %s", c.ID, c.lost, told)
				}
			}
			files := logFiles(t, path)
			check(t, files, 10240, wanted)
			mixed := 0
			for _, name := range files {
				writers := map[string]bool{}
				for _, line := range lines(read(t, name)) {
					id, _, _ := strings.Cut(line, " ")
					writers[id] = true
				}
				if len(writers) > 1 {
					mixed++
				}
			}
			if mixed == 0 && tt.pace > 0 {
				t.Error("the processes wrote one after the other; this has tested nothing")
			}
		})
	}
}

// With as many backups as an application keeps, only the oldest records go.
func TestProcessesWithFewBackups(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logs", "app.log")
	var children []*child
	for i := range 4 {
		children = append(children, start(t, job{Path: path, ID: fmt.Sprint("p", i), Records: 500, MaxBytes: 1024, Backups: 10}))
	}
	begin(children...)
	for _, c := range children {
		if told := c.wait(t); told != "" || c.lost != 0 {
			t.Errorf("child %s lost %d records and told: %s", c.ID, c.lost, told)
		}
	}
	if n := len(logFiles(t, path)); n != 11 {
		t.Errorf("%d files, want 11", n)
	}
	next := map[string]int{}
	for _, line := range lines(whole(t, path)) {
		m := linePattern.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("torn: %q", line)
		}
		i, _ := strconv.Atoi(m[2])
		if want, ok := next[m[1]]; ok && i != want {
			t.Errorf("process %s: after record %d comes %d", m[1], want-1, i)
		}
		next[m[1]] = i + 1
	}
	for id, n := range next {
		if n != 500 {
			t.Errorf("process %s: the last record is number %d", id, n-1)
		}
	}
}

// Processes that are killed at any moment, in the middle of a rotation, too,
// harm nobody else, and everything they were told is written is there.
func TestKilledProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "logs", "app.log")
	wanted := map[string]int{}
	// Small files, so that much of the time goes into rotations.
	template := job{Path: path, MaxBytes: 1024, Backups: 5000}
	var steady, killed []*child
	for i := range 2 {
		j := template
		j.ID, j.Records = fmt.Sprint("steady", i), 1200
		steady = append(steady, start(t, j))
		wanted[j.ID] = j.Records - 1
	}
	begin(steady...)
	for round := range 8 {
		var victims []*child
		for i := range 2 {
			j := template
			j.ID = fmt.Sprintf("victim%dx%d", round, i)
			victims = append(victims, start(t, j))
		}
		begin(victims...)
		for _, c := range victims {
			time.Sleep(time.Duration(rand.IntN(15_000)) * time.Microsecond)
			c.kill()
			killed = append(killed, c)
			wanted[c.ID] = c.acknowledged()
		}
	}
	for _, c := range steady {
		if told := c.wait(t); told != "" || c.lost != 0 {
			t.Errorf("child %s lost %d records and told: %s", c.ID, c.lost, told)
		}
	}
	check(t, logFiles(t, path), 1024, wanted, killed...)
}

// Somebody keeps moving the file away, with and without telling the processes.
func TestMovedWhileProcessesWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "logs", "app.log")
	var children []*child
	wanted := map[string]int{}
	for i := range 4 {
		j := job{Path: path, ID: fmt.Sprint("p", i), Records: 800, MaxBytes: 2048, Backups: 5000}
		children = append(children, start(t, j))
		wanted[j.ID] = j.Records - 1
	}
	begin(children...)
	stop, stopped := make(chan struct{}), make(chan struct{})
	moved := 0
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Duration(rand.IntN(2000)) * time.Microsecond):
			}
			if os.Rename(path, filepath.Join(dir, fmt.Sprint("moved", moved))) == nil {
				moved++
			}
			if moved%2 == 0 {
				children[moved/2%len(children)].cmd.Process.Signal(syscall.SIGHUP)
			}
		}
	}()
	for _, c := range children {
		if told := c.wait(t); told != "" || c.lost != 0 {
			t.Errorf("child %s lost %d records and told: %s", c.ID, c.lost, told)
		}
	}
	close(stop)
	<-stopped
	if moved < 10 {
		t.Errorf("the file was moved %d times only", moved)
	}
	files := logFiles(t, path)
	for i := range moved {
		files = append(files, filepath.Join(dir, fmt.Sprint("moved", i)))
	}
	check(t, files, 2048, wanted)
}

// A process under a file size limit finds that a write goes through in part.
// What is there of the record is taken back.
func TestPartialWriteIsTakenBack(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "app.log")
	c := start(t, job{Path: path, ID: "p", Records: 100, FileLimit: 4000})
	begin(c)
	told := c.wait(t)
	content := read(t, path)
	got := lines(content)
	if c.lost == 0 || len(got)+c.lost != 100 {
		t.Errorf("%d records written and %d lost of 100", len(got), c.lost)
	}
	if !strings.HasSuffix(content, ".\n") || len(content) > 4000 || len(content) < 3800 {
		t.Errorf("the log has %d bytes and ends in %q", len(content), content[max(0, len(content)-20):])
	}
	for i, line := range got {
		if line != (job{ID: "p"}).line(i) {
			t.Errorf("line %d is %q", i, line)
		}
	}
	said := lines(told)
	if len(said) != 2 || !strings.Contains(said[0], "file too large. Free space on that disk") ||
		!strings.Contains(said[1], fmt.Sprintf("is closed; %d records were not written since ", c.lost)) {
		t.Errorf("stderr was told %q", said)
	}
}
