package cli

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"strings"
	"time"

	"example.org/microblog/fault/incident"
	"example.org/microblog/fault/journal"
	"example.org/microblog/fault/outbox"
	"example.org/microblog/internal/app"
)

const (
	// longWaiting is for how long captured failures may wait to be counted before that is odd: a
	// running server counts them within seconds.
	longWaiting = time.Minute
	// longInOutbox is likewise for mails; the first attempts are seconds apart.
	longInOutbox = 10 * time.Minute
)

// directory looks at a directory of DATA_DIR that Microblog makes by itself. It reports whether there
// is something in it to look at.
func (d *doctor) directory(dir, without string) bool {
	info, err := os.Stat(dir)
	switch {
	case os.IsNotExist(err):
		d.okf("%s", without)
		return false
	case err != nil:
		d.add(wrong, fmt.Sprintf("%s cannot be looked at: %v.", dir, cause(err)), "Run this as the user that runs Microblog, or correct the rights.")
		return false
	case !info.IsDir():
		d.add(wrong, dir+" is no directory.", "Move away what is there; Microblog makes it anew.")
		return false
	}
	if err := mayWrite(dir); err != nil {
		d.add(wrong, fmt.Sprintf("%s cannot be written to: %v.", dir, cause(err)), "Give it to the user that runs Microblog; a start as another user, such as root, may have made it.")
	}
	return true
}

// journal tells what was captured and is not counted yet.
func (d *doctor) journal(context.Context) {
	dir := d.dirs.Journal
	if !d.directory(dir, "Nothing was captured yet.") {
		return
	}
	s, err := journal.Inspect(dir)
	if err != nil {
		d.add(wrong, fmt.Sprintf("The journal in %s cannot be read: %s.", dir, d.errText(err)), "Correct the rights on its files, or move them away; what they hold is then not counted.")
		return
	}
	d.newest.see(s.Newest, "the newest record of the journal")
	holds := fmt.Sprintf("%s in %s", size(uint64(max(s.Bytes, 0))), several(int64(s.Segments), "file"))
	if s.Damaged > 0 {
		d.add(warning, fmt.Sprintf("%s in the middle of the journal's files are damaged; what they held is lost.", size(uint64(s.Damaged))), "What can be read is counted all the same. Look into the health of the disk.")
	}
	for _, what := range s.Unreadable {
		d.add(warning, "A part of the journal cannot be read: "+sentence(d.words(what)), "Correct the rights on it. If a newer Microblog has written it, start that one.")
	}
	if s.Waiting == 0 {
		d.okf("No captured failure waits to be counted; %s.", holds)
		return
	}
	age := d.now().Sub(s.Oldest)
	text := fmt.Sprintf("Captured and not counted yet: %s, the oldest %s; %s.", several(s.Waiting, "failure"), ago(age), holds)
	switch {
	case s.Counted > 0:
		d.add(warning, fmt.Sprintf("%s The journal is full: of %d of them only the number is kept.", text, s.Counted), notCounted)
	case age > longWaiting:
		d.add(warning, text, notCounted)
	default:
		d.add(fine, text, "")
	}
}

// notCounted is what to do about failures that wait for long.
const notCounted = "A running Microblog counts them within seconds: start it, or look into its log."

// incidents reads the books.
func (d *doctor) incidents(ctx context.Context) {
	if d.database.none {
		d.okf("There are no incidents yet.")
		waiting := int64(0)
		if s, err := journal.Inspect(d.dirs.Journal); err == nil { // Trouble with it is told elsewhere.
			waiting = s.Waiting
		}
		d.balance(incident.Totals{Captured: waiting, Waiting: waiting})
		return
	}
	if d.database.store == nil {
		d.add(skipped, "Not checked: they are in the database, which cannot be asked."+d.meanwhile(ctx), "")
		return
	}
	book, done, err := d.openBook()
	if err != nil {
		d.add(wrong, "The incidents cannot be opened: "+d.errText(err)+".", "")
		return
	}
	defer done()
	totals, err := book.Totals(ctx)
	if err != nil {
		d.add(wrong, "The incidents cannot be read: "+d.errText(err)+".", "If the database was made by an earlier Microblog, microblog migrate brings it up to date.")
		return
	}
	counts, err := book.Counts(ctx)
	if err != nil {
		d.add(wrong, "The incidents cannot be counted: "+d.errText(err)+".", "")
		return
	}
	status := book.Status()
	switch {
	case status.Unreconciled:
		d.add(warning, "There are failures that were counted while the database was gone, and that it has not taken over yet.", "A running Microblog does so within seconds of the database being back.")
	case status.Degraded:
		d.add(warning, fmt.Sprintf("The database stands aside since %s: %s.", status.Since.Format(time.DateTime), d.words(status.Err)), "")
	}
	d.okf("%s.", stateCounts(counts))
	d.balance(totals)
}

// meanwhile says what was counted while the database was gone.
func (d *doctor) meanwhile(ctx context.Context) string {
	dir := d.dirs.Incidents
	if _, err := os.Stat(dir); err != nil {
		return ""
	}
	book, err := incident.Open(incident.Options{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return ""
	}
	defer func() { _ = book.Close() }() // nothing was written
	counts, err := book.Counts(ctx)
	if maps.DeleteFunc(counts, func(_ incident.State, n int64) bool { return n == 0 }); err != nil || len(counts) == 0 {
		return ""
	}
	return " Counted without it: " + stateCounts(counts) + "; microblog incidents lists them."
}

// openBook opens the incidents. Where the directory of their state file was never made, it stays so:
// an empty one stands in for it.
func (d *doctor) openBook() (book *incident.Book, done func(), err error) {
	cfg, remove := d.cfg, func() {}
	if _, err := os.Stat(d.dirs.Incidents); os.IsNotExist(err) {
		if cfg.DataDir, err = os.MkdirTemp("", "microblog-doctor-"); err != nil {
			return nil, nil, err
		}
		remove = func() { _ = os.RemoveAll(cfg.DataDir) }
	}
	book, err = app.OpenBook(cfg, d.database.store, slog.New(slog.DiscardHandler))
	if err != nil {
		remove()
		return nil, nil, err
	}
	return book, func() {
		_ = book.Close() // nothing was written
		remove()
	}, nil
}

// stateCounts says how many incidents there are in each state.
func stateCounts(counts map[incident.State]int64) string {
	var (
		parts []string
		all   int64
	)
	for _, state := range incident.States() {
		if n := counts[state]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
			all += n
		}
	}
	if all == 0 {
		return "There are no incidents"
	}
	return several(all, "incident") + ": " + strings.Join(parts, ", ")
}

// balance shows the books.
func (d *doctor) balance(t incident.Totals) {
	d.books = &books{
		Line:     t.String(),
		Captured: t.Captured, Mailed: t.Mailed, Grouped: t.Grouped, Muted: t.Muted, Waiting: t.Waiting, GivenUp: t.GivenUp, NotForMail: t.NotForMail,
	}
	if d.tellBooks != nil {
		d.tellBooks(t.String())
	}
	if t.GivenUp > 0 {
		d.add(warning, fmt.Sprintf("The mails about %s could not be delivered and were given up.", several(t.GivenUp, "failure")), "The incidents are all there: microblog incidents lists them.")
	}
}

// outbox tells which mails wait.
func (d *doctor) outbox(context.Context) {
	dir := d.dirs.Outbox
	if !d.directory(dir, "No mail was sent yet.") {
		return
	}
	s, entries, err := outbox.Inspect(dir)
	if err != nil {
		d.add(wrong, fmt.Sprintf("The outbox in %s cannot be read: %s.", dir, d.errText(err)), "Correct the rights on its files.")
		return
	}
	var lastError string
	for _, e := range entries {
		d.newest.see(e.Created, "a mail in the outbox")
		d.newest.see(e.Settled, "a mail in the outbox")
		if lastError == "" && e.State == outbox.Waiting {
			lastError = e.LastError
		}
	}
	for _, e := range []string{s.ServerError, s.LastError} {
		if lastError == "" {
			lastError = e
		}
	}
	if s.SetAside > 0 {
		d.add(warning, fmt.Sprintf("%s in the outbox could not be read and were set aside.", several(int64(s.SetAside), "file")), "They are in "+dir+" still; a disk that fails would explain them.")
	}
	past := fmt.Sprintf("within 7 days %d were delivered and %d given up", s.Delivered, s.GivenUp)
	if s.Waiting == 0 {
		d.okf("No mail waits; %s.", past)
		return
	}
	age := d.now().Sub(s.Oldest)
	text := fmt.Sprintf("%s, %s, the oldest written %s", several(int64(s.Waiting), "mail")+" waiting", size(uint64(max(s.Bytes, 0))), ago(age))
	if !s.Next.IsZero() && s.Next.After(d.now()) {
		text += ", the next attempt in " + s.Next.Sub(d.now()).Round(time.Second).String()
	}
	text += "; " + past + "."
	if lastError != "" {
		text += " The last error: " + sentence(d.words(lastError))
	}
	switch {
	case !d.cfg.Mail.Enabled():
		d.add(warning, text, "MAIL_SERVER is not set, so that they stay where they are.")
	case lastError != "":
		d.add(warning, text, "They are tried again for four days. The lines about mail below say what to change.")
	case age > longInOutbox:
		d.add(warning, text, "A running Microblog sends them: start it, or look into its log.")
	default:
		d.add(fine, text, "")
	}
}

// several is a number with its noun.
func several(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
