package explain

import (
	"fmt"
	"path/filepath"
	"strings"

	"example.org/microblog/fault"
)

// fileRules are about files and programs.
func fileRules() []*rule {
	paths := []string{"*fs.PathError", "*os.LinkError", "*os.SyscallError"}
	return []*rule{{
		topic: "no file", types: paths, text: `^(\w+) (.+): no such file or directory$|^(\w+) (.+): The system cannot find the (?:file|path) specified\.$|^(open) (.+): file does not exist$`,
		title: "There is no `$2$4$6`", say: "`$1$3$5` did not find `$2$4$6`.", more: (*subject).relativePath,
	}, {
		topic: "no program", types: []string{"*exec.Error"}, text: `exec: "([^"]*)": executable file not found in`,
		title: "There is no program `$1`", say: "No directory of PATH has an executable file `$1`.", try: []string{"Install it, or give its whole path in the configuration; a container may have less than this machine."},
	}, {
		topic: "program", types: []string{"*exec.ExitError"}, text: `^exit status (\d+)$|^signal: (.+)$`,
		title: "The program that was run failed", say: "It ended with the status $1$2.", try: []string{"What it wrote tells why: `cmd.CombinedOutput()`, or the field Stderr of *exec.ExitError after `Output`."},
	}, {
		topic: "permission", types: paths, text: `^(\w+) (.+): permission denied$`,
		title: "`$2` may not be used like that", say: "The user that the process runs as may not `$1` `$2`.", try: []string{"Look at the owner and the mode of the file, and of every directory above it."},
	}, {
		topic: "directory", types: paths, text: `^\w+ (.+): is a directory$`, title: "`$1` is a directory", say: "It was used as a file.",
	}, {
		topic: "not directory", types: paths, text: `^\w+ (.+): not a directory$`, title: "`$1` leads through a file", say: "A part of the path that should be a directory is a file.",
	}, {
		topic: "exists", types: paths, text: `^(\w+) (.+): file exists$`, title: "`$2` is there already", say: "It should have been made, and must not exist.", try: []string{"os.MkdirAll does not mind; os.O_EXCL does."},
	}, {
		topic: "not empty", types: paths, text: `^\w+ (.+): directory not empty$`, title: "The directory `$1` is not empty", say: "Only an empty directory can be removed, or take the place of another.", try: []string{"os.RemoveAll removes what is in it, too."},
	}, {
		topic: "disk", text: `no space left on device|disk quota exceeded|database or disk is full`,
		title: "The disk is full", say: "There is no room left, or no inode, on the file system.", try: []string{"`df -h` and `df -i` tell which; look for logs and temporary files."},
	}, {
		topic: "read only disk", text: `read-only file system`, title: "The file system cannot be written to", say: "It is mounted read-only, as the root of a container may be.", try: []string{"Write to a volume, or to os.TempDir."},
	}, {
		topic: "exec", text: `^(?:fork/)?exec (.+): exec format error$`, title: "`$1` is no program for this machine", say: "It is built for another processor or system, or it is a script without its first line.",
		try: []string{"Look at it: `file $1`. A script begins with `#!/bin/sh`."},
	}, {
		topic: "exec", text: `^(?:fork/exec|open) (.+): text file busy$`, title: "`$1` is being written or run", say: "A program that somebody has open for writing cannot be started, nor one written to that runs.",
		try: []string{"Close the file before it is started; write a new one beside it, and rename it."},
	}, {
		topic: "exec", text: `^fork/exec (.+): resource temporarily unavailable$`, title: "No further process can be started", say: "The user, or the container, has as many processes as it may.",
		try: []string{"Wait for each one: `cmd.Wait`.", "Look at the limit: `ulimit -u`, or pids of the container."},
	}, {
		topic: "exec", types: []string{"*exec.Error", "*errors.errorString"}, text: `cannot run executable found relative to current directory`, title: "The program lies in the current directory", say: "os/exec does not run what PATH finds there, for safety.",
		try: []string{"Write its path: `./name`."},
	}, {
		topic: "descriptors", text: `too many open files`,
		title: "Too many open files", say: "The process has as many files and connections open as it may.",
		try: []string{"Look for files, rows and response bodies that are not closed: `ls -l /proc/PID/fd` shows what they are.", "Raise the limit: `ulimit -n`."},
	}, {
		topic: "cross device", text: `invalid cross-device link`, title: "A file cannot be renamed to another file system", say: "Rename works within one file system only.", try: []string{"Make the temporary file in the directory where it is to go."},
	}, {
		topic: "invalid path", text: `: invalid argument$`, types: []string{"*fs.PathError"}, title: "The path or the operation is not valid", say: "For an fs.FS, such as an embed.FS, a path begins without / and has no `..`.",
	}, {
		topic: "closed file", text: `file already closed`, title: "The file was closed already", say: "It was read or written after Close.", try: []string{"Close it once, where it was opened, by defer."},
	}}
}

func (s *subject) relativePath(m []string, e *Explanation) {
	path := m[2] + m[4] + m[6]
	if !filepath.IsAbs(path) && !strings.HasPrefix(path, "/") && path != "" {
		e.Try = append(e.Try, "The path is relative: it begins at the directory in which the process was started, not at that of the source. Where is that?",
			"What always belongs to the program can be embedded: `//go:embed`.")
	}
	if path == "" {
		e.Text = "The path is empty, perhaps a setting that is not set."
	}
	e.Try = append(e.Try, "If it may be missing, handle it: `errors.Is(err, fs.ErrNotExist)`.")
}

// networkRules are about connections.
func networkRules() []*rule {
	return []*rule{{
		topic: "in use", text: `listen \w+ (\S+): bind: address already in use|Only one usage of each socket address|bind: address already in use`,
		title: "The address `$1` is in use", say: "Another process listens there already, perhaps an earlier one of this program.",
		try: []string{"Find it: `ss -ltnp` on Linux, `lsof -nP -iTCP -sTCP:LISTEN` on macOS; end it, or listen elsewhere."},
	}, {
		topic: "bind", text: `listen \w+ (\S+): bind: permission denied`,
		title: "This user may not listen on `$1`", say: "Ports below 1024 are for root.", try: []string{"Take a higher port, with a proxy before it; or the capability CAP_NET_BIND_SERVICE."},
	}, {
		topic: "bind", text: `listen \w+ (\S+): bind: cannot assign requested address`,
		title: "This machine does not have the address `$1`", say: "One can listen only on addresses of the machine's own.", try: []string{"`:8080` is every address, `127.0.0.1:8080` this machine alone."},
	}, {
		topic: "listen", text: `listen \w+: address (\S*): (missing port in address|too many colons in address)`,
		title: "`$1` is no address to listen on", say: "It has to be a host and a port: $2.", try: []string{"Write host and port: `127.0.0.1:8080`, `[::1]:8080`, `:8080`."},
	}, {
		topic: "listen", text: `listen \w+: lookup ([^\s:]+)`,
		title: "`$1` is no address to listen on", say: "It is neither an IP address nor a name that is known here.", try: []string{"Write host and port: `127.0.0.1:8080`, `[::1]:8080`, `:8080`."},
	}, {
		topic: "refused", text: `dial (\w+) (\S+): connect: connection refused|connection refused|No connection could be made because the target machine actively refused it`,
		title: "Nothing listens at `$2`", say: "The machine is there and refused the connection: the server is not running, or listens on another port or address.",
		try: []string{"Start it, and compare the address with that in the configuration.", "In a container 127.0.0.1 is the container itself."},
	}, {
		topic: "dns", types: []string{"*net.DNSError"}, text: `lookup (\S+?)(?: on \S+)?: no such host`,
		title: "There is no host `$1`", say: "No name server knows it.", try: []string{"Look at the spelling in the configuration; names of containers are known only in their own network."},
	}, {
		topic: "dns", types: []string{"*net.DNSError"}, text: `lookup (\S+?)(?: on (\S+))?: (.+)$`,
		title: "The name `$1` could not be resolved", say: "The name server `$2` gave no answer: $3.",
	}, {
		topic: "ports", text: `dial \w+ (\[[^\]]+\]:\d+): connect: cannot assign requested address`,
		title: "`$1` cannot be reached from here", say: "It is an IPv6 address, and this machine, or this container, has most likely none to connect from.",
		try: []string{"Connect to `127.0.0.1`, or the other's IPv4 address, instead of `localhost` or `::1`.", "`cat /proc/net/if_inet6` on Linux lists the addresses of IPv6 that there are."},
	}, {
		topic: "ports", text: `connect: cannot assign requested address`,
		title: "There is no port left to connect from", say: "As a rule, so many connections were opened to the same address that their ports are used up; those that are closed are kept for a minute. Or a LocalAddr was given that this machine does not have.",
		try: []string{"Use one http.Client for all requests, and read and close each answer's body: then connections are used again.", "With many at once, raise `Transport.MaxIdleConnsPerHost`."},
	}, {
		topic: "unreachable", text: `network is unreachable|no route to host|host is down`,
		title: "There is no way to that address", say: "This machine has no route to it.", try: []string{"Is there a network at all? Is it an IPv6 address where there is none?"},
	}, {
		topic: "reset", text: `connection reset by peer|wsarecv: .*forcibly closed`,
		title: "The other end broke the connection off", say: "It restarted, crashed, or did not like what was sent.",
		try: []string{"A request that changes nothing can be sent again.", "A kept-alive connection may have been closed just then: IdleConnTimeout shorter than the server's."},
	}, {
		topic: "broken pipe", text: `broken pipe|wsasend: .*(?:aborted|closed)`,
		title: "The other end has gone", say: "It closed the connection before all was written; a browser does that when somebody goes elsewhere.",
		try: []string{"For a response that is nothing to repair: `r.Context().Err()` tells that the client is gone."},
	}, {
		topic: "closed connection", text: `use of closed network connection|http: Server closed|net/http: server closed`,
		title: "It was closed already", say: "The connection or the server was used after Close or Shutdown.", try: []string{"http.ErrServerClosed of Serve is no failure: `errors.Is(err, http.ErrServerClosed)`."},
	}, {
		topic: "smtp", types: []string{"*textproto.Error"}, text: `^(\d\d\d) (.+)$`,
		title: "The mail server answered $1", say: "It said: `$2`.", try: []string{"5xx does not get better by itself, 4xx may: try again later.", "535 is the user name or the password, 550 the recipient or that this server does not relay."},
	}, {
		topic: "deadline", text: `i/o timeout|TLS handshake timeout|timeout awaiting response headers|Client\.Timeout (?:or context cancellation )?exceeded`,
		title: "The other end took too long", say: "A deadline of the connection or of the client was over before it answered.",
		try: []string{"Is the server reachable, and does a firewall drop the packets? Then it is always the same time.", "Raise the timeout only if the other end may really take so long."}, more: (*subject).slowest,
	}}
}

// tlsRules are about TLS and certificates.
func tlsRules() []*rule {
	return []*rule{{
		topic: "tls", text: `x509: certificate signed by unknown authority`,
		title: "The certificate's authority is not trusted", say: "The server's certificate is self-signed, or its chain is incomplete, or this machine has no root certificates.",
		try: []string{"Add the authority to `tls.Config.RootCAs`, or to the system's; do not set InsecureSkipVerify.", "A small container needs the package ca-certificates, or `import _ \"golang.org/x/crypto/x509roots/fallback\"`.", "The server has to send the intermediate certificates, too."},
	}, {
		topic: "tls", text: `x509: certificate is valid for (.+?), not (\S+)|x509: cannot validate certificate for (\S+) because it doesn't contain any IP SANs`,
		title: "The certificate is not for `$2$3`", say: "The name that was dialled is not in the server's certificate.", try: []string{"Use a name that the certificate has: `$1`."},
	}, {
		topic: "tls", text: `x509: certificate is not valid for any names, but wanted to match (\S+)`,
		title: "The certificate is not for `$1`", say: "The server's certificate names no host at all.", try: []string{"Make it anew, with the name as a Subject Alternative Name: the Common Name alone does not count any more."},
	}, {
		topic: "tls", text: `x509: certificate has expired or is not yet valid: (.+)$`,
		title: "The certificate is out of date", say: "$1.", try: []string{"Renew it, and look at this machine's clock."},
	}, {
		topic: "tls", text: `tls: first record does not look like a TLS handshake|http: server gave HTTP response to HTTPS client`,
		title: "The other end does not speak TLS", say: "It was called with https and answered without.", try: []string{"Write http:// for this port, or use the server's port for https."},
	}, {
		topic: "tls", text: `tls: client offered only unsupported versions|tls: server selected unsupported protocol version|remote error: tls: protocol version not supported`,
		title: "There is no version of TLS that both ends have", say: "One end takes only versions that the other one refuses; Go refuses those below TLS 1.2, as long as it is not told otherwise.",
		try: []string{"Bring the other end up to date; `tls.Config.MinVersion` lowers what is taken here."},
	}, {
		topic: "tls", text: `remote error: tls: (.+)$`, title: "The other end refused the TLS connection", say: "It said: $1.",
		try: []string{"`bad certificate` and `unknown certificate authority`: it does not trust ours; `protocol version` and `handshake failure`: there is no version or cipher that both have."},
	}, {
		topic: "tls", text: `tls: (failed to find any PEM data|private key does not match public key|failed to parse private key).*`,
		title: "Certificate or key cannot be used", say: "$1.", try: []string{"The certificate and its key have to belong together, each as PEM: `-----BEGIN …`."},
	}, {
		topic: "tls", text: `x509: (.+)$`, title: "The certificate was not accepted", say: "$1.",
	}}
}

// contextRules are about contexts that ended.
func contextRules() []*rule {
	return []*rule{{
		topic: "deadline", types: []string{"context.deadlineExceededError", "*httpError", "*http.timeoutError"}, text: `context deadline exceeded`,
		title: "The time was over", say: "The context's deadline passed before this was done.", more: (*subject).deadline,
		try: []string{"Look for what is slow: a query without an index, a server that does not answer, a lock.", "Raise the limit only if it may really take so long."},
	}, {
		topic: "cancelled", text: `^context canceled$|: context canceled$`,
		title: "The context was cancelled", more: (*subject).cancelled,
	}, {
		topic: "handler timeout", text: `http: Handler timeout`,
		title: "The handler took longer than http.TimeoutHandler allows", say: "The client got 503 already; what is written after that goes nowhere.", more: (*subject).slowest,
		try: []string{"Pass `r.Context()` on, which ends at that time, so that the work ends as well."},
	}}
}

func (s *subject) deadline(m []string, e *Explanation) {
	s.slowest(m, e)
	for _, fn := range []string{"context.WithTimeout", "context.WithDeadline", "context.WithTimeoutCause"} {
		for _, args := range s.callsOf(func(name string) bool { return name == fn }) {
			if len(args) > 1 {
				e.add(fmt.Sprintf("The limit is set here: `%s(…, %s)`.", fn, bare(args[1])))
			}
		}
	}
}

func (s *subject) cancelled(m []string, e *Explanation) {
	if s.f.Request != nil && !s.f.Reported {
		e.Text = "Either the client went away, which ends the request's context, or the application called the cancel function."
	} else {
		e.Text = "The application called the cancel function, or the context belonged to a request that is over."
	}
	e.Try = []string{"What is to go on after the answer gets `context.WithoutCancel(ctx)`, with a time limit of its own.",
		"Is there a `defer cancel()` in a function that returns before the work is done?"}
	if s.f.Task != "" || s.f.Kind == fault.KindCrash {
		e.first("A goroutine that outlives its request must not use the request's context.")
	}
	s.statement(m, e)
	s.slowest(m, e)
}

// streamRules are about what ends too early. Their texts are the least telling ones.
func streamRules() []*rule {
	return []*rule{{
		topic: "eof", text: `(?:^|: )unexpected EOF$`,
		title: "It ended too early", say: "The body, the file or the connection ended in the middle of what was being read.",
		try: []string{"Was the upload cut off, or the body read before already?", "Compare its length with what was announced."}, more: (*subject).requestBody,
	}, {
		topic: "eof", text: `(?:^|: )EOF$`,
		title: "There was nothing to read", say: "The end had been reached: the body or the file is empty, or was read to its end before.",
		try: []string{"A request's body can be read once only; keep its bytes if two places need it.", "In a loop io.EOF is the normal end: `errors.Is(err, io.EOF)`."}, more: (*subject).requestBody,
	}, {
		topic: "short write", text: `(?:^|: )short write$`, title: "Less was written than asked for", say: "A Write method returned a smaller number and no error, which it must not.",
	}, {
		topic: "closed pipe", text: `io: read/write on closed pipe`, title: "The pipe was closed", say: "The other end of an io.Pipe was closed before all was read or written.",
	}}
}
