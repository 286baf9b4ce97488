package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"os"
	"os/exec"
	"strings"
)

// bareCommand is the argument with which this program becomes the bare server.
const bareCommand = "bare-server"

// recording is an answer of the real server, to be given again by the bare one.
type recording struct {
	Status int
	Header http.Header
	Body   []byte
}

// record takes an answer's raw bytes apart. The Date is left out: net/http sets it anew.
func record(h head, raw []byte) (recording, error) {
	r := textproto.NewReader(bufio.NewReader(bytes.NewReader(raw)))
	if _, err := r.ReadLine(); err != nil {
		return recording{}, fmt.Errorf("reading the status line: %w", err)
	}
	header, err := r.ReadMIMEHeader()
	if err != nil {
		return recording{}, fmt.Errorf("reading the headers: %w", err)
	}
	header.Del("Date")
	return recording{Status: h.status, Header: http.Header(header), Body: raw[len(raw)-h.length:]}, nil
}

// ServeHTTP gives the recorded answer to every request.
func (rec *recording) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	for name, values := range rec.Header {
		h[name] = values
	}
	w.WriteHeader(rec.Status)
	_, _ = w.Write(rec.Body) // a client that has gone is no concern of this server
}

// serveBare is the other process: it reads a recording from in, serves it on a free port, writes
// the address to out as a line, and ends when in does.
func serveBare(in io.Reader, out io.Writer) error {
	lines := bufio.NewReader(in)
	line, err := lines.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("reading the recording: %w", err)
	}
	var rec recording
	if err := json.Unmarshal(line, &rec); err != nil {
		return fmt.Errorf("reading the recording: %w", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	if _, err := fmt.Fprintln(out, l.Addr()); err != nil {
		return errors.Join(fmt.Errorf("telling the address: %w", err), l.Close())
	}
	server := &http.Server{Handler: &rec}
	go func() {
		_, _ = io.Copy(io.Discard, lines)
		_ = server.Close()
	}()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving: %w", err)
	}
	return nil
}

// bareServer is the process that serveBare runs in.
type bareServer struct {
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	address string
	ending  func() error // not nil once the whole benchmark is to end, which ends the process too
}

// startBare starts this program again as the bare server.
func startBare(ctx context.Context, rec recording) (*bareServer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	text, err := json.Marshal(rec)
	if err != nil {
		return nil, fmt.Errorf("writing the recording: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, bareCommand)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the bare server: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the bare server: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the bare server: %w", err)
	}
	b := &bareServer{cmd: cmd, stdin: stdin, ending: ctx.Err}
	if _, err := stdin.Write(append(text, '\n')); err != nil {
		return nil, errors.Join(fmt.Errorf("telling the bare server what to answer: %w", err), b.stop())
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("waiting for the bare server: %w", err), b.stop())
	}
	b.address = strings.TrimSpace(line)
	return b, nil
}

func (b *bareServer) pid() int { return b.cmd.Process.Pid }

// stop ends the process and waits for it.
func (b *bareServer) stop() error {
	if err := errors.Join(b.stdin.Close(), b.cmd.Wait()); err != nil && b.ending() == nil {
		return fmt.Errorf("stopping the bare server: %w", err)
	}
	return nil
}
