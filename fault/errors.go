package fault

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Error is an error with the status and the text that people are to see.
type Error struct {
	// Status is the HTTP status, 300 to 599; 0 means 500. Anything else is a mistake that is
	// answered as 500. Below 400 only the header is sent.
	Status int
	// Public is shown to whoever made the request: a whole sentence, or "" for the status text alone.
	Public string
	// Err is the cause, for the record only.
	Err error
	// Header is added to the answer, such as WWW-Authenticate, Allow, Retry-After or Location. It
	// cannot set what describes the body.
	Header http.Header
	// Expected says that this is no failure although its status is 500 or above: maintenance, not
	// ready yet. It is not recorded.
	Expected bool
}

// Error returns the public text and the cause.
func (e *Error) Error() string {
	switch {
	case e == nil:
		return "nil *fault.Error"
	case e.Err == nil && e.Public == "":
		return statusText(e.status())
	case e.Err == nil:
		return e.Public
	case e.Public == "":
		return e.Err.Error()
	default:
		return strings.TrimSuffix(e.Public, ".") + ": " + e.Err.Error()
	}
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error {
	if e == nil {
		return nil
	}
	return e.Err
}

// Because adds the cause, for the record, and returns e: fault.Forbidden("Not yours.").Because(err).
// A cause that e has already is kept beside it; a nil err changes nothing.
func (e *Error) Because(err error) *Error {
	switch {
	case err == nil:
	case e.Err == nil:
		e.Err = err
	default:
		e.Err = errors.Join(e.Err, err)
	}
	return e
}

func (e *Error) status() int {
	switch {
	case e == nil || e.Status < 300 || e.Status > 599:
		return http.StatusInternalServerError
	default:
		return e.Status
	}
}

// With returns an Error of that status, with a public text and a cause. Either may be left out.
func With(status int, public string, err error) *Error {
	return &Error{Status: status, Public: public, Err: err}
}

// BadRequest is 400: the request makes no sense.
func BadRequest(public string) *Error { return With(http.StatusBadRequest, public, nil) }

// Unauthorized is 401: sign in first. To name a scheme, set Header's WWW-Authenticate.
func Unauthorized(public string) *Error { return With(http.StatusUnauthorized, public, nil) }

// Forbidden is 403: not for this person.
func Forbidden(public string) *Error { return With(http.StatusForbidden, public, nil) }

// NotFound is 404: no such thing here.
func NotFound(public string) *Error { return With(http.StatusNotFound, public, nil) }

// MethodNotAllowed is 405, with the methods that are allowed.
func MethodNotAllowed(allow ...string) *Error {
	e := With(http.StatusMethodNotAllowed, "", nil)
	e.Header = http.Header{"Allow": {strings.Join(allow, ", ")}}
	return e
}

// Conflict is 409: somebody else was faster.
func Conflict(public string) *Error { return With(http.StatusConflict, public, nil) }

// TooLarge is 413: the body is too large.
func TooLarge(public string) *Error { return With(http.StatusRequestEntityTooLarge, public, nil) }

// Unprocessable is 422: understood, but not valid.
func Unprocessable(public string) *Error { return With(http.StatusUnprocessableEntity, public, nil) }

// TooManyRequests is 429. The answer says after how long to try again, in whole seconds rounded up,
// if that is more than nothing.
func TooManyRequests(public string, after time.Duration) *Error {
	e := With(http.StatusTooManyRequests, public, nil)
	e.Header = retryAfter(after)
	return e
}

// Internal is 500: err is for the record, people see the status text.
func Internal(err error) *Error { return With(http.StatusInternalServerError, "", err) }

// Unavailable is 503, a failure unless Expected is set; see [Maintenance]. The answer says after how long to try again,
// in whole seconds rounded up, if that is more than nothing.
func Unavailable(public string, after time.Duration) *Error {
	e := With(http.StatusServiceUnavailable, public, nil)
	e.Header = retryAfter(after)
	return e
}

// Maintenance is 503 on purpose, such as while the database is migrated: it is not recorded as a
// failure. The answer says after how long to try again, as that of [Unavailable] does.
func Maintenance(public string, after time.Duration) *Error {
	e := Unavailable(public, after)
	e.Expected = true
	return e
}

func retryAfter(after time.Duration) http.Header {
	if after <= 0 {
		return nil
	}
	seconds := int64((after + time.Second - 1) / time.Second)
	return http.Header{"Retry-After": {strconv.FormatInt(seconds, 10)}}
}

// statusClientGone is what an access log sees when the client went away before it was answered; no
// client ever does. Web servers use this number since nginx.
const statusClientGone = 499

// statusText is http.StatusText with a text for every status.
func statusText(status int) string {
	if text := http.StatusText(status); text != "" {
		return text
	}
	switch {
	case status == statusClientGone:
		return "Client Closed Request"
	case status >= 500:
		return "Server Error"
	case status >= 400:
		return "Request Error"
	default:
		return "Status " + strconv.Itoa(status)
	}
}

var (
	errNilAnswer = errors.New("Answer was called with a nil error")
	errGoexit    = errors.New("the handler ended its goroutine (runtime.Goexit)")
)
