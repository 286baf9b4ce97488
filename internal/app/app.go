// Package app wires Microblog together: settings in, a running server out.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"example.org/microblog/fault"
	"example.org/microblog/fault/redact"
	"example.org/microblog/internal/config"
	"example.org/microblog/internal/store"
	"example.org/microblog/internal/store/postgres"
	"example.org/microblog/internal/store/sqlite"
	"example.org/microblog/internal/web"
)

// Limits of the web server. A request or an idle connection that exceeds one is ended.
const (
	maxHeaderBytes    = 64 << 10
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 30 * time.Second
	writeTimeout      = 60 * time.Second
	idleTimeout       = 120 * time.Second

	// defaultGrace is how long running requests may take to finish once the server is asked to stop.
	// When all but this part of it is over, they are told to give up, so that they can still be answered.
	defaultGrace = 15 * time.Second
	giveUpPart   = 5
	// startTimeout bounds reaching and migrating the database at start.
	startTimeout = 2 * time.Minute

	purgeInterval = 10 * time.Minute
)

// Options says what to run.
type Options struct {
	Config   config.Config
	Drill    bool      // mount /drill, which fails on purpose
	Stdout   io.Writer // for the log and the access log, where the settings send them there
	Terminal bool      // Stdout is a terminal
	Stderr   io.Writer // for what cannot be logged

	Grace time.Duration // how long running requests may take to finish when the server stops; 0: 15 s

	// Supervised says that a supervisor started this process for development: it takes the output of a crash, and error mails
	// are off.
	Supervised bool
}

// mails reports whether failures are mailed.
func (o Options) mails() bool { return o.Config.Mail.Enabled() && !o.Supervised }

// errStopping is why a request's context ends when the server cannot wait for it any longer.
var errStopping = errors.New("the server is stopping")

// App is Microblog, opened: its log, its address, its database and its handler.
// Open makes one, Run serves, Close ends it.
type App struct {
	log      *slog.Logger
	logs     *logs
	listener net.Listener
	store    *store.Store
	failures *failures
	catcher  *fault.Catcher
	web      *web.Server
	server   *http.Server
	config   config.Config
	grace    time.Duration

	running sync.WaitGroup // requests in the handler
	giveUp  context.CancelCauseFunc

	closing sync.Once
	closed  error
}

// OpenStore opens the database that the settings name. SQLite's directory is made when it is missing.
// The schema is left as it is.
func OpenStore(ctx context.Context, cfg config.Config) (*store.Store, error) {
	return openStore(ctx, cfg, store.Options{})
}

func openStore(ctx context.Context, cfg config.Config, o store.Options) (*store.Store, error) {
	if cfg.Database.Kind == config.Postgres {
		db, err := postgres.Open(ctx, cfg.Database.URL.Reveal(), postgres.Options{Options: o})
		if err != nil {
			return nil, fmt.Errorf("the database of the setting DATABASE_URL: %w", err)
		}
		return db, nil
	}
	if err := os.MkdirAll(filepath.Dir(cfg.Database.Path), 0o750); err != nil {
		return nil, fmt.Errorf("making the directory of the database (setting DATA_DIR or DATABASE_URL): %w", err)
	}
	return sqlite.Open(ctx, cfg.Database.Path, sqlite.Options{Options: o})
}

// Open starts everything: the log, the listener, the database with its migrations, the handler. The address is taken before
// the database is touched, so that a second start by mistake changes nothing. Requests are answered once Run is called.
func Open(ctx context.Context, o Options) (_ *App, err error) {
	a := &App{config: o.Config, grace: o.Grace}
	if a.grace <= 0 {
		a.grace = defaultGrace
	}
	a.logs, err = openLogs(o)
	if err != nil {
		return nil, err
	}
	a.log = a.logs.logger
	a.log.InfoContext(ctx, "Microblog startup")
	for _, warning := range o.Config.Warnings {
		a.log.WarnContext(ctx, warning)
	}
	if o.Drill {
		a.log.WarnContext(ctx, "The drill is on: anyone who can reach this server can make it fail, and can end it, at /drill")
	}
	defer func() {
		if err != nil {
			err = Explain(o.Config, err)
			a.log.ErrorContext(ctx, "Microblog could not start: "+redact.New(redact.Options{Values: o.Config.Secrets()}).Text(err.Error()))
			_ = a.Close()
		}
	}()

	a.listener, err = listen(o.Config.Listen)
	if err != nil {
		return nil, err
	}
	a.failures, err = openFailures(ctx, o, a.log, redact.New(redact.Options{Values: o.Config.Secrets()}))
	if err != nil {
		return nil, err
	}
	starting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	// What is typed during development may be shown to who develops.
	a.store, err = openStore(starting, o.Config, store.Options{TraceArgs: o.Supervised})
	if err != nil {
		return nil, err
	}
	applied, err := Migrate(starting, a.store)
	if err != nil {
		return nil, err
	}
	for _, m := range applied {
		a.log.InfoContext(ctx, "Database migrated", "migration", m.Name)
	}
	key, err := a.secretKey(starting)
	if err != nil {
		return nil, err
	}
	redactor := redact.New(redact.Options{Values: append(o.Config.Secrets(), string(key))})
	if n := redactor.Ignored(); n > 0 {
		a.log.Warn("Some secrets in the settings are too short to be masked where they turn up in a text", "secrets", n)
	}
	a.failures.redactor = redactor
	if err := a.failures.openBook(o, a.store); err != nil {
		return nil, err
	}
	if err := a.buildServer(o, key); err != nil {
		return nil, err
	}
	return a, nil
}

// secretKey is the key of the settings or, without one, the database's own.
func (a *App) secretKey(ctx context.Context) ([]byte, error) {
	if key := a.config.SecretKey.Reveal(); key != "" {
		return []byte(key), nil
	}
	return a.store.SecretKey(ctx)
}

func (a *App) buildServer(o Options, key []byte) error {
	pages, err := web.NewPages(web.PagesOptions{})
	if err != nil {
		return err
	}
	redactor := a.failures.redactor
	a.catcher = fault.New(fault.Options{
		Pages:     pages.Errors(web.CurrentViewer),
		Logger:    a.log,
		Recorder:  a.failures.journal,
		User:      web.CurrentUserLabel,
		Secrets:   web.RequestSecrets,
		RequestID: web.RequestID,
		Redactor:  redactor,
		Translate: web.Translate,
	})
	incidents, err := a.desk()
	if err != nil {
		return err
	}
	a.web, err = web.New(web.Options{
		Store:          a.store,
		Catcher:        a.catcher,
		Pages:          pages,
		Logger:         a.log,
		AccessLog:      a.logs.access,
		Redactor:       redactor,
		BaseURL:        o.Config.BaseURL,
		TrustedProxies: o.Config.TrustedProxies,
		SecretKey:      key,
		Drill:          o.Drill,
		Desk:           incidents,
	})
	if err != nil {
		return err
	}
	requests, giveUp := context.WithCancelCause(context.Background())
	a.giveUp = giveUp
	a.server = &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a.running.Add(1)
			defer a.running.Done()
			a.web.ServeHTTP(w, r)
		}),
		BaseContext:       func(net.Listener) context.Context { return requests },
		MaxHeaderBytes:    maxHeaderBytes,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelWarn),
	}
	return nil
}

// URL is where a person on this machine opens Microblog, or unix: and the path of the socket.
func (a *App) URL() string { return localURL(a.listener.Addr()) }

// Run serves until ctx is done, then lets running requests finish, as long as Options.Grace allows. It may be called once.
func (a *App) Run(ctx context.Context) error {
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	var background sync.WaitGroup
	background.Go(func() { a.purge(work) })
	defer background.Wait()
	defer stop()

	a.failures.start()
	served := make(chan error, 1)
	go func() { served <- a.server.Serve(a.listener) }()
	a.log.InfoContext(ctx, "Microblog is listening", "url", a.URL())
	select {
	case err := <-served:
		return fmt.Errorf("serving on %s: %w", a.config.Listen, err)
	case <-ctx.Done():
	}

	a.log.Info("Microblog is stopping: running requests may finish")
	notice := time.AfterFunc(a.grace-a.grace/giveUpPart, func() { a.giveUp(errStopping) })
	defer notice.Stop()
	grace, cancel := context.WithTimeout(work, a.grace)
	defer cancel()
	err := a.server.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		a.log.Warn("Some requests did not finish in time and were cut off", "seconds", a.grace.Seconds())
		err = a.server.Close()
	}
	<-served
	a.awaitHandlers()
	if err != nil {
		return fmt.Errorf("stopping the web server: %w", err)
	}
	return nil
}

// awaitHandlers waits a moment for handlers whose connections are gone, before the database is closed under them.
func (a *App) awaitHandlers() {
	done := make(chan struct{})
	go func() {
		a.running.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(time.Second):
		a.log.Warn("A handler goes on although its request is over; it is left behind")
	}
}

// purge removes expired sessions and limits from time to time, until ctx is done.
func (a *App) purge(ctx context.Context) {
	ticker := time.NewTicker(purgeInterval)
	defer ticker.Stop()
	for {
		if _, err := a.store.Purge(ctx, time.Now()); err != nil && ctx.Err() == nil {
			a.log.WarnContext(ctx, "Expired sessions could not be removed; it is tried again later", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// ReopenLogs opens the log files anew, after somebody has moved them away.
func (a *App) ReopenLogs() { a.logs.reopen() }

// Close ends everything that Open started. It may be called again.
func (a *App) Close() error {
	a.closing.Do(func() {
		var errs []error
		if a.listener != nil {
			// Serving has closed it already; this is for a listener that never served.
			_ = a.listener.Close()
		}
		if a.giveUp != nil {
			a.giveUp(errStopping)
		}
		if a.web != nil {
			ctx, cancel := context.WithTimeout(context.Background(), a.grace)
			defer cancel()
			errs = append(errs, a.web.Close(ctx), a.catcher.Wait(ctx))
		}
		if a.failures != nil {
			a.failures.drain()
		}
		if a.store != nil {
			errs = append(errs, a.store.Close())
		}
		if a.failures != nil {
			errs = append(errs, a.failures.close())
		}
		if a.store != nil {
			a.log.Info("Microblog stopped")
		}
		// A log that could not be written has told so on standard error, with the count. It is no failure of the stop.
		_ = a.logs.close()
		a.closed = errors.Join(errs...)
	})
	return a.closed
}
