package crash

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"example.org/microblog/fault"
)

// levelCritical is the level that package logfile names CRITICAL.
const levelCritical = slog.Level(12)

// record gives a failure to the Recorder and returns why it is not durable, "" if it is or if there
// is no Recorder. One call is under way at a time, those included that nobody waits for any more.
func (w *Watcher) record(ctx context.Context, f *fault.Failure) (trouble string) {
	if w.recorder == nil {
		return ""
	}
	select {
	case w.recording <- struct{}{}:
	default:
		return "not recorded: an earlier call of the Recorder is still under way"
	}
	ctx, cancel := context.WithTimeout(ctx, recordTimeout)
	done := make(chan fault.Receipt, 1)
	go func() {
		defer func() {
			if v := recover(); v != nil {
				done <- fault.Receipt{Err: fmt.Errorf("the Recorder panicked (%T)", v)}
			}
			close(done) // Also if Record ends the goroutine.
			cancel()
			<-w.recording
		}()
		done <- w.recorder.Record(ctx, f)
	}()
	var receipt fault.Receipt
	select {
	case receipt = <-done:
	case <-ctx.Done():
		select {
		case receipt = <-done: // Just in time.
		default:
			return "not recorded in time"
		}
	}
	switch {
	case receipt.Durable:
		return ""
	case receipt.Err != nil:
		return clean(w.redactor, oneLine(receipt.Err.Error()), maxText)
	}
	return "not durable"
}

// tell writes the one record of an end, of the same shape as a Catcher's of a failure. Its time is
// now, because a log is read by time; "ended" tells when it happened.
func (w *Watcher) tell(ctx context.Context, f *fault.Failure, trouble string) {
	handler := w.log().Handler()
	if !handler.Enabled(ctx, levelCritical) {
		return
	}
	who := "A process"
	if f.PID != 0 {
		who = fmt.Sprintf("Process %d", f.PID)
	}
	message := strings.Replace(oneLine(f.Message), theProcess, who, 1)
	record := slog.NewRecord(time.Now(), levelCritical, message, 0)
	record.AddAttrs(
		slog.String("fault", f.ID.String()),
		slog.String("kind", string(f.Kind)),
		slog.String("ended", f.Time.Format(time.RFC3339)),
		slog.Int("pid", f.PID),
	)
	if f.Host != "" && f.Host != w.host {
		record.AddAttrs(slog.String("host", f.Host))
	}
	if f.Kind == fault.KindEnded {
		for _, detail := range f.Causes.Causes {
			record.AddAttrs(slog.String("detail", detail.Message))
		}
	}
	if trouble != "" {
		record.AddAttrs(slog.String("recorder", trouble+"; it is tried again"))
	}
	if len(f.Stack) > 0 {
		record.AddAttrs(slog.Any("stack", stackLines{f, w.module}))
	}
	defer func() {
		if v := recover(); v != nil { // Nobody else is left to tell.
			fmt.Fprintf(os.Stderr, "crash: the log handler panicked (%T) with a record about failure %s\n", v, f.ID)
		}
	}()
	_ = handler.Handle(ctx, record) // The handler tells about its own troubles.
}

// stackLines is a stack as a value of a log record. Handlers that know Lines print it beneath the
// record; others print what String or MarshalJSON give.
type stackLines struct {
	f      *fault.Failure
	module string
}

// Lines returns one line for each call, innermost first: the place, then the function. The
// application's own are marked.
func (l stackLines) Lines() []string {
	lines := make([]string, len(l.f.Stack))
	for i, f := range l.f.Stack {
		mark := "  "
		if f.App {
			mark = "> "
		}
		lines[i] = mark + f.Short(l.module) + "  " + f.Name()
	}
	return lines
}

func (l stackLines) String() string { return strings.Join(l.Lines(), "\n") }

func (l stackLines) MarshalJSON() ([]byte, error) { return json.Marshal(l.Lines()) }

// oneLine puts a text of several lines on one.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}
