package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"example.org/microblog"
	"example.org/microblog/fault"
	"example.org/microblog/fault/crash"
	"example.org/microblog/fault/desk"
	"example.org/microblog/fault/errormail"
	"example.org/microblog/fault/incident"
	"example.org/microblog/fault/journal"
	"example.org/microblog/fault/outbox"
	"example.org/microblog/fault/redact"
	"example.org/microblog/fault/source"
	"example.org/microblog/internal/config"
	"example.org/microblog/internal/store"
	"example.org/microblog/internal/web"
)

const (
	// module is the application's module path. The kit tells its frames from those of libraries by it.
	module = "example.org/microblog"

	// drainTimeout is how long a stop waits for captured failures to be counted. What is left is
	// counted by the next start.
	drainTimeout = 2 * time.Second
)

// Directories are the parts of DATA_DIR that belong to the failures.
type Directories struct {
	Journal   string // captured failures that are not counted yet
	Incidents string // the incidents while there is no database
	Outbox    string // mails that wait for the mail server
	Run       string // marks of the running processes, and what is left of one that crashed
}

// Dirs returns where the settings put the failures.
func Dirs(cfg config.Config) Directories {
	return Directories{
		Journal:   filepath.Join(cfg.DataDir, "journal"),
		Incidents: filepath.Join(cfg.DataDir, "incidents"),
		Outbox:    filepath.Join(cfg.DataDir, "outbox"),
		Run:       filepath.Join(cfg.DataDir, "run"),
	}
}

// MailServer returns the mail server of the settings.
func MailServer(cfg config.Config) outbox.Server {
	tls := map[config.TLSMode]outbox.TLSMode{
		config.TLSOff:      outbox.Off,
		config.TLSStart:    outbox.StartTLS,
		config.TLSImplicit: outbox.Implicit,
	}
	return outbox.Server{
		Host:     cfg.Mail.Server,
		Port:     cfg.Mail.Port,
		TLS:      tls[cfg.Mail.TLS],
		Username: cfg.Mail.Username,
		Password: cfg.Mail.Password.Reveal(),
	}
}

// Migrate brings the schema up to date, the application's and that of the incidents. It returns what was applied of the
// application's.
func Migrate(ctx context.Context, db *store.Store) ([]store.Migration, error) {
	applied, err := db.Migrate(ctx)
	if err != nil {
		var version *store.SchemaError // says itself what to do
		if ctx.Err() == nil && !errors.As(err, &version) {
			err = fmt.Errorf("%w; microblog doctor tells more about the database", err)
		}
		return applied, err
	}
	if err := incident.Migrate(ctx, db.Writer(), db.DialectName()); err != nil {
		return applied, fmt.Errorf("migrating the tables of the incidents: %w", err)
	}
	return applied, nil
}

// OpenBook opens the incidents to be read and decided on from outside the server, which may be running.
func OpenBook(cfg config.Config, db *store.Store, logger *slog.Logger) (*incident.Book, error) {
	source := &waiting{dir: Dirs(cfg).Journal}
	book, err := incident.Open(incident.Options{
		DB:      db.Writer(),
		Dialect: db.DialectName(),
		Dir:     Dirs(cfg).Incidents,
		Source:  source,
		Logger:  logger,
		Mail:    cfg.Mail.Enabled(),
	})
	source.book = book
	return book, err
}

// failures is the way of a failure from the catcher to the administrators' mail.
type failures struct {
	log      *slog.Logger
	redactor *redact.Redactor
	journal  *journal.Journal
	watcher  *crash.Watcher
	source   *source.Finder
	book     *incident.Book
	outbox   *outbox.Outbox    // nil when no mail is sent
	mailer   *errormail.Mailer // likewise

	stop    context.CancelFunc
	workers sync.WaitGroup
}

// openFailures opens what needs no database: from here on failures are captured, and what an earlier process left behind
// is found.
func openFailures(ctx context.Context, o Options, log *slog.Logger, redactor *redact.Redactor) (_ *failures, err error) {
	cfg, dirs := o.Config, Dirs(o.Config)
	f := &failures{log: log, redactor: redactor, source: Source()}
	told := o.mails()
	f.journal, err = journal.Open(journal.Options{
		Dir:      dirs.Journal,
		Logger:   log,
		Notified: func() bool { return told },
		Key:      func(failure *fault.Failure) string { return incident.GroupOf(failure).Key },
	})
	if err != nil {
		return nil, fmt.Errorf("opening the journal of failures (setting DATA_DIR): %w", err)
	}
	if !o.Supervised { // else the supervisor sees how the process ends, and shows it
		f.watcher, err = crash.Watch(ctx, crash.Options{
			Dir:      dirs.Run,
			Recorder: f.journal,
			Redactor: redactor,
			Module:   module,
			Logger:   log,
		})
		if err != nil {
			return f, fmt.Errorf("watching for crashes (setting DATA_DIR): %w", err)
		}
	}
	if !told {
		return f, nil
	}
	f.outbox, err = outbox.Open(outbox.Options{Dir: dirs.Outbox, Server: MailServer(cfg), Logger: log})
	if err != nil {
		return f, fmt.Errorf("opening the outbox (setting DATA_DIR): %w", err)
	}
	return f, nil
}

// openBook opens the incidents and, if the settings want it, their mails.
func (f *failures) openBook(o Options, db *store.Store) (err error) {
	cfg := o.Config
	f.book, err = incident.Open(incident.Options{
		DB:      db.Writer(),
		Dialect: db.DialectName(),
		Dir:     Dirs(cfg).Incidents,
		Source:  f.journal,
		Logger:  f.log,
		Mail:    f.outbox != nil,
	})
	if err != nil || f.outbox == nil {
		return err
	}
	f.mailer, err = errormail.New(errormail.Options{
		Book:    f.book,
		Outbox:  f.outbox,
		App:     "Microblog",
		From:    cfg.Mail.From,
		To:      cfg.Admins,
		Link:    IncidentLink(cfg),
		BaseURL: PublicAddress(cfg),
		Show:    "microblog incidents show",
		Mask:    f.redactor.Text,
		Source:  f.source,
		Logger:  f.log,
	})
	return err
}

// IncidentLink returns what makes the address of an incident's page, nil without a public address.
func IncidentLink(cfg config.Config) func(id string) string {
	if cfg.BaseURL == nil {
		return nil
	}
	return func(id string) string { return cfg.BaseURL.JoinPath(web.DeskPath, id).String() }
}

// Source finds the lines around the frames of a failure, in the source that the program carries.
func Source() *source.Finder {
	return source.New(source.Options{Module: module, FS: microblog.Source})
}

// PublicAddress is BASE_URL as text, "" without it.
func PublicAddress(cfg config.Config) string {
	if cfg.BaseURL == nil {
		return ""
	}
	return cfg.BaseURL.String()
}

// start begins to count what the journal holds and to send the mails.
func (f *failures) start() {
	ctx, stop := context.WithCancel(context.Background())
	f.stop = stop
	f.work(ctx, "Counting the failures", f.book.Run)
	if f.outbox != nil {
		f.work(ctx, "Sending mails", f.outbox.Run)
		f.work(ctx, "Writing the error mails", f.mailer.Run)
	}
}

func (f *failures) work(ctx context.Context, doing string, run func(context.Context) error) {
	f.workers.Go(func() {
		if err := run(ctx); err != nil && ctx.Err() == nil {
			f.log.Error(doing+" has ended before its time. Nothing is lost; restart Microblog to go on", "error", err)
		}
	})
}

// drain waits a moment until what was captured is counted, ends the workers and writes the books into the log. The database
// must still be open.
func (f *failures) drain() {
	if f.stop == nil {
		return
	}
	for end := time.Now().Add(drainTimeout); f.journal.Waiting() > 0 && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(context.Background(), booksTimeout)
	defer cancel()
	if f.mailer != nil {
		_ = f.mailer.Flush(ctx) // what it could not do is in the log, and is done by the next start
	}
	f.stop()
	f.workers.Wait()
	if f.mailer != nil {
		_ = f.mailer.Flush(ctx) // the outcome of a mail that was under way
	}
	totals, err := f.book.Totals(ctx)
	if err != nil {
		f.log.Warn("The books of the failures could not be read; microblog doctor shows them once the database is back", "error", err)
		return
	}
	f.log.Info(totals.String())
}

// close ends the journal and says that this process ended as it should.
func (f *failures) close() (err error) {
	if f.journal != nil {
		err = f.journal.Close()
	}
	if f.watcher != nil {
		if e := f.watcher.Close(); err == nil {
			err = e
		}
	}
	return err
}

// desk returns the pages of the incidents, in the layout of the site.
func (a *App) desk() (http.Handler, error) {
	crossOrigin, err := web.CrossOriginProtection(a.config.BaseURL)
	if err != nil {
		return nil, err
	}
	return desk.New(desk.Options{
		Book:    a.failures.book,
		Outbox:  a.failures.outbox,
		Journal: a.failures.journal,
		Source:  a.failures.source,
		Prefix:  web.DeskPath,
		Allow:   web.AdministratorsOnly,
		By:      web.CurrentUserLabel,
		Layout: func(w http.ResponseWriter, r *http.Request, p desk.Page) error {
			return a.web.Frame(w, r, web.Frame{Status: p.Status, Title: p.Title, Body: p.Body, Stylesheet: p.Stylesheet})
		},
		CrossOrigin: crossOrigin,
		BaseURL:     PublicAddress(a.config),
		Mask:        a.failures.redactor.Text,
		Logger:      a.log,
	})
}
