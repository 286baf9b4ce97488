package outbox_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.org/microblog/fault/internal/smtptest"
	"example.org/microblog/fault/outbox"
)

// Torn and foreign files never stop the mails beside them.
func TestDamagedFiles(t *testing.T) {
	t.Parallel()
	s := smtptest.Start(t, smtptest.Options{Fault: smtptest.Always(smtptest.Greeting, smtptest.Fault{Reply: "421 later"})})
	dir := t.TempDir()
	log := &logged{}
	o := open(t, s, outbox.Options{Dir: dir, Logger: log.logger()})
	for i := range 6 {
		put(t, o, letter(i))
	}
	waiting, err := filepath.Glob(filepath.Join(dir, "waiting", "*.mail"))
	if err != nil || len(waiting) != 6 {
		t.Fatal(waiting, err)
	}
	damage := func(path string, change func([]byte) []byte) {
		content, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(path, change(content), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	damage(waiting[0], func(b []byte) []byte { return b[:len(b)/2] })
	damage(waiting[1], func(b []byte) []byte { b[len(b)-3] ^= 1; return b })
	damage(waiting[2], func(b []byte) []byte { return nil })
	write := func(name, content string) {
		if err := os.WriteFile(filepath.Join(dir, "waiting", name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("README.txt", "what is this?")
	write("x.mail", strings.Repeat("\x00", 1000))
	write(strings.TrimSuffix(filepath.Base(waiting[3]), ".mail")+".state", "torn")
	write("lonely.state", "no mail")
	write(".nfs0001", "of the file system")
	if err := os.Rename(waiting[4], filepath.Join(dir, "waiting", "renamed.mail")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "waiting", "directory.mail"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "settled", "x.delivered"), []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "server"), []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := files(t, dir)
	status, entries, err := outbox.Inspect(dir)
	if err != nil || status.Waiting != 2 || len(entries) != 2 {
		t.Errorf("%+v %+v %v", status, entries, err)
	}
	if files(t, dir) != before {
		t.Error("Inspect changed something")
	}
	run(t, o)
	s.Wait(t, "a try", func() bool { return s.Conns() > 1 })
	s.SetFault(nil)
	for key, outcome := range settled(t, o, 2) {
		if !outcome.Delivered {
			t.Errorf("%s: %+v", key, outcome)
		}
	}
	if status := o.Status(); status.SetAside != 9 || status.Waiting != 0 {
		t.Errorf("%+v", status)
	}
	if n := strings.Count(log.String(), "was set aside"); n != 9 {
		t.Errorf("%d files in the log:\n%s", n, log)
	}
}

// Mails that are taken are not sent again because the disk is full and that cannot be written down.
func TestDiskFailsAfterDelivery(t *testing.T) {
	t.Parallel()
	s := smtptest.Start(t, smtptest.Options{})
	dir := t.TempDir()
	log := &logged{}
	o := open(t, s, outbox.Options{Dir: dir, Logger: log.logger()})
	put(t, o, letter(1), letter(2, "later@example.org"))
	s.SetFault(smtptest.Recipient("later@example.org", smtptest.Fault{Reply: "451 later"}))
	tmp := filepath.Join(dir, "tmp")
	if err := os.Rename(tmp, tmp+".away"); err != nil {
		t.Fatal(err)
	}
	stop := run(t, o)
	s.Wait(t, "some tries", func() bool { return strings.Count(strings.Join(s.Commands(), " "), "later@") > 4 })
	if n := len(s.Mails()); n != 1 {
		t.Errorf("the first was sent %d times", n)
	}
	if err := o.Put(context.Background(), letter(3)); err == nil {
		t.Error("Put says that it is durable")
	}
	contains(t, "the log", log.String(), "The outbox cannot be read or written")
	if status := o.Status(); status.Waiting != 1 {
		t.Errorf("%+v", status)
	}
	if err := os.Rename(tmp+".away", tmp); err != nil {
		t.Fatal(err)
	}
	s.SetFault(nil)
	settled(t, o, 2)
	stop()
	if ids := messageIDs(t, s.Mails()); len(s.Mails()) != 2 {
		t.Errorf("%v", ids)
	}
	again := open(t, s, outbox.Options{Dir: dir})
	run(t, again)
	put(t, again, letter(4))
	settled(t, again, 3)
	if ids := messageIDs(t, s.Mails()); len(s.Mails()) != 3 {
		t.Errorf("%v", ids)
	}
}
