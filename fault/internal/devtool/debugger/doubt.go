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

// followStack changes, in the copy, pointers to where the stack lay before it moved to where what they point to is now. The runtime
// has done so with those that were in use.
func (s *Session) followStack(ctx context.Context, stack []wireFrame) error {
	memory := s.openMemory()
	former, err := s.formerStacks(ctx)
	if err != nil || memory == nil || len(former) == 0 || len(former) > mostFormer {
		return err
	}
	// A frame lies below its own address, down to that of the one that it has called, and has its arguments above.
	innermost, outermost := &s.frames[0], &s.frames[len(s.frames)-1]
	low, high := s.addressOfFrame(innermost), min(s.addressOfFrame(outermost)+mostArguments, s.stack.high)
	for _, inner := range slices.Backward(stack[:innermost.number]) {
		if called := s.addressOfFrame(&frame{Frame: Frame{Offset: inner.FrameOffset}}); s.stack.has(called) && called < low {
			low = called
			break
		}
	}
	low &^= wordSize - 1
	if !s.stack.has(low) || high < low || high-low > mostStack {
		return nil
	}
	words := make([]byte, high-low)
	if _, err := memory.ReadAt(words, int64(low)); err != nil {
		return nil // What cannot be read is told of where it is asked for.
	}
	span := former[0]
	for _, p := range former {
		span = stackBounds{min(span.low, p.low), max(span.high, p.high)}
	}
	const page = 8 << 10 // Objects of the heap share none with anything else.
	heap, changes := map[uint64]bool{}, 0
	for i := 0; i+wordSize <= len(words) && changes < mostChanges; i += wordSize {
		word := binary.LittleEndian.Uint64(words[i:])
		if !span.has(word) {
			continue
		}
		now, found := s.follow(former, word)
		if !found {
			continue
		}
		isHeap, known := heap[word/page]
		if !known {
			isHeap = s.isHeap(ctx, word)
			heap[word/page] = isHeap
		}
		if !isHeap {
			changes++
			if err := s.store(ctx, low+uint64(i), now); err != nil {
				return err
			}
		}
	}
	return nil
}

// follow finds where something is now that lay on the stack where that was formerly. It may have lain in several places that overlap:
// then it is not known.
func (s *Session) follow(former []stackBounds, address uint64) (now uint64, found bool) {
	if s.stack.has(address) {
		return 0, false
	}
	for _, p := range former {
		if !p.has(address) {
			continue
		}
		at := s.stack.high - (p.high - address)
		if found && at != now || !s.stack.has(at) {
			return 0, false
		}
		now, found = at, true
	}
	return now, found
}

// formerStacks are where the stack lay before, as far as that was noted. What lies there now is nothing that a frame could have a
// pointer to, unless memory was collected since, when what is not in use is not believed anyway; or it is the heap's.
func (s *Session) formerStacks(ctx context.Context) (former []stackBounds, err error) {
	// The runtime notes each move, if it was built for it.
	w, err := s.eval(ctx, evalScope{s.goroutine, 0}, "runtime.faultMoves", loadConfig{})
	if _, ok := refused(err); err != nil && !ok {
		return nil, err
	}
	seen := map[stackBounds]bool{} // It may have come back to where it was.
	add := func(p stackBounds) {
		if !seen[p] {
			seen[p], former = true, append(former, p)
		}
	}
	if err == nil && w.Addr != 0 && w.Len > 0 && w.Len <= mostMoves && s.openMemory() != nil {
		moves := make([]byte, w.Len*3*wordSize)
		if _, err := s.memory.ReadAt(moves, int64(w.Addr)); err != nil {
			return nil, nil // Then nothing is known.
		}
		for ; len(moves) > 0; moves = moves[3*wordSize:] {
			if binary.LittleEndian.Uint64(moves) == uint64(s.goroutine) {
				add(stackBounds{binary.LittleEndian.Uint64(moves[wordSize:]), binary.LittleEndian.Uint64(moves[2*wordSize:])})
			}
		}
	}
	// Elsewhere package freeze does, as it makes a copy.
	w, err = s.eval(ctx, evalScope{s.goroutine, 0}, strconv.Quote(packageOf(s.options.Marker))+".process.moved", loadConfig{MaxVariableRecurse: 1, MaxStructFields: -1})
	if _, ok := refused(err); ok {
		return former, nil // It was made in another way.
	}
	if err != nil {
		return nil, err
	}
	from, by := field(w, "from"), field(w, "by")
	if from == nil || by == nil {
		return former, nil
	}
	if p := (stackBounds{uint64(number(from)), s.stack.high - uint64(number(by))}); p.low != 0 && p.high != s.stack.high && p.low < p.high {
		add(p)
	}
	return former, nil
}

const (
	mostStack     = 64 << 20 // bounds how much of a stack is looked through
	mostArguments = 512      // bytes of the outermost frame's arguments
	mostMoves     = 1 << 16
	mostFormer    = 256    // places where a stack has lain; of more, what is stale is only told to be doubtful
	mostChanges   = 10_000 // pointers that are changed; those left are doubtful, too
)

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
