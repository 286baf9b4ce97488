package web_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"example.org/microblog/internal/microblog"
	"example.org/microblog/internal/store"
	"example.org/microblog/internal/web"
)

func TestTranslate(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err    error
		status int // 0: not known
		retry  bool
	}{
		"not found":       {microblog.ErrNotFound, 404, false},
		"not owner":       {microblog.ErrNotOwner, 403, false},
		"self follow":     {microblog.ErrSelfFollow, 422, false},
		"username taken":  {microblog.ErrUsernameTaken, 422, false},
		"email taken":     {microblog.ErrEmailTaken, 422, false},
		"a field":         {&microblog.FieldError{Field: "post", Text: "Too long."}, 422, false},
		"a large body":    {&http.MaxBytesError{Limit: 1}, 413, false},
		"no database":     {store.ErrUnavailable, 503, true},
		"an old schema":   {&store.SchemaError{Database: 1, Program: 2}, 503, true},
		"too slow":        {context.DeadlineExceeded, 503, true},
		"anything else":   {errors.New("secret detail"), 0, false},
		"the client left": {context.Canceled, 0, false},
	} {
		for _, err := range []error{test.err, fmt.Errorf("doing something: %w", test.err), errors.Join(errors.New("first"), test.err)} {
			got := web.Translate(err)
			if test.status == 0 {
				if got != nil {
					t.Errorf("%s: %v", name, got)
				}
				continue
			}
			if got == nil || got.Status != test.status || got.Public == "" || !errors.Is(got, err) {
				t.Errorf("%s: %v became %+v", name, err, got)
				continue
			}
			if (got.Header.Get("Retry-After") != "") != test.retry {
				t.Errorf("%s: Retry-After is %q", name, got.Header.Get("Retry-After"))
			}
		}
	}
}
