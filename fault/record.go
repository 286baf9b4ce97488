package fault

import (
	"context"
	"fmt"
	"time"

	"example.org/microblog/fault/redact"
)

// Recorder keeps failures durably. Record is called before the request is answered, on a goroutine
// of its own, with a context that ends after Options.RecordTimeout; the answer does not wait longer.
// Several calls may be under way at once. The failure must not be changed.
type Recorder interface {
	Record(ctx context.Context, f *Failure) Receipt
}

// Receipt is what became of a failure.
type Receipt struct {
	Durable  bool  // it will survive the process and the machine
	Notified bool  // somebody will be told: only then does a page say so
	Err      error // why it is not durable
}

const (
	defaultRecordTimeout = 250 * time.Millisecond
	// maxRecording bounds how many calls of a Recorder may be under way, those included that nobody
	// waits for any more. A Recorder that keeps to its context has no more of them than requests fail
	// at the same time; beyond the bound failures are only logged.
	maxRecording = 1024
)

// recording is a failure that was recorded, or should have been. The zero value is none.
type recording struct {
	failure *Failure
	red     *redact.Redactor // that masked it
	receipt Receipt
	trouble string // why it is not durable; "" if it is, or if there is no Recorder
	again   bool   // Report has recorded and logged it before
}

// record hands the failure to the Recorder and waits for the receipt, but not longer than the
// timeout.
func (c *Catcher) record(ctx context.Context, f *Failure, red *redact.Redactor) recording {
	rec := recording{failure: f, red: red}
	if c.recorder == nil {
		return rec
	}
	select {
	case c.slots <- struct{}{}:
	default:
		rec.trouble = fmt.Sprintf("not recorded: %d earlier ones are still under way", maxRecording)
		return rec
	}
	// The client may be gone, its failure is to be kept all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.timeout)
	done := make(chan Receipt, 1)
	c.pending.begin()
	go func() {
		defer c.pending.end()
		defer func() {
			if v := recover(); v != nil {
				done <- Receipt{Err: &panicked{v}}
			}
			close(done) // Also if Record ends the goroutine.
			cancel()
			<-c.slots
		}()
		done <- c.recorder.Record(ctx, f)
	}()
	var ok bool
	select {
	case rec.receipt, ok = <-done:
	case <-ctx.Done():
		select {
		case rec.receipt, ok = <-done: // Just in time.
		default:
			rec.trouble = fmt.Sprintf("not within %v", c.timeout)
			return rec
		}
	}
	switch {
	case !ok:
		rec.trouble = "the Recorder returned no receipt"
	case rec.receipt.Durable:
	case rec.receipt.Err != nil:
		rec.trouble = c.clean(red, text(rec.receipt.Err), maxText)
	default:
		rec.trouble = "not durable"
	}
	return rec
}
