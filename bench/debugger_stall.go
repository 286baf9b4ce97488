package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	stallRate = 500 // requests per second
	stallAim  = 20 * time.Millisecond
	// afterwards is how long a failure is watched after its answer.
	afterwards = 50 * time.Millisecond
)

// waited is a request that was answered.
type waited struct {
	due  time.Time
	took time.Duration // from then to the answer's end
}

// cheapStream asks a program for something cheap at a constant rate, whether it answers or not.
type cheapStream struct {
	*program
	stop func() ([]waited, error) // ends it and returns the requests
}

// startStream begins to ask. The first answer has been given when it returns.
func startStream(ctx context.Context, p *program) (*cheapStream, error) {
	if _, _, _, err := p.page(ctx, cheapPath, http.StatusOK); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var (
		mu  sync.Mutex
		all []waited
		wg  sync.WaitGroup
	)
	done := make(chan struct{})
	wg.Go(func() {
		waiting := make(chan struct{}, mostWaiting)
		start := time.Now()
		for i := 0; ; i++ {
			due := start.Add(time.Duration(i) * time.Second / stallRate)
			select {
			case <-done:
				return
			case <-ctx.Done():
				return
			case <-time.After(time.Until(due)):
			}
			select {
			case <-ctx.Done():
				return
			case waiting <- struct{}{}:
			}
			wg.Go(func() {
				defer func() { <-waiting }()
				if _, _, _, err := p.page(ctx, cheapPath, http.StatusOK); err != nil {
					cancel(fmt.Errorf("a cheap request beside a failing one: %w", err))
					return
				}
				mu.Lock()
				defer mu.Unlock()
				all = append(all, waited{due, time.Since(due)})
			})
		}
	})
	stop := sync.OnceValues(func() ([]waited, error) {
		close(done)
		wg.Wait()
		err := context.Cause(ctx)
		cancel(nil)
		return all, err
	})
	return &cheapStream{p, stop}, nil
}

// window is a time in which something has happened, or nothing.
type window struct{ begin, end time.Time }

// longest returns the longest wait of a request that was due, or still waited, within the window; 0 without any.
func (w window) longest(all []waited) (most time.Duration) {
	for _, one := range all {
		if one.due.Before(w.end) && one.due.Add(one.took).After(w.begin) {
			most = max(most, one.took)
		}
	}
	return most
}

// stalls are the longest waits of other requests: while something happens, and in a time of the same length before it.
type stalls struct {
	During []time.Duration `json:"during_ns"`
	Calm   []time.Duration `json:"calm_ns"`
}

// watchStalls does something so many times, beside a stream of cheap requests.
func watchStalls(ctx context.Context, p *program, times int, do func() error) (s stalls, err error) {
	stream, err := startStream(ctx, p)
	if err != nil {
		return s, err
	}
	defer func() { // also where do has failed
		if _, e := stream.stop(); err == nil {
			err = e
		}
	}()
	var during, calm []window
	length := 2 * afterwards
	for range times {
		begin := time.Now()
		if err := p.pause(ctx, length); err != nil {
			return s, err
		}
		calm = append(calm, window{begin, time.Now()})
		begin = time.Now()
		if err := do(); err != nil {
			return s, err
		}
		if err := p.pause(ctx, afterwards); err != nil {
			return s, err
		}
		during = append(during, window{begin, time.Now()})
		length = time.Since(begin)
		if err := p.pause(ctx, afterwards); err != nil { // what it has done is not the next calm time's
			return s, err
		}
	}
	all, err := stream.stop()
	if err != nil {
		return s, err
	}
	for i := range during {
		d, c := during[i].longest(all), calm[i].longest(all)
		if d == 0 || c == 0 {
			return s, errors.New("no request was asked beside a failing one")
		}
		s.During, s.Calm = append(s.During, d), append(s.Calm, c)
	}
	return s, nil
}
