package config

import (
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"strconv"
	"strings"
)

// maxBackups is how many rotated files may be kept; each rotation renames them
// all.
const maxBackups = 1000

// logName is the name of the log file in LOG_DIR.
const logName = "microblog.log"

// levels are the words of LOG_LEVEL.
var levels = map[string]slog.Level{
	"debug": slog.LevelDebug, "info": slog.LevelInfo, "warning": slog.LevelWarn, "warn": slog.LevelWarn,
	"error": slog.LevelError, "critical": slog.Level(12),
}

// logs reads the settings of the log and the access log.
func (l *loader) logs() {
	c := &l.cfg
	c.LogDir = l.path("LOG_DIR", "logs")
	c.LogMaxBytes = l.size("LOG_MAX_BYTES", 10240)
	c.LogBackups = l.count("LOG_BACKUPS", 10, 0, maxBackups)
	c.LogFormat = one(l, "LOG_FORMAT", "text", map[string]string{"text": "text", "json": "json"})
	c.LogLevel = one(l, "LOG_LEVEL", slog.LevelInfo, levels)
	c.LogToStdout = one(l, "LOG_TO_STDOUT", Auto, map[string]When{
		"auto": Auto,
		"1":    Always, "true": Always, "yes": Always, "on": Always,
		"0": Never, "false": Never, "no": Never, "off": Never,
	})

	c.AccessLog = AccessLog{Path: filepath.Join(c.LogDir, "access.log")}
	if text, ok := l.get("ACCESS_LOG"); ok {
		access, wrong := parseAccessLog(text)
		if wrong != "" {
			l.wrong("ACCESS_LOG", "%s", wrong)
		} else if isLogFile(access.Path, c.LogDir) {
			l.wrong("ACCESS_LOG", "is the log file itself or one of its backups")
		}
		c.AccessLog = access
	}
	c.AccessMaxBytes = l.size("ACCESS_MAX_BYTES", 10<<20)
	c.AccessBackups = l.count("ACCESS_BACKUPS", 5, 0, maxBackups)
}

// parseAccessLog reads a path, stdout or off.
func parseAccessLog(text string) (access AccessLog, wrong string) {
	switch strings.ToLower(text) {
	case "off", "no", "false", "0", "none":
		return AccessLog{}, ""
	case "stdout", "-":
		return AccessLog{Stdout: true}, ""
	case "on", "yes", "true", "1", "stderr":
		return access, "is no path; ./ before it makes it one"
	}
	switch {
	case strings.Contains(text, "://"):
		return access, "is a URL, not a path"
	case strings.HasSuffix(text, "/"):
		return access, "ends in a slash, but the access log is a file"
	}
	return AccessLog{Path: text}, ""
}

// isLogFile reports whether path is the log file in dir or a backup of it.
func isLogFile(path, dir string) bool {
	if path == "" || filepath.Clean(filepath.Dir(path)) != filepath.Clean(dir) {
		return false
	}
	number, backup := strings.CutPrefix(filepath.Base(path), logName+".")
	if !backup {
		return filepath.Base(path) == logName
	}
	_, err := strconv.ParseUint(number, 10, 64)
	return err == nil
}

// parseCount reads a whole number from low to high, in digits only.
func parseCount(text string, low, high int) (n int, wrong string) {
	if text == "" {
		return 0, "is empty"
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, "is not a whole number"
		}
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		return 0, fmt.Sprintf("is not from %d to %d", low, high)
	}
	return n, ""
}

// units are the suffixes of a size, IEC 80000-13.
var units = []struct {
	suffix string
	bytes  int64
}{{"kib", 1 << 10}, {"mib", 1 << 20}, {"gib", 1 << 30}}

// parseSize reads a number of bytes: digits, or digits and KiB, MiB or GiB in
// any case, with or without a space between.
func parseSize(text string) (bytes int64, wrong string) {
	number, unit := strings.ToLower(text), int64(1)
	for _, u := range units {
		if n, ok := strings.CutSuffix(number, u.suffix); ok {
			number, unit = strings.TrimSpace(n), u.bytes
			break
		}
	}
	digits := strings.TrimLeft(number, "0123456789")
	switch {
	case number == "" || number == digits:
		return 0, "is not a size"
	case digits != "":
		return 0, fmt.Sprintf("has %q after the digits", show(Public, digits))
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n > math.MaxInt64/unit {
		return 0, "is too large"
	}
	return n * unit, ""
}
