package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"example.org/microblog/internal/config"
)

const (
	obtainTimeout   = 10 * time.Minute
	firstAnswerTime = 2 * time.Minute // builds with a cold cache
	orphanTime      = 2 * time.Second
)

// tool is a program that rebuilds and restarts an application when its files are saved.
type tool struct {
	name    string
	version string
	module  string // path of the package for go install; "": it is built from ./fault
	proxied bool   // the application listens on another address than the one that is asked
	// args are the command line, told the address that is asked and the application's own where that is another one.
	args func(public, private string) []string
	// program is what is run; "": it is obtained first.
	program string
}

const (
	faultTool    = "fault"
	airTool      = "air"
	airProxyTool = "air-proxy"
	reflexTool   = "reflex"
)

// knownTools are all that can be measured, as their own documentation says to start them.
func knownTools() []tool {
	const air, airVersion = "github.com/air-verse/air", "v1.67.4"
	return []tool{
		{name: faultTool, args: func(public, _ string) []string { return []string{"run", "--listen", public, "."} }},
		{name: airTool, version: airVersion, module: air, args: func(string, string) []string { return nil }},
		{name: airProxyTool, version: airVersion, module: air, proxied: true, args: func(public, private string) []string {
			return []string{"-proxy.enabled=true", "-proxy.proxy_port=" + port(public), "-proxy.app_port=" + port(private)}
		}},
		{name: reflexTool, version: "v0.3.1", module: "github.com/cespare/reflex", args: func(string, string) []string {
			return []string{"-r", `\.(go|html)$`, "-s", "--", "sh", "-c", "go build -o ./tmp/main . && exec ./tmp/main"}
		}},
	}
}

// knownTool returns the tool of that name.
func knownTool(name string) tool {
	i := slices.IndexFunc(knownTools(), func(t tool) bool { return t.name == name })
	return knownTools()[i]
}

func port(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

// String is the tool's name with its version.
func (t tool) String() string {
	if t.name == faultTool {
		return "fault run"
	}
	return strings.TrimSpace(t.name + " " + t.version)
}

// toolsDir is where tools are installed, in the benchmark's own directory.
func toolsDir(dir string) string { return filepath.Join(dir, "tools") }

// faultProgram is where "fault" is, once it is built.
func faultProgram(dir string) string { return filepath.Join(toolsDir(dir), executable("fault")) }

func executable(name string) string {
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return name
}

// obtain installs the tool, in the benchmark's own directory, and returns its program.
func (t tool) obtain(ctx context.Context, dir string) (string, error) {
	if t.program != "" {
		return t.program, nil
	}
	ctx, cancel := context.WithTimeout(ctx, obtainTimeout)
	defer cancel()
	var cmd *exec.Cmd
	program := faultProgram(dir)
	if t.module == "" {
		cmd = exec.CommandContext(ctx, "go", "build", "-buildvcs=auto", "-o", program, "./cmd/fault")
		cmd.Dir = "fault"
	} else {
		cmd = exec.CommandContext(ctx, "go", "install", t.module+"@"+t.version)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOBIN="+toolsDir(dir), "GOFLAGS=")
		program = filepath.Join(toolsDir(dir), executable(filepath.Base(t.module)))
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("it cannot be had: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return program, nil
}

// development is an application that is being developed with a tool, which runs.
type development struct {
	tool    tool
	dir     string // of the application
	address string
	cmd     *exec.Cmd
	output  *tail
	ended   chan struct{}
	err     error // of the tool, once it has ended
	leash   *leash
}

// develop makes the application in dir, starts the tool on it and waits for the first answer.
func develop(ctx context.Context, t tool, program, dir string) (_ *development, err error) {
	if err := writeNotes(dir); err != nil {
		return nil, err
	}
	public, err := freeAddress()
	if err != nil {
		return nil, err
	}
	private := public
	if t.proxied {
		if private, err = freeAddress(); err != nil {
			return nil, err
		}
	}
	d := &development{tool: t, dir: dir, address: public, output: &tail{}, ended: make(chan struct{})}
	if d.leash, err = newLeash(); err != nil {
		return nil, err
	}
	d.cmd = exec.Command(program, t.args(public, private)...)
	d.cmd.Dir = dir
	d.cmd.Env = append(plainEnvironment(), leashVariable+"="+d.leash.address())
	if t.name != faultTool { // which tells the application itself where to listen
		d.cmd.Env = append(d.cmd.Env, "LISTEN="+private)
	}
	d.cmd.Stdout, d.cmd.Stderr = d.output, d.output
	d.cmd.WaitDelay = orphanTime // for a process that it leaves behind, which has its output open
	ownGroup(d.cmd)
	if err := d.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting it: %w", err), d.leash.letGo())
	}
	go func() {
		d.err = d.cmd.Wait()
		close(d.ended)
	}()
	for _, e := range edits() {
		if _, err := d.await(ctx, e.path, firstText, time.Now(), firstAnswerTime, 10*time.Millisecond); err != nil {
			_, stopErr := d.stop()
			return nil, errors.Join(fmt.Errorf("the application did not answer: %w; it said: %s", err, d.output), stopErr)
		}
	}
	return d, nil
}

// plainEnvironment is this process's environment without Microblog's settings, which the application
// and the tools heed in part too.
func plainEnvironment() []string {
	known := map[string]bool{"PORT": true}
	for _, setting := range config.Settings() {
		known[setting.Name] = true
	}
	var env []string
	for _, e := range os.Environ() {
		if name, _, _ := strings.Cut(e, "="); !known[name] {
			env = append(env, e)
		}
	}
	return env
}

// freeAddress returns an address on which nobody listens.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("finding a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

// stop ends the tool and returns how many processes of the application it has left behind; those
// are ended then.
func (d *development) stop() (left int, err error) {
	select {
	case <-d.ended:
	default:
		err = interruptGroup(d.cmd)
	}
	select {
	case <-d.ended:
	case <-time.After(stopTimeout):
		err = errors.Join(err, fmt.Errorf("it was still running after %v and was ended", stopTimeout), killGroup(d.cmd))
		<-d.ended
	}
	for end := time.Now().Add(orphanTime); ; time.Sleep(10 * time.Millisecond) {
		if left, _, _ = d.leash.state(); left == 0 || time.Now().After(end) {
			break
		}
	}
	return left, errors.Join(err, d.leash.letGo())
}
