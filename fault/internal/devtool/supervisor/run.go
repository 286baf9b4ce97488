package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"example.org/microblog/fault/internal/devtool/address"
	"example.org/microblog/fault/internal/devtool/build"
	"example.org/microblog/fault/internal/devtool/proxy"
	"example.org/microblog/fault/internal/devtool/terminal"
	"example.org/microblog/fault/internal/devtool/watch"
)

// Run does all that until ctx ends or the user quits, and leaves nothing behind. The error says why it could not begin, or
// not go on.
func Run(ctx context.Context, o Options) (err error) {
	s := &supervisor{
		options: o, env: os.Environ(), stage: make(chan struct{}, 1),
		results: make(chan result), ended: make(chan *generation), listed: make(chan listing),
		vetted: make(chan vetting), loaded: make(chan loading), hooks: make(chan struct{}, 1), hookEnded: make(chan error),
	}
	if err := s.complete(); err != nil {
		return err
	}
	set := readSettings(s.options.Dir, append(slices.Clip(s.env), s.options.Env...))
	public, from := publicAddress(o.Listen, set)
	if err := s.checkPublic(public, from); err != nil {
		return err
	}
	ctx, quit := context.WithCancel(ctx)
	defer quit()
	s.ctx = ctx

	listener, err := address.Listen(public)
	if err != nil {
		return err
	}
	defer listener.Close() // closed before, on every way but an early one
	s.url = address.LocalURL(listener.Addr())
	s.host = s.url[len("http://"):]
	space, err := newWorkspace()
	if err != nil {
		return err
	}
	s.dir = space.dir
	defer func() { err = errors.Join(err, space.remove()) }()

	s.term = terminal.New(terminal.Options{Out: o.Err, In: o.In, Dir: s.options.Dir})
	defer s.term.Close()
	s.appOut, s.appErr = s.term.App(o.Out), s.term.App(o.Err)
	if s.builder, err = build.Open(ctx, build.Options{
		Dir: s.options.Dir, Package: o.Package, Tags: o.Tags, Flags: o.BuildFlags, Env: append(slices.Clip(s.env), "GOTMPDIR="+s.dir),
	}); err != nil {
		return err
	}
	if s.watcher, err = watch.New(watch.Options{Poll: o.Poll, Notice: s.term.Event}); err != nil {
		return fmt.Errorf("watching for changes: %w", err)
	}
	defer func() { err = errors.Join(err, s.watcher.Close()) }()
	if err := s.openMailbox(set); err != nil {
		return fmt.Errorf("running the mailbox (--no-mailbox leaves it out): %w", err)
	}
	if s.mailbox != nil {
		defer func() { err = errors.Join(err, s.mailbox.Close()) }()
	}
	if err := s.openDebugger(); err != nil {
		return fmt.Errorf("running the debugger (--no-debugger leaves it out): %w", err)
	}
	if s.debugger != nil {
		defer func() { err = errors.Join(err, s.debugger.Close()) }() // copies of the application end with it
	}
	s.useHook()
	if s.debugger != nil {
		s.work.Go(s.sweepPanics)
	}
	return s.run(ctx, quit, listener)
}

// run serves and supervises. Everything that was begun has ended when it returns.
func (s *supervisor) run(ctx context.Context, quit context.CancelFunc, listener net.Listener) error {
	s.proxy = proxy.New(proxy.Options{
		Hosts: s.options.Hosts, Exposed: s.options.Exposed, Package: s.packageName(), Mailbox: s.mailboxURL(),
	})
	server := &http.Server{
		Handler: s.proxy, ReadHeaderTimeout: time.Minute,
		ErrorLog: log.New(io.Discard, "", 0), // what is wrong with a client
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	changes := make(chan []watch.Change)
	s.list()
	s.name = s.programName()
	s.work.Go(func() { s.watchOn(changes) })
	s.term.Event(s.greeting())
	if s.debugger != nil {
		s.term.Event("debugger PIN: " + s.debugger.PIN() + "  at " + s.debugger.URL())
	}
	s.needBuild = true
	s.begin()

	err := s.loop(quit, changes, served)
	quit()
	_ = listener.Close() // the port is free from here on
	s.proxy.Close()
	s.finish()
	if closing := server.Close(); !errors.Is(closing, net.ErrClosed) { // that is the listener, above
		err = errors.Join(err, closing)
	}
	return err
}

// programName is what go build would call the program.
func (s *supervisor) programName() string {
	in := s.inputs.Load()
	if name := path.Base(in.Main); in.Main != "" && name != "command-line-arguments" {
		return name
	}
	return filepath.Base(in.MainDir)
}

// packageName names what is run for people: as they have, or by its directory where that would tell nothing.
func (s *supervisor) packageName() string {
	name := s.options.Package
	if clean := filepath.ToSlash(filepath.Clean(name)); clean == "." || clean == ".." || strings.HasSuffix(clean, "/..") {
		return filepath.Base(s.absolute(name))
	}
	return name
}

// finish ends all processes.
func (s *supervisor) finish() {
	s.work.Wait()
	if s.current != nil {
		s.current.watched.Store(false) // nobody is told any more
		s.current.stop(stopGrace)
	}
	s.retired.Wait()
}

func (s *supervisor) greeting() string {
	text := s.url
	if s.mailbox != nil {
		text += "  mails: " + s.mailbox.URL()
	}
	if keys := s.term.Keys(); keys != nil {
		text += "  keys: r rebuild, o open, "
		if s.debugger != nil {
			text += "d debugger PIN, "
		}
		text += "q quit, ? help"
	}
	return text
}

func (s *supervisor) mailboxURL() string {
	if s.mailbox == nil {
		return ""
	}
	return s.mailbox.URL()
}
