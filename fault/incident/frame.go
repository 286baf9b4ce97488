package incident

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// The state file is a sequence of frames: the length of the payload and a checksum, four bytes each in
// little-endian order, the type, and the payload. The first frame is the header. The samples of a
// transaction come before its changes, and without those they do not count.
const (
	frameHeader  = 'H' // fileHeader as JSON
	frameSample  = 'S' // a packed failure
	frameChanges = 'C' // changes as JSON

	frameOverhead = 9
	maxFrame      = 64 << 20 // bytes of a payload
	fileFormat    = 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errTorn says that what follows is no whole frame: the end of the file, or of what was written before
// a crash.
var errTorn = errors.New("no whole frame")

// fileHeader says which file it is.
type fileHeader struct {
	Format int `json:"format"`
	// Ledger names the contents, from the first failure until the database takes them over.
	Ledger string `json:"ledger"`
	// Generation changes each time the file is written anew, with the same contents.
	Generation string `json:"generation"`
}

// extent is where the payload of a frame is, in bytes.
type extent struct {
	Offset int64 `json:"offset"`
	Length int64 `json:"length"`
}

func appendFrame(b []byte, kind byte, payload []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(payload)))
	b = binary.LittleEndian.AppendUint32(b, checksum(kind, payload))
	b = append(b, kind)
	return append(b, payload...)
}

func checksum(kind byte, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum([]byte{kind}, castagnoli), castagnoli, payload)
}

// readFrame reads the frame at an offset of a file that is size bytes long.
func readFrame(r io.ReaderAt, offset, size int64) (kind byte, payload []byte, err error) {
	var head [frameOverhead]byte
	if size-offset < frameOverhead {
		return 0, nil, errTorn
	}
	if _, err := r.ReadAt(head[:], offset); err != nil {
		return 0, nil, err
	}
	length := int64(binary.LittleEndian.Uint32(head[:]))
	if length > maxFrame || length > size-offset-frameOverhead {
		return 0, nil, errTorn
	}
	if !(head[8] == frameHeader || head[8] == frameSample || head[8] == frameChanges) {
		return 0, nil, errTorn
	}
	payload = make([]byte, length)
	if _, err := r.ReadAt(payload, offset+frameOverhead); err != nil {
		return 0, nil, err
	}
	if checksum(head[8], payload) != binary.LittleEndian.Uint32(head[4:]) {
		return 0, nil, errTorn
	}
	return head[8], payload, nil
}

// readHeader reads the header and returns the offset after it.
func readHeader(r io.ReaderAt, size int64) (h fileHeader, end int64, err error) {
	kind, payload, err := readFrame(r, 0, size)
	if err != nil {
		return h, 0, err
	}
	if kind != frameHeader {
		return h, 0, errTorn
	}
	if err := json.Unmarshal(payload, &h); err != nil {
		return h, 0, errTorn
	}
	if h.Format != fileFormat {
		return h, 0, fmt.Errorf("it has format %d, and this program knows format %d: start the program that wrote it", h.Format, fileFormat)
	}
	return h, frameOverhead + int64(len(payload)), nil
}

// readStart returns the header and the offset after it: the zero header if the file was never finished,
// so that nothing is in it, and a substitute if the header is damaged.
func readStart(r io.ReaderAt, size int64) (h fileHeader, end int64, err error) {
	h, end, err = readHeader(r, size)
	if !errors.Is(err, errTorn) {
		return h, end, err
	}
	at, err := nextFrame(r, -1, size)
	if errors.Is(err, errTorn) {
		return fileHeader{}, 0, nil
	}
	if err != nil {
		return h, 0, err
	}
	_, payload, err := readFrame(r, at, size)
	name := fmt.Sprintf("damaged%08x", checksum(frameHeader, payload))
	return fileHeader{Format: fileFormat, Ledger: name, Generation: name}, at, err
}

// nextFrame returns where the next whole frame after a damaged one begins, or errTorn if there is none.
func nextFrame(r io.ReaderAt, offset, size int64) (int64, error) {
	const piece = 64 << 10
	for from := offset + 1; size-from >= frameOverhead; from += piece {
		data := make([]byte, min(piece+frameOverhead-1, size-from))
		if _, err := r.ReadAt(data, from); err != nil {
			return 0, err
		}
		for i := 0; i+frameOverhead <= len(data) && i < piece; i++ {
			if kind := data[i+8]; kind != frameSample && kind != frameChanges || data[i+3] > maxFrame>>24 {
				continue
			}
			if _, _, err := readFrame(r, from+int64(i), size); err == nil {
				return from + int64(i), nil
			} else if !errors.Is(err, errTorn) {
				return 0, err
			}
		}
	}
	return 0, errTorn
}
