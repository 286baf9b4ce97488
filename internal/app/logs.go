package app

import (
	"errors"
	"io"
	"log/slog"
	"path/filepath"

	"example.org/microblog/fault/logfile"
	"example.org/microblog/fault/trace"
	"example.org/microblog/internal/config"
)

// logs are the two log files: the log itself, and the access log apart from it.
type logs struct {
	logger *slog.Logger
	access *slog.Logger // nil: off
	files  []*logfile.File
}

func openLogs(o Options) (_ *logs, err error) {
	cfg := o.Config
	l := &logs{}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close())
		}
	}()
	style := logfile.HandlerOptions{Level: cfg.LogLevel, Format: cfg.LogFormat}

	file, err := l.open(logfile.Options{
		Path:     filepath.Join(cfg.LogDir, "microblog.log"),
		MaxBytes: cfg.LogMaxBytes,
		Backups:  cfg.LogBackups,
		Stderr:   o.Stderr,
	})
	if err != nil {
		return nil, err
	}
	handler := logfile.NewHandler(file, style)
	if cfg.LogToStdout == config.Always || cfg.LogToStdout == config.Auto && o.Terminal {
		handler = slog.NewMultiHandler(handler, logfile.NewHandler(logfile.ToWriter(o.Stdout), style))
	}
	l.logger = slog.New(trace.LogHandler(handler))

	sink, err := l.accessSink(cfg, o.Stdout, o.Stderr)
	if err != nil {
		return nil, err
	}
	if sink != nil {
		// Access lines are all INFO: LOG_LEVEL is about the log, not about them.
		l.access = slog.New(logfile.NewHandler(sink, logfile.HandlerOptions{Format: cfg.LogFormat}))
	}
	return l, nil
}

func (l *logs) accessSink(cfg config.Config, stdout, stderr io.Writer) (logfile.Sink, error) {
	switch {
	case cfg.AccessLog.Off():
		return nil, nil
	case cfg.AccessLog.Stdout:
		return logfile.ToWriter(stdout), nil
	}
	return l.open(logfile.Options{
		Path:     cfg.AccessLog.Path,
		MaxBytes: cfg.AccessMaxBytes,
		Backups:  cfg.AccessBackups,
		Stderr:   stderr,
	})
}

func (l *logs) open(o logfile.Options) (*logfile.File, error) {
	f, err := logfile.Open(o)
	if err != nil {
		return nil, err
	}
	l.files = append(l.files, f)
	return f, nil
}

func (l *logs) reopen() {
	for _, f := range l.files {
		f.Reopen()
	}
}

func (l *logs) close() error {
	var errs []error
	for _, f := range l.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
