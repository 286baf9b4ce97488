package debugger

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"regexp"
	"runtime"
	"strconv"
)

// The collector frees what a variable points to once the variable is not used any more, even while its frame
// is there, and even if it was built without optimisation; then something else lies at that address. Which
// variables were in use at the call where a frame stands, the compiler has told the collector in tables of
// bits, which are read here. What was not in use is believed only if nothing was collected meanwhile.

// notGo is why a variable of a C function has no value: where Go and C call each other, the registers that such
// functions leave as they were are kept in places that no debug data tells of.
const notGo = "The function is not Go's, and what its registers held is not known: it might be another value."

// notInUse is why such a variable has no value.
const notInUse = "It is not used any more at this point of the function, and memory was collected since: what it pointed to may be gone."

// tables are where the program has what it tells its collector.
type tables struct {
	memory                                            io.ReaderAt
	text, end                                         uint64 // everything that was there before the program ran lies between
	textEnd                                           uint64 // what the Go compiler has made lies between text and here
	functions, functionCount, pcTables, infos, gofunc uint64
}

// A bitmap has a bit for each word from an address on: whether a pointer in use lies there.
type bitmap struct {
	from uint64
	bits []byte
	size int
}

func (b bitmap) has(address uint64) bool {
	if address < b.from || address%wordSize != 0 {
		return false
	}
	word := (address - b.from) / wordSize
	return word < uint64(b.size) && b.bits[word/8]>>(word%8)&1 == 1
}

// inUse are the pointers of a frame that were in use.
type inUse struct {
	locals, arguments bitmap
	reachable         []stackBounds // where variables lie that others may have been given the address of, and changed
}

func (u *inUse) has(address uint64) bool {
	return u != nil && (u.locals.has(address) || u.arguments.has(address))
}

const wordSize = 8 // of amd64 and arm64

// readTables finds them. Without them, no variable is known to be in use.
func (s *Session) readTables(ctx context.Context) {
	if s.tables != nil {
		return
	}
	s.tables = &tables{}
	if !knownRuntime(s.goVersion) {
		return
	}
	w, err := s.eval(ctx, evalScope{s.goroutine, 0}, "runtime.firstmoduledata", loadConfig{MaxVariableRecurse: 1, MaxStructFields: -1})
	if err != nil {
		return
	}
	memory := s.openMemory()
	if memory == nil {
		return
	}
	base := func(name string) uint64 {
		if f := field(w, name); f != nil {
			return f.Base
		}
		return 0
	}
	t := &tables{
		memory: memory, text: uint64(number(field(w, "text"))), end: uint64(number(field(w, "end"))), textEnd: uint64(number(field(w, "etext"))),
		functions: base("ftab"), pcTables: base("pctab"), infos: base("pclntable"), gofunc: uint64(number(field(w, "gofunc"))),
	}
	if f := field(w, "ftab"); f != nil {
		t.functionCount = uint64(f.Len)
	}
	if t.text != 0 && t.functions != 0 && t.pcTables != 0 && t.infos != 0 && t.gofunc != 0 && t.functionCount > 1 {
		s.tables = t
	}
}

// knownRuntime reports whether the tables of this Go, "go1.26.8", are as they are read here.
func knownRuntime(goVersion string) bool {
	m := regexp.MustCompile(`\bgo1\.(\d+)`).FindStringSubmatch(goVersion)
	if m == nil {
		return false
	}
	minor, err := strconv.Atoi(m[1])
	const oldest, newest = 25, 26
	return err == nil && oldest <= minor && minor <= newest
}

func (t *tables) isStatic(address uint64) bool {
	return t.text != 0 && t.text <= address && address < t.end
}

// isGo reports whether code is Go's; it is if nothing is known.
func (t *tables) isGo(pc uint64) bool { return t.textEnd == 0 || t.text <= pc && pc < t.textEnd }

func (t *tables) uint32At(address uint64) (uint32, error) {
	var b [4]byte
	if address > math.MaxInt64 {
		return 0, errTables
	}
	_, err := t.memory.ReadAt(b[:], int64(address))
	return binary.LittleEndian.Uint32(b[:]), err
}

// wordAt is a word of memory; 0: it cannot be read.
func (t *tables) wordAt(address uint64) uint64 {
	if t.memory == nil {
		return 0
	}
	return wordOf(t.memory, address)
}

func wordOf(memory io.ReaderAt, address uint64) uint64 {
	var b [wordSize]byte
	if address > math.MaxInt64 {
		return 0
	}
	if _, err := memory.ReadAt(b[:], int64(address)); err != nil {
		return 0
	}
	return binary.LittleEndian.Uint64(b[:])
}

var errTables = errors.New("the tables of the program are not as expected")

// info is the address of what the runtime knows of the function that begins at entry.
func (t *tables) info(entry uint64) (uint64, error) {
	if t.memory == nil {
		return 0, errTables
	}
	low, high := uint64(0), t.functionCount-1
	for low < high {
		middle := (low + high) / 2
		at, err := t.uint32At(t.functions + 8*middle)
		if err != nil {
			return 0, err
		}
		if uint64(at) < entry-t.text {
			low = middle + 1
		} else {
			high = middle
		}
	}
	offset, err := t.uint32At(t.functions + 8*low + 4)
	if err != nil {
		return 0, err
	}
	info := t.infos + uint64(offset)
	if at, err := t.uint32At(info); err != nil || uint64(at)+t.text != entry {
		return 0, errTables
	}
	return info, nil
}

// The layout of runtime._func, and the numbers of its tables.
const (
	infoPCTables      = 28 // npcdata
	infoDataCount     = 43 // nfuncdata
	infoSize          = 44
	tableStackMap     = 1
	dataArguments     = 0
	dataLocals        = 1
	dataObjects       = 2
	objectSize        = 16 // of runtime.stackObjectRecord
	mostObjects       = 1 << 16
	noData            = math.MaxUint32
	mostStackMaps     = 1 << 20
	mostBits          = 1 << 20
	mostPCTableLength = 1 << 20
)

// inUse reads which pointers of a frame were in use. The frame must stand at a call.
func (t *tables) inUse(entry, pc, frameAddress uint64) (*inUse, error) {
	info, err := t.info(entry)
	if err != nil {
		return nil, err
	}
	count, err := t.uint32At(info + infoPCTables)
	if err != nil {
		return nil, err
	}
	counts, err := t.uint32At(info + infoDataCount - 3)
	if err != nil {
		return nil, err
	}
	if count <= tableStackMap || counts>>24 <= dataLocals {
		return nil, errTables // It has no maps: it is written in assembly, or has no pointers.
	}
	table, err := t.uint32At(info + infoSize + 4*tableStackMap)
	if err != nil {
		return nil, err
	}
	index := int64(-1)
	if table != 0 {
		if index, err = t.pcValue(t.pcTables+uint64(table), entry, pc-1); err != nil {
			return nil, err
		}
	}
	index = max(index, 0)
	data := info + infoSize + 4*uint64(count)
	locals, err := t.stackMap(data+4*dataLocals, index)
	if err != nil {
		return nil, err
	}
	// Below the return address, on amd64, and the caller's frame pointer.
	top, arguments := frameAddress-wordSize, frameAddress
	if runtime.GOARCH == "amd64" {
		top -= wordSize
	} else {
		arguments += wordSize
	}
	locals.from = top - uint64(locals.size)*wordSize
	parameters, err := t.stackMap(data+4*dataArguments, index)
	if err != nil {
		return nil, err
	}
	parameters.from = arguments
	u := &inUse{locals: locals, arguments: parameters}
	if counts>>24 > dataObjects {
		u.reachable, err = t.stackObjects(data+4*dataObjects, top, arguments)
	}
	return u, err
}

// stackObjects reads where a frame's variables lie whose address is taken; the list's place is at the address.
func (t *tables) stackObjects(at, top, arguments uint64) ([]stackBounds, error) {
	offset, err := t.uint32At(at)
	if err != nil || offset == noData {
		return nil, err
	}
	address := t.gofunc + uint64(offset)
	count := t.wordAt(address)
	if count == 0 || count > mostObjects {
		return nil, errTables
	}
	var all []stackBounds
	for record := address + wordSize; count > 0; count, record = count-1, record+objectSize {
		from, err := t.uint32At(record)
		if err != nil {
			return nil, err
		}
		size, err := t.uint32At(record + 4)
		if err != nil {
			return nil, err
		}
		base := arguments
		if int32(from) < 0 {
			base = top
		}
		low := uint64(int64(base) + int64(int32(from)))
		all = append(all, stackBounds{low, low + uint64(size)})
	}
	return all, nil
}

// stackMap reads a bitmap of runtime.stackmap, whose place is at the address.
func (t *tables) stackMap(at uint64, index int64) (bitmap, error) {
	offset, err := t.uint32At(at)
	if err != nil || offset == noData {
		return bitmap{}, err
	}
	address := t.gofunc + uint64(offset)
	count, err := t.uint32At(address)
	if err != nil {
		return bitmap{}, err
	}
	size, err := t.uint32At(address + 4)
	switch {
	case err != nil:
		return bitmap{}, err
	case size == 0:
		return bitmap{}, nil
	case count > mostStackMaps || size > mostBits || index >= int64(count):
		return bitmap{}, errTables
	}
	length := (int64(size) + 7) / 8
	bits := make([]byte, length)
	_, err = t.memory.ReadAt(bits, int64(address)+8+index*length)
	return bitmap{bits: bits, size: int(size)}, err
}

// pcValue looks a value up in a table of ranges of program counters.
func (t *tables) pcValue(table, entry, target uint64) (int64, error) {
	quantum := uint64(4)
	if runtime.GOARCH == "amd64" {
		quantum = 1
	}
	r := &byteReader{memory: t.memory, at: int64(table)}
	pc, value := entry, int32(-1)
	for r.read < mostPCTableLength {
		change, err := binary.ReadUvarint(r)
		if err != nil {
			return 0, err
		}
		if change == 0 && pc != entry {
			return 0, errTables
		}
		length, err := binary.ReadUvarint(r)
		if err != nil {
			return 0, err
		}
		value += int32(-(uint32(change) & 1) ^ (uint32(change) >> 1))
		pc += length * quantum
		if target < pc {
			return int64(value), nil
		}
	}
	return 0, errTables
}

// A byteReader reads memory byte by byte, with fewer system calls.
type byteReader struct {
	memory io.ReaderAt
	at     int64
	buffer []byte
	read   int
}

func (r *byteReader) ReadByte() (byte, error) {
	if len(r.buffer) == 0 {
		r.buffer = make([]byte, 256)
		n, err := r.memory.ReadAt(r.buffer, r.at)
		if n == 0 {
			return 0, err
		}
		r.buffer = r.buffer[:n]
		r.at += int64(n)
	}
	b := r.buffer[0]
	r.buffer = r.buffer[1:]
	r.read++
	return b, nil
}
