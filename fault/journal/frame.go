package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"time"
)

// A file is a header and then frames. All numbers are little-endian.
//
//	header  magic 8 | version 2 | 0 6 | salt 4 | created 8 (µs since 1970) | CRC-32C 4 of what precedes it
//	frame   marker 4 | CRC-32C 4 of what follows | payload length 4 | kind 1 | 0 3 | sequence number 8 |
//	        time 8 (µs since 1970) | payload
//
// The checksum of a frame goes on from the salt, which is the checksum of the stream's name, so that
// nothing is taken for a frame of this stream that is not one. The marker is no part of any UTF-8
// text, hence of no payload that is JSON. Behind the last frame there may be zeros, which are room
// that was made ahead.
const (
	headerSize = 32
	version    = 1
	frameSize  = 32 // without the payload
	// maxPayload bounds what is taken for a length, in bytes.
	maxPayload = 1 << 20
)

var (
	magic  = [8]byte{'f', 'a', 'u', 'l', 't', 'j', 'n', 'l'}
	marker = [4]byte{0xfb, 0xfe, 0xfa, 0xff}
	table  = crc32.MakeTable(crc32.Castagnoli)
)

// errNewer is a file of a version that is not known here.
var errNewer = errors.New("it was written by a newer version of this program")

// kind is what a frame holds.
type kind byte

const (
	kindFailure kind = 1 // a failure as JSON
	kindFirst   kind = 2 // the first failure of those that are only counted, as JSON; counts as one
	kindMore    kind = 3 // how many more there were of the one with that number (8), the last when (8, µs)
)

const moreSize = 16 // bytes of a kindMore's payload

// frame is one record.
type frame struct {
	kind    kind
	seq     int64 // greater than 0, and growing within a stream
	time    time.Time
	payload []byte
}

// salt is what the checksums of a stream's frames begin with.
func salt(stream string) uint32 { return crc32.Checksum([]byte(stream), table) }

func appendHeader(b []byte, salt uint32, created time.Time) []byte {
	start := len(b)
	b = append(b, magic[:]...)
	b = binary.LittleEndian.AppendUint16(b, version)
	b = append(b, make([]byte, 6)...)
	b = binary.LittleEndian.AppendUint32(b, salt)
	b = binary.LittleEndian.AppendUint64(b, uint64(created.UnixMicro()))
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[start:], table))
}

// readHeader tells whether data begins with a header, and returns its salt, or errNewer if it is of
// another version.
func readHeader(data []byte) (salt uint32, ok bool, err error) {
	if len(data) < headerSize || !bytes.HasPrefix(data, magic[:]) ||
		crc32.Checksum(data[:headerSize-4], table) != binary.LittleEndian.Uint32(data[headerSize-4:]) {
		return 0, false, nil
	}
	if binary.LittleEndian.Uint16(data[8:]) != version {
		return 0, true, errNewer
	}
	return binary.LittleEndian.Uint32(data[16:]), true, nil
}

func appendFrame(b []byte, salt uint32, f frame) []byte {
	start := len(b)
	b = append(b, marker[:]...)
	b = append(b, 0, 0, 0, 0) // the checksum
	b = binary.LittleEndian.AppendUint32(b, uint32(len(f.payload)))
	b = append(b, byte(f.kind), 0, 0, 0)
	b = binary.LittleEndian.AppendUint64(b, uint64(f.seq))
	b = binary.LittleEndian.AppendUint64(b, uint64(f.time.UnixMicro()))
	b = append(b, f.payload...)
	binary.LittleEndian.PutUint32(b[start+4:], crc32.Update(salt, table, b[start+8:]))
	return b
}

func appendMore(b []byte, n int64, last time.Time) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(n))
	return binary.LittleEndian.AppendUint64(b, uint64(last.UnixMicro()))
}

// parseFrame reads the frame that data begins with. Its payload is part of data.
func parseFrame(data []byte, salt uint32) (f frame, size int, ok bool) {
	if len(data) < frameSize || !bytes.HasPrefix(data, marker[:]) {
		return frame{}, 0, false
	}
	n := binary.LittleEndian.Uint32(data[8:])
	if n > maxPayload || int(n) > len(data)-frameSize {
		return frame{}, 0, false
	}
	size = frameSize + int(n)
	seq := binary.LittleEndian.Uint64(data[16:])
	if seq == 0 || seq > math.MaxInt64 ||
		crc32.Update(salt, table, data[8:size]) != binary.LittleEndian.Uint32(data[4:]) {
		return frame{}, 0, false
	}
	f = frame{
		kind:    kind(data[12]),
		seq:     int64(seq),
		time:    time.UnixMicro(int64(binary.LittleEndian.Uint64(data[24:]))).UTC(),
		payload: data[frameSize:size:size],
	}
	if f.kind == kindMore && (n != moreSize || int64(binary.LittleEndian.Uint64(f.payload)) <= 0) {
		return frame{}, 0, false
	}
	return f, size, true
}

// more reads the payload of a kindMore.
func (f frame) more() (n int64, last time.Time) {
	return int64(binary.LittleEndian.Uint64(f.payload)),
		time.UnixMicro(int64(binary.LittleEndian.Uint64(f.payload[8:]))).UTC()
}

// gap is a part of a file that is no frame.
type gap struct {
	from, to int  // offsets
	tail     bool // no frame follows
}

// scan calls each for every frame of a file's content, in order, and returns the offset behind the
// last one and the parts in between and behind it that are neither frames nor zeros at the end. The
// salt is for a file whose header does not check.
func scan(data []byte, salt uint32, each func(frame)) (end int, gaps []gap, err error) {
	own, ok, err := readHeader(data)
	if err != nil {
		return 0, nil, err
	}
	if ok {
		salt, end = own, headerSize
	}
	for at := end; at < len(data); {
		f, size, ok := parseFrame(data[at:], salt)
		if ok {
			if at > end {
				gaps = append(gaps, gap{from: end, to: at})
			}
			at += size
			end = at
			each(f)
			continue
		}
		next := bytes.Index(data[at+1:], marker[:])
		if next < 0 {
			break
		}
		at += 1 + next
	}
	if rest := bytes.TrimRight(data[end:], "\x00"); len(rest) > 0 {
		gaps = append(gaps, gap{from: end, to: end + len(rest), tail: true})
	}
	return end, gaps, nil
}
