package fault

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"os"
)

// SupervisorVariable is the environment variable that a supervisor for development sets, to anything
// but "", in the processes that it starts. They send no error mails, and leave the output of a crash to
// the supervisor.
const SupervisorVariable = "FAULT_RUN"

// buildIDArea is how far into an executable the toolchain's build ID may lie, in bytes: the linker
// puts it near the beginning.
const buildIDArea = 64 << 10

// buildID returns a short form of the toolchain's build ID of the running program.
func buildID() string {
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close() // only read
	head, err := io.ReadAll(io.LimitReader(f, buildIDArea))
	if err != nil {
		return ""
	}
	id := findBuildID(head)
	if id == nil {
		return ""
	}
	sum := sha256.Sum256(id)
	return hex.EncodeToString(sum[:6])
}

// findBuildID finds the toolchain's build ID at the beginning of an executable: in an ELF note of the
// name "Go" and the type 4, or else between the marks that are in the text segment of other formats.
func findBuildID(head []byte) []byte {
	note := []byte("\x04\x00\x00\x00Go\x00\x00") // type, name
	if i := bytes.Index(head, note); i >= 8 && bytes.HasPrefix(head, []byte("\x7fELF")) {
		size := int(binary.LittleEndian.Uint32(head[i-4:]))
		if rest := head[i+len(note):]; size > 0 && size <= len(rest) {
			return rest[:size]
		}
	}
	_, after, found := bytes.Cut(head, []byte("\xff Go build ID: \""))
	if !found {
		return nil
	}
	id, _, found := bytes.Cut(after, []byte("\"\n \xff"))
	if !found {
		return nil
	}
	return id
}
