package debugger

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

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
