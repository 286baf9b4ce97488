package debugger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
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

// A pointer is one that a variable holds.
type pointer struct {
	slot   uint64 // where it lies; 0: not known
	target uint64 // 0: not known
}

var frameOffset = regexp.MustCompile(`DW_OP_fbreg (-?(?:0x)?[0-9a-fA-F]+)`)

// pointersOf are the pointers that a variable of a frame holds in itself, but for nil ones.
func (s *Session) pointersOf(f *frame, w *wireVariable) []pointer {
	if w.Flags&flagEscaped == 0 {
		return pointersIn(w, nil)
	}
	// It lies elsewhere, and the frame has a pointer to it.
	p := pointer{target: w.Addr}
	if m := frameOffset.FindStringSubmatch(w.LocationExpr); m != nil {
		if offset, err := strconv.ParseInt(m[1], 0, 64); err == nil {
			p.slot = uint64(int64(s.addressOfFrame(f)) + offset)
		}
	}
	return []pointer{p}
}

func pointersIn(w *wireVariable, to []pointer) []pointer {
	slot := w.Addr
	if w.Flags&(flagFakeAddress|flagRegister) != 0 {
		slot = 0
	}
	switch w.Kind {
	case reflect.Pointer, reflect.UnsafePointer:
		if !isNil(w) {
			to = append(to, pointer{slot, w.Children[0].Addr})
		}
	case reflect.Map, reflect.Chan, reflect.Slice:
		if w.Base != 0 {
			to = append(to, pointer{slot, w.Base})
		}
	case reflect.String:
		if w.Base != 0 && w.Len > 0 {
			to = append(to, pointer{slot, w.Base})
		}
	case reflect.Func:
		if w.Base != 0 && w.Len > 0 { // One that has captured nothing is no object.
			to = append(to, pointer{slot, 0})
		}
	case reflect.Interface:
		if isNil(w) {
			break
		}
		if slot != 0 {
			slot += wordSize
		}
		data := &w.Children[0]
		p := pointer{slot, data.Addr}
		switch data.Kind {
		case reflect.Pointer, reflect.UnsafePointer, reflect.Map, reflect.Chan, reflect.Func: // It is the pointer itself.
			p.target = 0
			if inner := pointersIn(data, nil); len(inner) == 1 {
				p.target = inner[0].target
			} else if isNil(data) {
				return to
			}
		}
		to = append(to, p)
	case reflect.Struct, reflect.Array:
		if w.Len > 0 && len(w.Children) == 0 {
			return append(to, pointer{}) // It was not read so deep.
		}
		for i := range w.Children {
			to = pointersIn(&w.Children[i], to)
		}
		if n := len(w.Children); w.Kind == reflect.Array && int64(n) < w.Len && len(to) > 0 {
			to = append(to, pointer{})
		}
	case reflect.Invalid:
		to = append(to, pointer{})
	}
	return to
}

// addressOfFrame is the frame's canonical address: that of its caller's stack pointer before the call.
func (s *Session) addressOfFrame(f *frame) uint64 { return uint64(int64(s.stack.high) + f.Offset) }

// doubt says why what a variable holds may be wrong; "": it is right.
func (s *Session) doubt(ctx context.Context, f *frame, w *wireVariable) string {
	if w.Unreadable != "" {
		return ""
	}
	s.readTables(ctx)
	if !s.tables.isGo(f.pc) {
		return notGo
	}
	pointers := s.pointersOf(f, w)
	for i, p := range pointers {
		if p.target == 0 && p.slot != 0 { // What Delve does not tell, as where the variables of a closure lie.
			pointers[i].target = s.tables.wordAt(p.slot)
		}
	}
	pointers = slices.DeleteFunc(pointers, func(p pointer) bool { return s.tables.isStatic(p.target) })
	if len(pointers) == 0 {
		return ""
	}
	s.readMaps(f)
	pointers = slices.DeleteFunc(pointers, func(p pointer) bool {
		return p.slot != 0 && f.inUse.has(s.before(p.slot)) || s.isHeldOutside(f, p.target)
	})
	if len(pointers) == 0 {
		return ""
	}
	if s.wasCollected(ctx, f) {
		return notInUse
	}
	// A stack that grew was moved, and pointers into it were changed if they were in use.
	for _, p := range pointers {
		if !s.stack.has(p.target) && !s.isHeap(ctx, p.target) {
			return "It is not used any more at this point of the function, and the stack that it pointed to has moved since."
		}
	}
	return ""
}

// readMaps reads which pointers of a frame were in use.
func (s *Session) readMaps(f *frame) {
	if f.mapsRead {
		return
	}
	f.mapsRead = true
	if f.faulted {
		return // It does not stand at a call.
	}
	var err error
	// Always in terms of the stack as it was before it moved.
	if f.inUse, err = s.tables.inUse(f.entry, f.pc, s.before(s.addressOfFrame(f))); err != nil {
		return // Without it, nothing is known.
	}
	f.held = map[uint64]bool{}
	for _, b := range []bitmap{f.inUse.locals, f.inUse.arguments} {
		for word := range uint64(b.size) {
			address := b.from + word*wordSize
			isReachable := func(object stackBounds) bool { return object.has(address) }
			if b.has(address) && !slices.ContainsFunc(f.inUse.reachable, isReachable) {
				f.held[s.tables.wordAt(s.now(address))] = true
			}
		}
	}
}

// isHeldOutside reports whether a frame that was there before f, and that has waited for f ever since, holds a
// pointer in use, which nobody else can have changed: what that points to was never collected meanwhile, so that f can
// have got nothing else there.
// Frames further inside tell nothing: they may have got what lies there now after f's object had gone.
func (s *Session) isHeldOutside(f *frame, target uint64) bool {
	if target == 0 {
		return false
	}
	for i := f.Index + 1; i < len(s.frames); i++ {
		s.readMaps(&s.frames[i])
		if s.frames[i].held[target] {
			return true
		}
	}
	return false
}

// now is where something lies that lay there before calls moved the stack; before is its inverse.
func (s *Session) now(address uint64) uint64 {
	if len(s.moved) == 0 || !s.moved[0].has(address) {
		return address
	}
	return s.stack.high - (s.moved[0].high - address)
}

// before is where something on the stack lay before calls moved it: the maps of all frames are in terms of that.
func (s *Session) before(address uint64) uint64 {
	if len(s.moved) == 0 || !s.stack.has(address) && address != s.stack.high {
		return address
	}
	return s.moved[0].high - (s.stack.high - address)
}

// followStack changes, in the copy, pointers into a stack that has moved while the copy was made, to where what they point to is
// now. The runtime has done so with those that were in use. A word of a frame that has waited ever since can be nothing else than
// such a pointer if it lies between where the stack began and was.
func (s *Session) followStack(ctx context.Context) error {
	w, err := s.eval(ctx, evalScope{s.goroutine, 0}, strconv.Quote(packageOf(s.options.Marker))+".process.moved", loadConfig{MaxVariableRecurse: 1, MaxStructFields: -1})
	if _, ok := refused(err); ok {
		return nil // It was made in another way.
	}
	if err != nil {
		return err
	}
	memory := s.openMemory()
	from, by := field(w, "from"), field(w, "by")
	if from == nil || by == nil || memory == nil {
		return nil
	}
	low, distance := uint64(number(from)), uint64(number(by))
	high := s.stack.high - distance
	if distance == 0 || low == 0 || low >= high || !s.stack.has(low+distance) {
		return nil
	}
	start := (low + distance + wordSize - 1) &^ (wordSize - 1)
	if s.stack.high-start > mostStack {
		return nil
	}
	words := make([]byte, s.stack.high-start)
	if _, err := memory.ReadAt(words, int64(start)); err != nil {
		return nil // What cannot be read is told of where it is asked for.
	}
	for i := 0; i+wordSize <= len(words); i += wordSize {
		if word := binary.LittleEndian.Uint64(words[i:]); low <= word && word < high {
			if err := s.store(ctx, start+uint64(i), word+distance); err != nil {
				return err
			}
		}
	}
	return nil
}

// mostStack bounds how much of a stack is looked through.
const mostStack = 64 << 20

// store writes a word of memory.
func (s *Session) store(ctx context.Context, address, value uint64) error {
	return s.wire.call(ctx, "Set", struct {
		Scope         evalScope
		Symbol, Value string
	}{evalScope{s.goroutine, 0}, fmt.Sprintf("*(*uint64)(%#x)", address), fmt.Sprint(value)}, new(struct{}))
}

// wasCollected reports whether memory may have been collected while the frame was there.
func (s *Session) wasCollected(ctx context.Context, f *frame) bool {
	if s.collected == nil {
		never, last := false, int64(math.MaxInt64)
		if w, err := s.eval(ctx, evalScope{s.goroutine, 0}, "runtime.memstats.numgc", loadScalars); err == nil && w.Unreadable == "" {
			never = number(w) == 0
		}
		if w, err := s.eval(ctx, evalScope{s.goroutine, 0}, "runtime.memstats.last_gc_unix", loadScalars); err == nil && w.Unreadable == "" {
			last = number(w)
		}
		began := s.options.Began
		s.collected = &collected{ever: !never, inRequest: !never && (began.IsZero() || last >= began.UnixNano())}
	}
	if s.isOfRequest(f) {
		return s.collected.inRequest
	}
	return s.collected.ever
}

// collected is when memory was collected.
type collected struct{ ever, inRequest bool }

// isOfRequest reports whether a frame began after the request did.
func (s *Session) isOfRequest(f *frame) bool {
	for _, outer := range s.frames[f.Index:] {
		switch outer.Function {
		case "net/http.(*conn).serve":
			return outer.Index > f.Index
		case "net/http.(*http2serverConn).runHandler", "net/http/internal/http2.(*serverConn).runHandler":
			return true
		}
	}
	return false
}

// isHeap reports whether there are objects of the heap at an address.
func (s *Session) isHeap(ctx context.Context, address uint64) bool {
	if address == 0 {
		return false
	}
	const arenaBits, pageBits = 26, 13
	base := uint64(0)
	if runtime.GOARCH == "amd64" {
		base = 0xffff800000000000
	}
	index, page := (address-base)>>arenaBits, address>>pageBits&(1<<(arenaBits-pageBits)-1)
	w, err := s.eval(ctx, evalScope{s.goroutine, 0}, fmt.Sprintf("(*runtime.mheap_.arenas[0])[%d].spans[%d].state.s.value", index, page), loadScalars)
	const inHeap = "1" // runtime.mSpanInUse
	return err == nil && w.Unreadable == "" && strings.TrimSpace(integerText(w.Value)) == inHeap
}
