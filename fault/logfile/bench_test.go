package logfile_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"

	"example.org/microblog/fault/logfile"
)

type nowhere struct{}

func (nowhere) WriteRecord(slog.Level, []byte) error { return nil }

// BenchmarkHandler formats an access line without writing it.
func BenchmarkHandler(b *testing.B) {
	for _, format := range []string{logfile.FormatText, logfile.FormatJSON} {
		h := logfile.NewHandler(nowhere{}, logfile.HandlerOptions{Format: format})
		attrs := []slog.Attr{
			slog.String("method", "GET"), slog.String("path", "/user/susan?page=2"), slog.Int("status", 200), slog.Int("bytes", 5120),
			slog.Float64("ms", 1.25), slog.String("request", "01JD3Q5Z8W4N"), slog.String("user", "susan"),
		}
		b.Run(format+"/bare", func(b *testing.B) {
			log := slog.New(h)
			b.ReportAllocs()
			for b.Loop() {
				log.Info("Microblog startup")
			}
		})
		b.Run(format+"/access", func(b *testing.B) {
			log := slog.New(h)
			b.ReportAllocs()
			for b.Loop() {
				log.LogAttrs(context.Background(), slog.LevelInfo, "request", attrs...)
			}
		})
		b.Run(format+"/parallel", func(b *testing.B) {
			log := slog.New(h)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					log.LogAttrs(context.Background(), slog.LevelInfo, "request", attrs...)
				}
			})
		})
		b.Run(format+"/failure", func(b *testing.B) {
			log := slog.New(h)
			trace := stack{"example.org/microblog/internal/web.profile", "\tinternal/web/user.go:43", "net/http.HandlerFunc.ServeHTTP"}
			err := errors.New("loading the profile: no such table: user")
			b.ReportAllocs()
			for b.Loop() {
				log.Error("GET /user/{username} failed", "fault", "7F3K-92QD", "error", err, "stack", trace)
			}
		})
	}
}

// BenchmarkFile writes records of 160 bytes to a file that rotates at the
// application's sizes.
func BenchmarkFile(b *testing.B) {
	record := []byte("2026-11-22 14:42:52,672 INFO: request method=GET path=/user/susan status=200 bytes=5120 ms=1.25 request=01JD3Q5Z8W4N user=susan [in internal/web/access.go:43]\n")
	for _, bm := range []struct {
		name  string
		level slog.Level
		max   int64
	}{
		{"info/10MiB", slog.LevelInfo, 10 << 20},
		{"info/10KiB", slog.LevelInfo, 10 << 10},
		{"warning/10MiB", slog.LevelWarn, 10 << 20},
		{"warning/10KiB", slog.LevelWarn, 10 << 10},
	} {
		b.Run(bm.name, func(b *testing.B) {
			f, err := logfile.Open(logfile.Options{Path: filepath.Join(b.TempDir(), "app.log"), MaxBytes: bm.max, Backups: 10})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.SetBytes(int64(len(record)))
			for b.Loop() {
				if err := f.WriteRecord(bm.level, record); err != nil {
					b.Fatal(err)
				}
			}
			f.Close()
		})
	}
	b.Run("failing", func(b *testing.B) {
		f, err := logfile.Open(logfile.Options{Path: b.TempDir(), Stderr: &terminal{}}) // a directory
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		b.ReportAllocs()
		for b.Loop() {
			f.WriteRecord(slog.LevelError, record) // it cannot be written
		}
	})
}
