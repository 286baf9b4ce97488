package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/internal/microblog"
	"example.org/microblog/internal/store"
)

// retryDatabase is how long to wait before trying again when the database is away.
const retryDatabase = 10 * time.Second

// Translate gives the domain's and the store's errors their status and what people are told, where
// a handler has nothing more fitting to say. It returns nil for any other error. It is meant for
// fault.Options.Translate.
func Translate(err error) *fault.Error {
	var (
		field  *microblog.FieldError
		schema *store.SchemaError
		large  *http.MaxBytesError
		answer *fault.Error
	)
	switch {
	case errors.Is(err, microblog.ErrNotFound):
		answer = fault.NotFound("There is nothing here. It may have been deleted.")
	case errors.Is(err, microblog.ErrNotOwner):
		answer = fault.Forbidden("This belongs to somebody else.")
	case errors.Is(err, microblog.ErrSelfFollow):
		answer = fault.Unprocessable(textSelfFollow)
	case errors.Is(err, microblog.ErrUsernameTaken):
		answer = fault.Unprocessable(microblog.TextUsernameTaken)
	case errors.Is(err, microblog.ErrEmailTaken):
		answer = fault.Unprocessable(microblog.TextEmailTaken)
	case errors.As(err, &field):
		answer = fault.Unprocessable(field.Text)
	case errors.As(err, &large):
		answer = fault.TooLarge("The request is larger than this address takes.")
	case errors.Is(err, store.ErrUnavailable):
		answer = fault.Unavailable("Microblog cannot reach its data right now. Please try again in a moment.", retryDatabase)
	case errors.As(err, &schema):
		answer = fault.Unavailable("Microblog is being updated. Please try again in a moment.", retryDatabase)
	case errors.Is(err, context.DeadlineExceeded):
		answer = fault.Unavailable("This took too long. Please try again in a moment.", retryDatabase)
	default:
		return nil
	}
	answer.Err = err
	return answer
}
