package trace

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// LogHandler returns a handler that does what h does, and notes each line in the record of its context, if there is
// one: as a [Step] of the kind "log" whose text is level and message, and whose arguments are the attributes as key=value.
// A logger that is to tell what a request did must be called with the request's context, as by InfoContext.
// Lines that h is not enabled for are not noted. Before a fault.Catcher records a failure it masks the secrets in them.
func LogHandler(h slog.Handler) slog.Handler { return &logHandler{Handler: h} }

type logHandler struct {
	slog.Handler
	group string   // prefix of the keys, with its dot
	attrs []string // of WithAttrs
}

func (h *logHandler) Handle(ctx context.Context, rec slog.Record) error {
	if Recording(ctx) {
		args := slices.Grow(slices.Clip(h.attrs), rec.NumAttrs())
		rec.Attrs(func(a slog.Attr) bool {
			args = appendAttr(args, h.group, a)
			return len(args) <= maxArgs
		})
		at := rec.Time
		if at.IsZero() {
			at = time.Now()
		}
		Note(ctx, Step{Time: at, Kind: "log", Text: rec.Level.String() + " " + rec.Message, Args: args})
	}
	return h.Handler.Handle(ctx, rec)
}

func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := &logHandler{h.Handler.WithAttrs(attrs), h.group, slices.Clip(h.attrs)}
	for _, a := range attrs {
		next.attrs = appendAttr(next.attrs, h.group, a)
	}
	return next
}

func (h *logHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return &logHandler{h.Handler.WithGroup(name), h.group + name + ".", h.attrs}
}

// appendAttr appends an attribute, or those of a group, as key=value.
func appendAttr(args []string, group string, a slog.Attr) []string {
	v := a.Value.Resolve()
	switch {
	case v.Kind() == slog.KindGroup:
		if a.Key != "" {
			group += a.Key + "."
		}
		for _, inner := range v.Group() {
			args = appendAttr(args, group, inner)
		}
		return args
	case a.Key == "" && v.Any() == nil:
		return args // The empty attribute says nothing.
	}
	return append(args, group+a.Key+"="+attrText(v))
}

func attrText(v slog.Value) string {
	if v.Kind() == slog.KindTime {
		return v.Time().Format(time.RFC3339Nano)
	}
	text := ""
	if b, ok := v.Any().([]byte); ok {
		text = string(b[:min(len(b), MaxArg+1)]) // Not its numbers: nobody would find a secret in them.
	} else {
		text = v.String()
	}
	if len(text) > MaxArg {
		text = strings.Clone(text[:MaxArg])
	}
	return text
}
