package web

import (
	"bytes"
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"

	"example.org/microblog/fault"
	"example.org/microblog/fault/redact"
	"example.org/microblog/internal/microblog"
	"example.org/microblog/internal/store"
)

// Options are what a Server needs. Store, Catcher, Pages and SecretKey must be given.
type Options struct {
	Store   *store.Store
	Catcher *fault.Catcher
	Pages   *Pages

	Logger    *slog.Logger     // for what an operator should set right; nil: slog.Default()
	AccessLog *slog.Logger     // gets one record per request; nil: none
	Redactor  *redact.Redactor // masks the secrets in the access log's addresses; nil: by the default keys

	// BaseURL is the site's public address: scheme and host, no path. Requests that change something
	// may come from this origin whatever the Host header says, and https makes the cookies Secure.
	// Nil means that it is not known.
	BaseURL *url.URL

	// TrustedProxies are the networks whose Forwarded and X-Forwarded-* headers are believed. A peer
	// on a Unix socket counts as 127.0.0.1. Empty means that only the socket's peer counts.
	TrustedProxies []netip.Prefix

	SecretKey []byte // signs cookies; at least 16 bytes, the same for all replicas
	Drill     bool   // mount /drill, where everybody can make the server fail

	// Desk shows the incidents. It is mounted at DeskPath, below which it finds its whole path, and
	// reached by administrators only; AdministratorsOnly and Server.Frame are for it. Nil: there is none.
	Desk http.Handler

	Hasher         *microblog.Hasher // nil: the zero Hasher
	HashWait       time.Duration     // how long a request waits for its turn to hash a password; 0: 5 s
	RequestTimeout time.Duration     // how long a request may wait for the database in all; 0: 20 s
	Now            func() time.Time  // the clock of sessions and limits; nil: time.Now
}

const (
	minSecretKey          = 16
	defaultHashWait       = 5 * time.Second
	defaultRequestTimeout = 20 * time.Second
)

// A Server answers Microblog's requests. It is safe for concurrent use. New makes one; Close ends
// its background work.
type Server struct {
	store   *store.Store
	catcher *fault.Catcher
	pages   *Pages
	logger  *slog.Logger
	unclear sync.Once // to tell it
	access  *accessLog
	hasher  *microblog.Hasher
	turns   hashTurns
	proxies proxies
	cross   *crossOrigin
	scs     *scs.SessionManager
	cookies cookieJar
	seen    *seenWriter
	handler http.Handler
	buffers sync.Pool

	hashWait       time.Duration
	requestTimeout time.Duration
	now            func() time.Time
	hsts           bool
	desk           http.Handler // nil: none
}

// New returns a Server. The error names every option that is missing or impossible.
func New(o Options) (*Server, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	s := &Server{
		store:          o.Store,
		catcher:        o.Catcher,
		pages:          o.Pages,
		logger:         o.Logger,
		access:         newAccessLog(o.AccessLog, o.Redactor),
		hasher:         o.Hasher,
		proxies:        o.TrustedProxies,
		buffers:        sync.Pool{New: func() any { return new(bytes.Buffer) }},
		hashWait:       o.HashWait,
		requestTimeout: o.RequestTimeout,
		now:            o.Now,
		hsts:           o.BaseURL != nil && o.BaseURL.Scheme == "https",
		desk:           o.Desk,
	}
	var err error
	if s.cross, err = newCrossOrigin(o.BaseURL); err != nil {
		return nil, fmt.Errorf("web: Options.BaseURL: %w", err)
	}
	if s.cookies, err = newCookieJar(o.SecretKey, s.hsts); err != nil {
		return nil, err
	}
	s.scs = newSessionManager(o.Store, o.Now)
	s.seen = newSeenWriter(o.Store.SaveLastSeen, s.catcher.Report)
	s.catcher.Go(context.Background(), "writing when people were last seen", s.seen.run)
	s.handler = s.chain(s.routes(o.Drill))
	return s, nil
}

func (o Options) check() error {
	var wrong []error
	if o.Store == nil {
		wrong = append(wrong, errors.New("web: Options.Store is missing"))
	}
	if o.Catcher == nil {
		wrong = append(wrong, errors.New("web: Options.Catcher is missing"))
	}
	if o.Pages == nil {
		wrong = append(wrong, errors.New("web: Options.Pages is missing"))
	}
	if len(o.SecretKey) < minSecretKey {
		wrong = append(wrong, fmt.Errorf("web: Options.SecretKey has %d bytes, and at least %d are needed", len(o.SecretKey), minSecretKey))
	}
	if u := o.BaseURL; u != nil && (u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path != "" && u.Path != "/") {
		wrong = append(wrong, errors.New("web: Options.BaseURL is not http or https with a host and no path"))
	}
	return errors.Join(wrong...)
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Hasher == nil {
		o.Hasher = new(microblog.Hasher)
	}
	if o.HashWait <= 0 {
		o.HashWait = defaultHashWait
	}
	if o.RequestTimeout <= 0 {
		o.RequestTimeout = defaultRequestTimeout
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Close writes what is still to be written, as long as ctx allows, and ends the Server's background
// work. Call it after the last request; it may be called again.
func (s *Server) Close(ctx context.Context) error { return s.seen.close(ctx) }

// deriveKey makes the key for one purpose of the secret key, so that a signature made for one never
// passes for another.
func deriveKey(secret []byte, purpose string) ([]byte, error) {
	return hkdf.Key(sha256.New, secret, nil, "microblog "+purpose, sha256.Size)
}
