package web

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
)

const (
	// turnsPerClient is how many requests of one client may at the same time wait for the hasher or
	// use it, so that a client with many connections is at most so many hashes ahead of the others.
	turnsPerClient = 4
	// linePerClient is how many more may wait behind those: enough for a class or an office behind
	// one address, and few enough that a flood costs little.
	linePerClient = 32
)

// errCrowded says that too many requests of one client want a password hashed.
var errCrowded = errors.New("too many passwords of one client are being checked")

// hashTurns shares the hasher among clients. It keeps an entry for each client that has a request
// in it, and none for the others. The zero value works.
type hashTurns struct {
	mu      sync.Mutex
	clients map[string]*turnLine
}

// turnLine is what one client has in hashTurns.
type turnLine struct {
	requests int           // with a turn or in line
	turns    chan struct{} // holds a token for each turn
}

// enter waits for one of client's turns and returns what gives it back. The error is errCrowded when
// the client's line is full or ctx's deadline is over, and else why ctx ended.
func (h *hashTurns) enter(ctx context.Context, client string) (leave func(), err error) {
	line := h.join(client)
	if line == nil {
		return nil, errCrowded
	}
	select {
	case line.turns <- struct{}{}:
		return func() {
			<-line.turns
			h.part(client, line)
		}, nil
	case <-ctx.Done():
		h.part(client, line)
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return nil, errCrowded
		}
		return nil, ctx.Err()
	}
}

// join returns nil when the client's line is full.
func (h *hashTurns) join(client string) *turnLine {
	h.mu.Lock()
	defer h.mu.Unlock()
	line := h.clients[client]
	switch {
	case line == nil:
		if h.clients == nil {
			h.clients = map[string]*turnLine{}
		}
		line = &turnLine{turns: make(chan struct{}, turnsPerClient)}
		h.clients[client] = line
	case line.requests == turnsPerClient+linePerClient:
		return nil
	}
	line.requests++
	return line
}

func (h *hashTurns) part(client string, line *turnLine) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if line.requests--; line.requests == 0 {
		delete(h.clients, client)
	}
}

// turn waits until r may have a password hashed for the account userID, 0 where there is none; call
// leave after it. It is errCrowded when r's client asks for too many. A client is an address (IPv6:
// one /64). Whoever is signed in to the account, or has been with this browser, counts by the
// account, so that a flood from a neighbour behind the same address does not keep them out.
func (s *Server) turn(r *http.Request, userID int64) (leave func(), err error) {
	st := stateOf(r)
	client := turnNetwork(st.addr)
	if userID != 0 && (st.user != nil && st.user.ID == userID || s.cookies.deviceMark(r, userID) != "") {
		client = "account " + strconv.FormatInt(userID, 10)
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.hashWait)
	defer cancel()
	if leave, err = s.turns.enter(ctx, client); err != nil && r.Context().Err() != nil {
		err = r.Context().Err()
	}
	return leave, err
}

// turnNetwork is the part of an address that one customer has.
func turnNetwork(addr netip.Addr) string {
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			return p.String()
		}
	}
	return addr.String()
}

// crowded answers a form for which turn gave an error: with the form, so that nothing has to be
// typed again, when the client asks for too much at once. formError is the form's.
func (s *Server) crowded(w http.ResponseWriter, r *http.Request, err error, page any, formError *string) error {
	if !errors.Is(err, errCrowded) {
		return busy(r.Context(), err)
	}
	*formError = textCrowded
	return s.tooMany(w, retryBusy, page)
}
