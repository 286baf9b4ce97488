package process

import (
	"os"
	"time"
)

// Kept returns what is kept of what a process writes in these pieces.
func Kept(pieces [][]byte, errors bool) (tail, crash string) {
	var r record
	for _, piece := range pieces {
		r.write(piece, errors)
	}
	tail, _, crash = r.texts(time.Now())
	return tail, crash
}

// KeptLately returns what is kept of pieces written at some pace, which end at last, and how many times are noted for that.
func KeptLately(pieces []string, pause, end time.Duration) (tail, lately string, times int) {
	var r record
	for _, piece := range pieces {
		time.Sleep(pause)
		r.write([]byte(piece), false)
	}
	time.Sleep(end)
	tail, lately, _ = r.texts(time.Now())
	return tail, lately, len(r.marks)
}

// Told returns what is told of panics in what a process writes in these pieces.
func Told(pieces [][]byte) (told []ServedPanic) {
	t := panicText{told: func(p ServedPanic) { told = append(told, p) }}
	for _, piece := range pieces {
		t.write(piece)
	}
	return told
}

// SignalName names the signal that ended a process.
func SignalName(s *os.ProcessState) string { return signalName(s) }
