package logfile

import (
	"log/slog"
	"strconv"
)

// LevelCritical is the level named CRITICAL: the program cannot go on as it
// should. It lies one step of four above [slog.LevelError].
const LevelCritical = slog.Level(12)

// levelName names a level as the log line shows it. A level between two names
// counts from the lower one (INFO+2), and one below DEBUG counts down from it.
func levelName(l slog.Level) string {
	name, from := "DEBUG", slog.LevelDebug
	switch {
	case l >= LevelCritical:
		name, from = "CRITICAL", LevelCritical
	case l >= slog.LevelError:
		name, from = "ERROR", slog.LevelError
	case l >= slog.LevelWarn:
		name, from = "WARNING", slog.LevelWarn
	case l >= slog.LevelInfo:
		name, from = "INFO", slog.LevelInfo
	}
	switch d := int(l - from); {
	case d > 0:
		return name + "+" + strconv.Itoa(d)
	case d < 0:
		return name + strconv.Itoa(d)
	}
	return name
}
