package process

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
)

// canTellListening says that Listening knows what it says.
const canTellListening = true

// Listening returns the TCP addresses, "127.0.0.1:8080" or "[::]:8080", on which the process listens or
// what it has started; nil where that cannot be known: on other systems than Linux, and if the process
// has more rights than we.
func (p *Process) Listening() []string {
	sockets := map[string]netip.AddrPort{} // by what /proc/N/fd shows
	for _, name := range []string{"tcp", "tcp6"} {
		// The process's own view, should it have a network of its own.
		text, err := os.ReadFile("/proc/" + strconv.Itoa(p.pid) + "/net/" + name)
		if err != nil {
			continue
		}
		for inode, address := range listeners(text) {
			sockets["socket:["+inode+"]"] = address
		}
	}
	if len(sockets) == 0 {
		return nil
	}
	found := socketsOf(p.pid, sockets)
	if len(found) == 0 { // mostly it is the process itself
		for _, pid := range sessionOf(p.pid) {
			found = append(found, socketsOf(pid, sockets)...)
		}
	}
	slices.SortFunc(found, netip.AddrPort.Compare)
	var addresses []string
	for _, address := range slices.Compact(found) {
		addresses = append(addresses, address.String())
	}
	return addresses
}

// socketsOf returns the addresses of those sockets that a process has open.
func socketsOf(pid int, sockets map[string]netip.AddrPort) (found []netip.AddrPort) {
	dir := "/proc/" + strconv.Itoa(pid) + "/fd/"
	fds, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	for _, fd := range fds {
		target, err := os.Readlink(dir + fd.Name())
		if address, ok := sockets[target]; err == nil && ok {
			found = append(found, address)
		}
	}
	return found
}

// listeners reads /proc/net/tcp or tcp6 (proc(5)): the addresses that are listened on, by inode.
func listeners(text []byte) map[string]netip.AddrPort {
	const listening = "0A"
	found := map[string]netip.AddrPort{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 10 || fields[3] != listening {
			continue
		}
		if address, ok := socketAddress(fields[1]); ok {
			found[fields[9]] = address
		}
	}
	return found
}

// socketAddress reads "0100007F:1F59": 32-bit words in the machine's order, and the port.
func socketAddress(s string) (netip.AddrPort, bool) {
	address, port, _ := strings.Cut(s, ":")
	b, err := hex.DecodeString(address)
	if err != nil || len(b) != 4 && len(b) != 16 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(b); i += 4 {
		binary.BigEndian.PutUint32(b[i:], binary.NativeEndian.Uint32(b[i:]))
	}
	ip, _ := netip.AddrFromSlice(b) // The length is right.
	number, err := strconv.ParseUint(port, 16, 16)
	return netip.AddrPortFrom(ip.Unmap(), uint16(number)), err == nil
}

// sessionOf returns the processes of the session that the process of that number leads.
func sessionOf(leader int) (members []int) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err == nil && livesInSession(string(stat), leader) {
			members = append(members, pid)
		}
	}
	return members
}

// livesInSession reads /proc/N/stat: "12 (name) S 1 12 12 …", of which the name may hold anything.
func livesInSession(stat string, leader int) bool {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 4 || fields[0] == "Z" || fields[0] == "X" { // zombie, dead
		return false
	}
	session, err := strconv.Atoi(fields[3])
	return err == nil && session == leader
}
