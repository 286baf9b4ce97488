package logfile_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"

	"example.org/microblog/fault/logfile"
)

// A log file of at most 10 KiB with ten backups, which any number of processes
// may share.
func Example() {
	dir, err := os.MkdirTemp("", "logs")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	file, err := logfile.Open(logfile.Options{
		Path:     filepath.Join(dir, "microblog.log"),
		MaxBytes: 10240,
		Backups:  10,
	})
	if err != nil {
		log.Fatal(err)
	}
	logger := slog.New(logfile.NewHandler(file, logfile.HandlerOptions{}))
	logger.Info("Microblog startup", "version", "v1.2.3")
	logger.Warn("login refused", "user", "susan", "reason", "wrong password")
	file.Close()

	content, _ := os.ReadFile(filepath.Join(dir, "microblog.log"))
	fmt.Print(withoutTime(content))
	// Output:
	// INFO: Microblog startup version=v1.2.3 [in logfile/example_test.go]
	// WARNING: login refused user=susan reason="wrong password" [in logfile/example_test.go]
}

// withoutTime leaves out what differs from run to run.
func withoutTime(b []byte) string {
	b = regexp.MustCompile(`(?m)^[-\d]+ [:\d]+,\d{3} `).ReplaceAll(b, nil)
	b = regexp.MustCompile(`\[in (?:fault/)?(.*):\d+\]`).ReplaceAll(b, []byte("[in $1]"))
	return string(b)
}

// A multi-handler logs to the terminal as well.
func Example_terminal() {
	file, err := logfile.Open(logfile.Options{Path: "logs/microblog.log", MaxBytes: 10240, Backups: 10})
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	slog.SetDefault(slog.New(slog.NewMultiHandler(
		logfile.NewHandler(file, logfile.HandlerOptions{}),
		logfile.NewHandler(logfile.ToWriter(os.Stdout), logfile.HandlerOptions{Level: slog.LevelWarn}),
	)))
}

// Programs such as logrotate move the file away and then send SIGHUP.
func ExampleFile_Reopen() {
	file, err := logfile.Open(logfile.Options{Path: "logs/microblog.log"})
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	go func() {
		for range hup {
			file.Reopen()
		}
	}()
}

// frames is a stack trace, for instance.
type frames []string

func (f frames) Lines() []string { return f }

// A value with lines of its own is printed below the record.
func ExampleNewHandler_lines() {
	handler := logfile.NewHandler(logfile.ToWriter(stdoutWithoutTime{}), logfile.HandlerOptions{})
	slog.New(handler).Error("no such table: user", "fault", "7F3K-92QD",
		"stack", frames{"web.profile", "  internal/web/user.go:43", "http.HandlerFunc.ServeHTTP", "  net/http/server.go:2220"})
	// Output:
	// ERROR: no such table: user fault=7F3K-92QD [in logfile/example_test.go]
	//     web.profile
	//       internal/web/user.go:43
	//     http.HandlerFunc.ServeHTTP
	//       net/http/server.go:2220
}

type stdoutWithoutTime struct{}

func (stdoutWithoutTime) Write(p []byte) (int, error) {
	fmt.Print(withoutTime(p))
	return len(p), nil
}

func ExampleNewHandler_json() {
	handler := logfile.NewHandler(logfile.ToWriter(os.Stdout), logfile.HandlerOptions{Format: logfile.FormatJSON})
	record := slog.Record{Level: logfile.LevelCritical, Message: "cannot go on"} // without time and source
	record.Add("stack", frames{"main.main", "  cmd/microblog/main.go:12"})
	handler.Handle(context.Background(), record)
	// Output:
	// {"level":"CRITICAL","msg":"cannot go on","stack":["main.main","  cmd/microblog/main.go:12"]}
}
