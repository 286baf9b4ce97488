package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"example.org/microblog/internal/config"
)

// Primary result codes of SQLite; https://www.sqlite.org/rescode.html.
const (
	sqliteCorrupt = 11
	sqliteFull    = 13
	sqliteNotADB  = 26
)

// Explain adds to an error of a start, or of a command that used the database, where the trouble is and what to do, for
// the troubles of a disk that leave only the system's bare words. It keeps the chain; other errors, and nil, are
// returned as they are.
func Explain(cfg config.Config, err error) error {
	if err == nil {
		return nil
	}
	var coded interface{ Code() int }
	code := 0
	if cfg.Database.Kind == config.SQLite && errors.As(err, &coded) {
		code = coded.Code() & 0xff
	}
	switch {
	case code == sqliteCorrupt, code == sqliteNotADB:
		return fmt.Errorf("the database %s is damaged, or is none; microblog doctor tells more, and what to do: %w", cfg.Database.Path, err)
	case code == sqliteFull:
		return full(filepath.Dir(cfg.Database.Path), "DATA_DIR or DATABASE_URL", err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		dir := cfg.DataDir
		var at *fs.PathError
		if errors.As(err, &at) {
			dir = filepath.Dir(at.Path)
		}
		return full(dir, "DATA_DIR", err)
	case errors.Is(err, syscall.ENOTDIR):
		if at := inTheWay(cfg.DataDir); at != "" {
			return fmt.Errorf("the data directory cannot be used: %s is a file and no directory; correct the setting DATA_DIR, or move the file away: %w", at, err)
		}
	}
	return err
}

func full(dir, setting string, err error) error {
	return fmt.Errorf("the disk of the directory %s is full; free some space on it, or choose another place with the setting %s: %w", dir, setting, err)
}

// inTheWay returns what is no directory on the way to dir, "" if nothing is.
func inTheWay(dir string) string {
	for {
		if info, err := os.Stat(dir); err == nil {
			if info.IsDir() {
				return ""
			}
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			return ""
		}
		dir = up
	}
}
