package web

import (
	"context"
	"log/slog"
	"math"
	"net/http"
	"time"

	"example.org/microblog/fault/redact"
)

// accessLog writes one record per request.
type accessLog struct {
	handler  slog.Handler
	redactor *redact.Redactor
}

// newAccessLog returns nil, which means that nothing is written, where no logger is given.
func newAccessLog(logger *slog.Logger, redactor *redact.Redactor) *accessLog {
	if logger == nil {
		return nil
	}
	return &accessLog{handler: logger.Handler(), redactor: redactor}
}

// write logs a request that is over. aborted tells that the handler did not return: it panicked
// past the catcher, which is how a response that has begun is cut off.
func (a *accessLog) write(r *http.Request, st *state, aborted bool) {
	ctx := context.WithoutCancel(r.Context())
	if !a.handler.Enabled(ctx, slog.LevelInfo) {
		return
	}
	end := time.Now()
	rec := slog.NewRecord(end, slog.LevelInfo, "request", 0)
	status, bytes := st.w.status, st.w.bytes
	if status == 0 && !aborted {
		status = http.StatusOK // what net/http sends for a handler that wrote nothing
	}
	if r.Method == http.MethodHead {
		bytes = 0
	}
	user := "-"
	if st.user != nil {
		user = st.user.Username
	}
	remote := "-"
	if st.addr.IsValid() {
		remote = st.addr.String()
	}
	attrs := [9]slog.Attr{
		slog.String("method", r.Method),
		slog.String("path", a.path(r)),
		slog.Int("status", status),
		slog.Int64("bytes", bytes),
		slog.Float64("ms", math.Round(float64(end.Sub(st.start))/1e4)/100),
		slog.String("request", st.requestID),
		slog.String("user", user),
		slog.String("remote", remote),
		slog.Bool("aborted", true),
	}
	if aborted {
		rec.AddAttrs(attrs[:]...)
	} else {
		rec.AddAttrs(attrs[:8]...)
	}
	// A log that cannot be written tells of it itself; a request does not fail for it.
	_ = a.handler.Handle(ctx, rec)
}

// path returns the request's address as the log shows it.
func (a *accessLog) path(r *http.Request) string {
	u, red := r.URL, a.redactor
	if u.RawQuery != "" || len(u.Path) >= shortestSecret {
		if secrets := RequestSecrets(r); len(secrets) > 0 {
			red = red.With(secrets...)
		}
	}
	if u.RawQuery == "" && !u.ForceQuery {
		if u.Path == "" {
			return red.Text(u.Opaque) // "*", or a proxy request's host
		}
		return red.Text(u.EscapedPath())
	}
	return red.URL(u)
}

// shortestSecret is less than the length of any of a request's own secrets, in bytes: a shorter path cannot hold one.
const shortestSecret = 16
