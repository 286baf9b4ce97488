package web

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

func newTestContext(parent context.Context, limit time.Duration) *requestContext {
	return &requestContext{Context: parent, state: new(state), deadline: time.Now().Add(limit)}
}

// TestRequestContext holds it against the contract of context.Context.
func TestRequestContext(t *testing.T) {
	t.Parallel()
	const limit = time.Minute
	t.Run("ends at its deadline", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newTestContext(t.Context(), limit)
			defer c.end()
			if d, ok := c.Deadline(); !ok || !d.Equal(time.Now().Add(limit)) {
				t.Errorf("the deadline is %v, %t", d, ok)
			}
			if err := c.Err(); err != nil {
				t.Error(err)
			}
			start := time.Now()
			<-c.Done()
			if took := time.Since(start); took != limit || !errors.Is(c.Err(), context.DeadlineExceeded) {
				t.Errorf("it ended after %v with %v", took, c.Err())
			}
		})
	})
	t.Run("tells its end without anybody waiting", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newTestContext(t.Context(), limit)
			defer c.end()
			time.Sleep(limit)
			if err := c.Err(); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("after its deadline Err is %v", err)
			}
			select {
			case <-c.Done():
			default:
				t.Error("Err is set but Done is not closed")
			}
		})
	})
	t.Run("ends with its parent", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			for _, waits := range []bool{false, true} {
				parent, cancel := context.WithCancel(t.Context())
				c := newTestContext(parent, limit)
				if waits {
					_ = c.Done()
				}
				cancel()
				synctest.Wait()
				if err := c.Err(); !errors.Is(err, context.Canceled) {
					t.Errorf("waited for: %t: Err is %v", waits, err)
				}
				<-c.Done()
				c.end()
			}
		})
	})
	t.Run("has its parent's earlier deadline", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			parent, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			c := newTestContext(parent, limit)
			defer c.end()
			if d, _ := c.Deadline(); !d.Equal(time.Now().Add(time.Second)) {
				t.Errorf("the deadline is %v", d)
			}
		})
	})
	t.Run("is over when the request is", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newTestContext(t.Context(), limit)
			c.end()
			c.end()
			<-c.Done()
			if err := c.Err(); !errors.Is(err, context.Canceled) {
				t.Errorf("Err is %v", err)
			}
		})
	})
	t.Run("lends its end to contexts made of it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newTestContext(t.Context(), limit)
			child, cancel := context.WithCancel(c)
			defer cancel()
			start := time.Now()
			c.end()
			<-child.Done()
			if took := time.Since(start); took != 0 || !errors.Is(c.Err(), context.Canceled) {
				t.Errorf("it ended after %v with %v", took, c.Err())
			}
		})
	})
}

// TestRequestContextEnds: nothing is left of a request when it is over, also when it panics.
func TestRequestContextEnds(t *testing.T) {
	t.Parallel()
	for _, panics := range []bool{false, true} {
		var ctx context.Context
		h := (&Server{requestTimeout: time.Minute}).outer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			ctx = r.Context()
			if ctx.Done() == nil || ctx.Err() != nil {
				t.Errorf("within the request: %v", ctx.Err())
			}
			if panics {
				panic(http.ErrAbortHandler)
			}
		}))
		func() {
			defer func() { _ = recover() }()
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
		}()
		if !errors.Is(ctx.Err(), context.Canceled) {
			t.Errorf("panics: %t: after the request: %v", panics, ctx.Err())
		}
	}
}

// TestRequestSecretsOfALogin: the token that this very request makes is a secret too.
func TestRequestSecretsOfALogin(t *testing.T) {
	t.Parallel()
	c := newTestContext(t.Context(), time.Minute)
	defer c.end()
	c.state.token = "the new token"
	r := httptest.NewRequest(http.MethodPost, "/login", nil).WithContext(c)
	if got := RequestSecrets(r); len(got) != 1 || got[0] != "the new token" {
		t.Errorf("got %q", got)
	}
}
