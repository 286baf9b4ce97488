package outbox

import (
	"context"
	"fmt"
)

// Put composes the mail and queues it; Date and Message-ID then stay the same in every attempt. The
// mail is durable when Put returns nil; that is also so where one with its Key was put before. The
// errors are ErrInvalid, ErrFull, those of the disk, and that of ctx, after which the mail may be queued
// all the same.
func (o *Outbox) Put(ctx context.Context, m Mail) error {
	e, message, err := compose(&m, o.now())
	if err != nil {
		return err
	}
	select {
	case o.writing <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("queueing a mail: %w", context.Cause(ctx))
	}
	// A disk may hang; the caller does not have to.
	done := make(chan error, 1)
	go func() {
		defer func() { <-o.writing }()
		done <- o.put(e, message)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("queueing a mail, which may be done a moment later: %w", context.Cause(ctx))
	}
}

func (o *Outbox) put(e envelope, message []byte) error {
	name := fileName(e.Key)
	known, err := o.known(name)
	if err != nil {
		return fmt.Errorf("queueing a mail: %w", err)
	}
	if known {
		return nil
	}
	e.Tries = o.index.tries()
	file, err := encodeMail(e, message)
	if err != nil {
		return fmt.Errorf("queueing a mail: %w", err)
	}
	size := int64(len(file))
	if !o.reserve(size) {
		status := o.Status()
		return fmt.Errorf("%w: %d mails of %d bytes wait in %s, and %d bytes are allowed%s", ErrFull,
			status.Waiting, status.Bytes, o.store.dir, o.opts.MaxBytes, because(status.ServerError))
	}
	made, err := o.store.write(dirWaiting, name+mailSuffix, file, true, true)
	o.index.landed(size, made)
	if err != nil {
		return fmt.Errorf("queueing a mail: %w", err)
	}
	signal(o.wake)
	return nil
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return "; " + reason
}

// known says whether a mail of that name waits or was settled.
func (o *Outbox) known(name string) (bool, error) {
	waits, err := exists(o.store.path(dirWaiting, name+mailSuffix))
	if waits {
		return true, o.store.sync(dirWaiting) // whoever put it may not be as far yet
	}
	if err != nil {
		return false, err
	}
	return o.store.settled(name)
}

// reserve takes room for a mail, if there is as much. Other processes put and deliver mails, too.
func (o *Outbox) reserve(size int64) bool {
	if o.index.fresh() && o.index.reserve(size, o.opts.MaxBytes) {
		return true
	}
	o.scan() // if that fails, so will writing
	return o.index.reserve(size, o.opts.MaxBytes)
}
