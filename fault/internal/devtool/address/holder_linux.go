package address

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"example.org/microblog/fault/internal/visible"
)

// Holder names the process that listens on address, HOST:PORT, as far as /proc tells it: the processes of others only
// to root. It is "" if it cannot be known.
func Holder(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return ""
	}
	inodes := map[string]bool{}
	for _, name := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		for _, inode := range listeners(text, host, uint16(number)) {
			inodes["socket:["+inode+"]"] = true
		}
	}
	if len(inodes) == 0 {
		return ""
	}
	fds, err := filepath.Glob("/proc/[0-9]*/fd/[0-9]*")
	if err != nil {
		return ""
	}
	for _, fd := range fds {
		if target, err := os.Readlink(fd); err == nil && inodes[target] {
			pid := strings.Split(fd, "/")[2]
			return processName(pid)
		}
	}
	return ""
}

// listeners finds the inodes of the sockets that listen on the port at host, or at all addresses, in what
// /proc/net/tcp or tcp6 says (proc(5)).
func listeners(text []byte, host string, port uint16) []string {
	const listening = "0A"
	wanted, _ := netip.ParseAddr(host) // a name: any address will do
	var inodes []string
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 10 || fields[3] != listening {
			continue
		}
		ip, at, ok := socketAddress(fields[1])
		if !ok || at != port {
			continue
		}
		if wanted.IsValid() && !wanted.IsUnspecified() && !ip.IsUnspecified() && ip != wanted.Unmap().WithZone("") {
			continue
		}
		inodes = append(inodes, fields[9])
	}
	return inodes
}

// socketAddress reads "0100007F:1F59": 32-bit words in the machine's order, which is little-endian on all that
// this runs on.
func socketAddress(s string) (netip.Addr, uint16, bool) {
	address, port, ok := strings.Cut(s, ":")
	if !ok {
		return netip.Addr{}, 0, false
	}
	b, err := hex.DecodeString(address)
	if err != nil || len(b)%4 != 0 {
		return netip.Addr{}, 0, false
	}
	for i := 0; i < len(b); i += 4 {
		b[i], b[i+1], b[i+2], b[i+3] = b[i+3], b[i+2], b[i+1], b[i]
	}
	ip, ok := netip.AddrFromSlice(b)
	number, err := strconv.ParseUint(port, 16, 16)
	return ip.Unmap(), uint16(number), ok && err == nil
}

// processName names a process by its program only: its arguments may hold secrets.
func processName(pid string) string {
	name := "a process"
	if comm, err := os.ReadFile("/proc/" + pid + "/comm"); err == nil {
		name = visible.Line(strings.TrimSpace(string(comm)))
	}
	if args, err := os.ReadFile("/proc/" + pid + "/cmdline"); err == nil {
		first, rest, _ := bytes.Cut(args, []byte{0})
		second, _, _ := bytes.Cut(rest, []byte{0})
		if command := string(second); filepath.Base(string(first)) == "fault" && (command == "mailbox" || command == "run") {
			name = "another fault " + command
		}
	}
	return fmt.Sprintf("%s (process %s)", name, pid)
}
