package process

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// NotReadyError says that a process did not become ready in time. It is still running.
type NotReadyError struct {
	Address string // where it should listen
	Status  int    // its last answer to GET /readyz; 0 if there was none
	Body    string // of that answer: the beginning, as text
	// Listening are the TCP addresses where it does listen, as Process.Listening returns them.
	Listening []string
	// Last is what went wrong at the last attempt, if that brought no answer.
	Last   error
	Waited time.Duration
	Err    error // why it is waited for no longer: mostly the cause of the context's end
}

func (e *NotReadyError) Error() string {
	waited := " after " + roughly(e.Waited)
	switch {
	case e.Status != 0 && e.Body != "":
		return fmt.Sprintf("GET /readyz still answers %d%s: %s", e.Status, waited, e.Body)
	case e.Status != 0:
		return fmt.Sprintf("GET /readyz still answers %d %s%s", e.Status, http.StatusText(e.Status), waited)
	case e.elsewhere():
		return fmt.Sprintf("it does not listen on %s%s, but on %s", e.Address, waited, strings.Join(e.Listening, " and "))
	case len(e.Listening) > 0 && e.Last != nil:
		return fmt.Sprintf("it listens on %s, but does not answer there in HTTP/1.1: %v", e.Address, e.Last)
	case len(e.Listening) > 0:
		return fmt.Sprintf("it listens on %s, but GET /readyz has no answer there%s", e.Address, waited)
	}
	return fmt.Sprintf("it does not listen on %s%s", e.Address, waited)
}

// elsewhere tells whether it listens, but not where it should.
func (e *NotReadyError) elsewhere() bool {
	return len(e.Listening) > 0 && !slices.ContainsFunc(e.Listening, func(at string) bool { return covers(at, e.Address) })
}

func (e *NotReadyError) Unwrap() error { return e.Err }

const (
	// A tenth of what was waited so far is waited between two attempts, so that waiting costs at most a
	// tenth more than what is waited for.
	minPause, maxPause         = time.Millisecond, 50 * time.Millisecond
	minPauseBusy, maxPauseBusy = 10 * time.Millisecond, 200 * time.Millisecond // while it answers 5xx
	answerLimit                = 15 * time.Second                              // for one attempt
	settleLimit                = 250 * time.Millisecond                        // see failsAnyway
	foreignLimit               = 2 * time.Second                               // see owns
	maxBody                    = 2 << 10
)

// AwaitReady waits until the process accepts connections at the address, "127.0.0.1:61001", and its
// GET /readyz answers 2xx; host is the Host of that request, "" the address. Where there is no /readyz,
// as any other answer below 500 shows, it is ready as soon as it answers. 5xx is not ready yet; but if
// an application answers 500 to whatever it is asked, it is ready: it has no /readyz, and pages that
// fail are what its developer needs to see.
//
// ctx bounds the waiting. The error is an *ExitedError if the process has ended, else a *NotReadyError, at
// once if the server there speaks TLS.
func (p *Process) AwaitReady(ctx context.Context, address, host string) error {
	asking, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-p.done:
			cancel()
		case <-asking.Done():
		}
	}()
	w := waiter{p: p, address: address, host: host, began: time.Now(), client: http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	for {
		pause, ready := w.attempt(asking)
		if ready {
			return nil
		}
		if errors.Is(w.last.Last, errTLS) {
			w.last.Err = errTLS
			return w.notReady()
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-asking.Done():
			timer.Stop()
		}
		if asking.Err() == nil {
			continue
		}
		select {
		case <-p.done:
			return &ExitedError{Exit: p.exit}
		default:
		}
		w.last.Err = context.Cause(ctx)
		return w.notReady()
	}
}

// errTLS is for a server that would not answer the proxy either.
var errTLS = errors.New("it speaks TLS")

// saysTLS is what a Go server that speaks TLS says to whoever does not.
const saysTLS = "Client sent an HTTP request to an HTTPS server."

// A waiter is one call of AwaitReady.
type waiter struct {
	p             *Process
	address, host string
	client        http.Client
	began         time.Time
	failing       time.Time // since when it answers with an error that is no 503; or zero
	last          NotReadyError
}

func (w *waiter) notReady() error {
	w.last.Address, w.last.Waited = w.address, time.Since(w.began)
	w.last.Listening = w.p.Listening()
	return &w.last
}

// attempt asks once. pause is how long to wait before the next time.
func (w *waiter) attempt(ctx context.Context) (pause time.Duration, ready bool) {
	tenth := time.Since(w.began) / 10
	pause = min(max(tenth, minPause), maxPause)
	status, body, err := w.get(ctx, "/readyz")
	switch {
	case ctx.Err() != nil: // The attempt tells nothing.
	case err != nil:
		w.last.Status, w.last.Body, w.last.Last, w.failing = 0, "", err, time.Time{}
		if dial := (*net.OpError)(nil); errors.As(err, &dial) && dial.Op == "dial" {
			w.last.Last = nil // Error says so.
		}
	case !w.owns():
	case status == http.StatusBadRequest && strings.TrimSpace(body) == saysTLS:
		w.last.Status, w.last.Body, w.last.Last = 0, "", errTLS
	case status < 500:
		return 0, true
	default:
		pause = min(max(tenth, minPauseBusy), maxPauseBusy)
		w.last.Status, w.last.Body, w.last.Last = status, body, nil
		if status == http.StatusServiceUnavailable {
			w.failing = time.Time{}
			break
		}
		if w.failing.IsZero() {
			w.failing = time.Now()
		}
		if time.Since(w.failing) >= settleLimit && w.failsAnyway(ctx, status) {
			return 0, true
		}
	}
	return pause, false
}

// get asks for a path. A redirect is an answer, too.
func (w *waiter) get(ctx context.Context, path string) (status int, body string, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.address+path, nil)
	if err != nil {
		return 0, "", err
	}
	r.Host = w.host
	r.Header.Set("User-Agent", "fault-run")
	r.Header.Set("Accept", "text/plain, */*;q=0.5")
	answer, err := w.client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close() // only read
	if answer.StatusCode < 500 && answer.StatusCode != http.StatusBadRequest {
		return answer.StatusCode, "", nil // The body may be a stream without an end.
	}
	text, _ := io.ReadAll(io.LimitReader(answer.Body, maxBody)) // What there is will do.
	return answer.StatusCode, strings.TrimSpace(plain(string(text))), nil
}

// failsAnyway tells whether the application answers in the same way to what surely does not exist. It
// is asked when /readyz has failed for a moment: everything may fail until a start is complete.
func (w *waiter) failsAnyway(ctx context.Context, status int) bool {
	other, _, err := w.get(ctx, "/fault-run-"+strings.ToLower(rand.Text()))
	return err == nil && other == status
}

// owns tells whether it is the process itself that listens, as far as that can be known. Another program
// may have got the port between PrivateAddress and now. It is not held against a process for long: it
// may have another one listen that has left its session.
func (w *waiter) owns() bool {
	listening := w.p.Listening()
	return len(listening) == 0 && !canTellListening ||
		slices.ContainsFunc(listening, func(at string) bool { return covers(at, w.address) }) ||
		time.Since(w.began) > foreignLimit
}

// covers tells whether who listens on the address at also serves the wanted one: it is the same, or all
// addresses of the same port.
func covers(at, wanted string) bool {
	host, port, err := net.SplitHostPort(at)
	wantedHost, wantedPort, wantedErr := net.SplitHostPort(wanted)
	if err != nil || wantedErr != nil || port != wantedPort {
		return false
	}
	ip := net.ParseIP(host)
	return host == wantedHost || ip != nil && ip.IsUnspecified() || net.ParseIP(wantedHost) == nil
}

// PrivateAddress returns a loopback address, "127.0.0.1:61001", that was free a moment ago. Where that
// works, its port is above those that Linux gives to outgoing connections, one of which could else take
// it before the application does.
func PrivateAddress() (string, error) {
	const lowest, attempts = 61000, 32
	for range attempts {
		n, err := rand.Int(rand.Reader, big.NewInt(1<<16-lowest))
		if err != nil {
			break
		}
		if address, err := free(lowest + int(n.Int64())); err == nil {
			return address, nil
		}
	}
	address, err := free(0)
	if err != nil {
		return "", fmt.Errorf("looking for a free port of this machine: %w", err)
	}
	return address, nil
}

// free returns the loopback address of that port, of any with 0, if it can be listened on.
func free(port int) (string, error) {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return "", err
	}
	address := l.Addr().String()
	return address, l.Close()
}
