package debugger

import (
	"context"
	"encoding/binary"
	"fmt"
	"go/ast"
	"go/constant"
	"math"
	"reflect"
	"strconv"
)

// Constants, and what a call has returned, lie nowhere in the copy. What is to be passed on is put into memory that package calls
// has for that.

// slots are words of the program that values can be put into, and the functions of libraries that it can call.
type slots struct {
	address, count, used uint64
	functions            map[string]bool
	texts                map[string]uint64 // where strings lie
}

// canCallLibraries reports whether the program has package calls.
func (s *Session) canCallLibraries(ctx context.Context) (bool, error) {
	if s.slots == nil {
		room, err := s.ofCalls(ctx, "Slots", loadConfig{})
		if err != nil {
			return false, err
		}
		functions, err := s.ofCalls(ctx, "Functions", loadConfig{MaxVariableRecurse: 2, MaxStringLen: 256, MaxArrayValues: 1000, MaxStructFields: 1})
		if err != nil {
			return false, err
		}
		s.slots = &slots{functions: map[string]bool{}, texts: map[string]uint64{}, address: room.Addr, count: uint64(room.Len)}
		for i := range functions.Children {
			if name := field(&functions.Children[i], "Name"); name != nil {
				s.slots.functions[name.text()] = true
			}
		}
	}
	return s.slots.address != 0 && s.slots.count != 0, nil
}

// ofCalls is a variable of package calls, without an address if there is none.
func (s *Session) ofCalls(ctx context.Context, name string, load loadConfig) (*wireVariable, error) {
	w, err := s.eval(ctx, evalScope{s.goroutine, 0}, strconv.Quote(callsPackage())+"."+name, load)
	if _, ok := refused(err); ok {
		return new(wireVariable), nil
	}
	return w, err
}

// room is memory of the copy that nothing else uses.
func (s *Session) room(ctx context.Context, size int64) (uint64, error) {
	if has, err := s.canCallLibraries(ctx); err != nil {
		return 0, err
	} else if !has {
		return 0, &EvaluateError{Text: "This program has no room for what would have to be made: programs that use the kit have."}
	}
	words := (uint64(size) + wordSize - 1) / wordSize
	if words > s.slots.count-s.slots.used {
		return 0, &EvaluateError{Text: "There is no more room for the arguments of calls in this copy."}
	}
	address := s.slots.address + wordSize*s.slots.used
	s.slots.used += words
	return address, nil
}

// write changes the memory of the copy. What it writes begins and ends with a word of its own.
func (s *Session) write(ctx context.Context, address uint64, data []byte) error {
	for len(data)%wordSize != 0 {
		data = append(data, 0)
	}
	if memory := s.openMemory(); memory != nil {
		if _, err := memory.WriteAt(data, int64(address)); err == nil {
			return nil
		}
	}
	for i := 0; i < len(data); i += wordSize {
		if err := s.store(ctx, address+uint64(i), binary.LittleEndian.Uint64(data[i:])); err != nil {
			return err
		}
	}
	return nil
}

// liesInMemory reports whether what was read lies at an address of the process.
func (o *operand) liesInMemory() bool {
	w := o.wire
	return w != nil && !o.returned && !w.made && w.Addr != 0 && w.Flags&(flagFakeAddress|flagRegister|flagConstant) == 0
}

// place puts a value into the copy's memory, unless it lies there, and returns where.
func (r *rewriter) place(ctx context.Context, o *operand) (uint64, error) {
	if o.liesInMemory() {
		r.onStack = r.onStack || r.session.stack.has(o.wire.Addr)
		return o.wire.Addr, nil
	}
	size := r.session.sizeOf(ctx, o.typ)
	if size < 0 {
		return 0, errNotPlaced
	}
	address, err := r.session.room(ctx, max(size, 1))
	if err != nil {
		return 0, err
	}
	p := &placer{rewriter: r}
	data := make([]byte, size)
	if err := p.put(ctx, o.plain(), o.typ, data, address); err != nil {
		return 0, err
	}
	return address, p.finish(ctx, address, data)
}

var errNotPlaced error = &EvaluateError{Text: "What this returns cannot be used within another expression here; evaluate it on its own."}

// errMoved says that addresses in an expression are not true any more.
var errMoved error = &EvaluateError{Text: "A call among the operands has moved the stack: evaluate the parts of the expression one after the other."}

// plain is the value as Delve would have it.
func (o *operand) plain() *wireVariable {
	if o.wire != nil && !o.wire.made {
		return o.wire
	}
	if o.number != nil {
		return o.asWire()
	}
	return o.wire
}

// placer makes the bytes of a value.
type placer struct {
	*rewriter
	interfaces []pending
}

// pending is an interface that has to be set by a call.
type pending struct {
	address uint64
	typ     string
	value   ast.Expr // a box
	kind    string
}

// finish writes what was put together.
func (p *placer) finish(ctx context.Context, address uint64, data []byte) error {
	if err := p.session.write(ctx, address, data); err != nil {
		return err
	}
	for _, i := range p.interfaces {
		target, err := p.pointer(ctx, "*"+i.typ, i.address)
		if err != nil {
			return err
		}
		how, err := p.string(ctx, i.kind)
		if err != nil {
			return err
		}
		text, err := source(p.callOf("Put", target, how, i.value))
		if err != nil {
			return err
		}
		if _, err := p.injected(ctx, text); err != nil {
			return err
		}
	}
	return nil
}

// dynamic is a box for what is in an interface that was read.
func (r *rewriter) dynamic(ctx context.Context, w *wireVariable) (box ast.Expr, kind string, err error) {
	data := &w.Children[0]
	if data.Kind == reflect.Pointer && len(data.Children) == 1 {
		box, err = r.pointer(ctx, data.Type, data.Children[0].Addr)
		return box, boxedItself, err
	}
	if data.Addr == 0 || data.Flags&(flagFakeAddress|flagRegister) != 0 || isPointer(data.Kind) {
		return nil, "", errNotPlaced
	}
	box, err = r.pointer(ctx, "*"+data.Type, data.Addr)
	return box, boxedPointer, err
}

// string is an expression for a string that lies in memory: for a literal Delve would have to make a call.
func (r *rewriter) string(ctx context.Context, text string) (ast.Expr, error) {
	s := r.session
	if _, err := s.room(ctx, 0); err != nil {
		return nil, err
	}
	address, ok := s.slots.texts[text]
	if !ok {
		var err error
		if address, err = r.place(ctx, &operand{number: constant.MakeString(text), typ: "string", basic: "string"}); err != nil {
			return nil, err
		}
		s.slots.texts[text] = address
	}
	return dereferenced("string", address), nil
}

// put makes the bytes of a value, which are to lie at an address.
func (p *placer) put(ctx context.Context, w *wireVariable, typ string, data []byte, address uint64) error {
	if w == nil || w.Unreadable != "" || w.OnlyAddr {
		return errNotPlaced
	}
	words := func(values ...uint64) error {
		if len(data) != wordSize*len(values) {
			return errNotPlaced
		}
		for i, v := range values {
			binary.LittleEndian.PutUint64(data[wordSize*i:], v)
		}
		return nil
	}
	switch w.Kind {
	case reflect.Bool:
		if w.Value == "true" {
			data[0] = 1
		}
		return nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		text := integerText(w.Value)
		n, err := strconv.ParseUint(text, 10, 64)
		if signed, fails := strconv.ParseInt(text, 10, 64); fails == nil {
			n, err = uint64(signed), nil
		}
		if err != nil || len(data) > wordSize {
			return errNotPlaced
		}
		for i := range data {
			data[i] = byte(n >> (8 * i))
		}
		return nil
	case reflect.Float32, reflect.Float64:
		return putFloat(float(w), data)
	case reflect.Complex64, reflect.Complex128:
		if len(w.Children) != 2 {
			return errNotPlaced
		}
		half := len(data) / 2
		if err := putFloat(float(&w.Children[0]), data[:half]); err != nil {
			return err
		}
		return putFloat(float(&w.Children[1]), data[half:])
	case reflect.String:
		base := w.Base
		if base == 0 && w.Len > 0 {
			var err error
			if base, err = p.text(ctx, w); err != nil {
				return err
			}
		}
		return words(base, uint64(w.Len))
	case reflect.Slice:
		if w.made {
			return p.slice(ctx, w, data)
		}
		if w.Base == 0 && w.Len > 0 {
			return errNotPlaced
		}
		return words(w.Base, uint64(w.Len), uint64(w.Cap))
	case reflect.Map, reflect.Chan:
		return words(w.Base)
	case reflect.Pointer:
		if len(w.Children) != 1 {
			return errNotPlaced
		}
		return words(w.Children[0].Addr)
	case reflect.Func:
		if w.Base == 0 {
			return words(0)
		}
	case reflect.Interface:
		if isNil(w) {
			return nil
		}
		if typ == "error" || typ == "interface {}" {
			value, kind, err := p.dynamic(ctx, w)
			p.interfaces = append(p.interfaces, pending{address, typ, value, kind})
			return err
		}
	case reflect.Struct:
		return p.fields(ctx, w, typ, data, address)
	case reflect.Array:
		return p.elements(ctx, w, data, address)
	}
	return errNotPlaced
}

func putFloat(f float64, data []byte) error {
	switch len(data) {
	case 4:
		binary.LittleEndian.PutUint32(data, math.Float32bits(float32(f)))
	case 8:
		binary.LittleEndian.PutUint64(data, math.Float64bits(f))
	default:
		return errNotPlaced
	}
	return nil
}

// text puts the bytes of a string into memory.
func (p *placer) text(ctx context.Context, w *wireVariable) (uint64, error) {
	text := w.text()
	if int64(len(text)) != w.Len {
		return 0, errNotPlaced
	}
	address, err := p.session.room(ctx, w.Len)
	if err != nil {
		return 0, err
	}
	return address, p.session.write(ctx, address, []byte(text))
}

// slice puts the elements of what a conversion has made into memory.
func (p *placer) slice(ctx context.Context, w *wireVariable, data []byte) error {
	if int64(len(w.Children)) != w.Len || len(data) != 3*wordSize {
		return errNotPlaced
	}
	size := int64(0)
	if len(w.Children) > 0 {
		if size = p.session.sizeOf(ctx, w.Children[0].Type); size < 0 {
			return errNotPlaced
		}
	}
	address, err := p.session.room(ctx, max(size*w.Len, 1)) // One without elements is not nil.
	if err != nil {
		return err
	}
	elements := make([]byte, size*w.Len)
	if err := p.elements(ctx, w, elements, address); err != nil {
		return err
	}
	for i, v := range []uint64{address, uint64(w.Len), uint64(w.Len)} {
		binary.LittleEndian.PutUint64(data[wordSize*i:], v)
	}
	return p.session.write(ctx, address, elements)
}

func (p *placer) elements(ctx context.Context, w *wireVariable, data []byte, address uint64) error {
	if int64(len(w.Children)) != w.Len {
		return errNotPlaced
	}
	for i := range w.Children {
		size := len(data) / len(w.Children)
		element := &w.Children[i]
		if err := p.put(ctx, element, element.Type, data[i*size:(i+1)*size], address+uint64(i*size)); err != nil {
			return err
		}
	}
	return nil
}

func (p *placer) fields(ctx context.Context, w *wireVariable, typ string, data []byte, address uint64) error {
	if int64(len(w.Children)) != w.Len {
		return errNotPlaced
	}
	layout, err := p.session.nowhere(ctx, typ, loadConfig{MaxVariableRecurse: 1, MaxStructFields: -1})
	if err != nil || len(layout.Children) != len(w.Children) {
		return errNotPlaced
	}
	for i := range w.Children {
		child, at := &w.Children[i], &layout.Children[i]
		size := p.session.sizeOf(ctx, at.Type)
		offset := int64(at.Addr - layout.Addr)
		if at.Name != child.Name || at.Type != child.Type || size < 0 || offset < 0 || offset+size > int64(len(data)) {
			return errNotPlaced
		}
		if err := p.put(ctx, child, at.Type, data[offset:offset+size], address+uint64(offset)); err != nil {
			return err
		}
	}
	return nil
}

// pointer is a pointer to an address, in memory itself: &x would be in Delve only.
func (r *rewriter) pointer(ctx context.Context, typ string, target uint64) (ast.Expr, error) {
	slot, err := r.session.room(ctx, wordSize)
	if err != nil {
		return nil, err
	}
	var word [wordSize]byte
	binary.LittleEndian.PutUint64(word[:], target)
	if err := r.session.write(ctx, slot, word[:]); err != nil {
		return nil, err
	}
	return dereferenced(typ, slot), nil
}

// isPointer reports whether an interface holds a value of the kind as it is, or is one.
func isPointer(kind reflect.Kind) bool {
	switch kind {
	case reflect.Interface, reflect.Pointer, reflect.Map, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return true
	}
	return false
}

// list is a slice of a type that has copies of elements before, and then the values of nodes.
func (r *rewriter) list(ctx context.Context, typ, element string, before []byte, nodes []ast.Expr) (ast.Expr, error) {
	s := r.session
	size := s.sizeOf(ctx, element)
	if size < 0 {
		return nil, &EvaluateError{Text: "How large a value of type " + shortType(element) + " is cannot be told."}
	}
	total := int64(len(before)) + size*int64(len(nodes))
	address, err := s.room(ctx, max(total, 1))
	if err != nil {
		return nil, err
	}
	p, moves := &placer{rewriter: r}, len(s.moved)
	data := append(make([]byte, 0, total), before...)
	for _, node := range nodes {
		room := make([]byte, size)
		if err := p.element(ctx, node, element, room, address+uint64(len(data))); err != nil {
			return nil, err
		}
		data = append(data, room...)
	}
	if r.onStack && moves != len(s.moved) {
		return nil, errMoved
	}
	if err := p.finish(ctx, address, data); err != nil {
		return nil, err
	}
	n := uint64(len(nodes))
	if size > 0 {
		n += uint64(int64(len(before)) / size)
	}
	header, err := s.room(ctx, 3*wordSize)
	if err != nil {
		return nil, err
	}
	words := make([]byte, 3*wordSize)
	for i, v := range []uint64{address, n, n} {
		binary.LittleEndian.PutUint64(words[wordSize*i:], v)
	}
	return dereferenced(typ, header), s.write(ctx, header, words)
}

// element makes the bytes of a value that is to be of a type.
func (p *placer) element(ctx context.Context, node ast.Expr, typ string, data []byte, address uint64) error {
	s := p.session
	want := s.typeOf(ctx, typ)
	if want == nil {
		return &EvaluateError{Text: "The type " + shortType(typ) + " is not known."}
	}
	puttable := typ == "error" || typ == "interface {}"
	if p.isNilLiteral(node) {
		if puttable || isPointer(want.Kind) || want.Kind == reflect.Slice {
			return nil
		}
		return &EvaluateError{Text: "nil cannot be of type " + shortType(typ) + "."}
	}
	if err := p.make(ctx, node); err != nil {
		return err
	}
	o, err := p.value(ctx, node)
	if err != nil {
		return err
	}
	if o.wire != nil && o.wire.Unreadable != "" {
		return &EvaluateError{Text: "An argument cannot be read: " + sentence(o.wire.Unreadable)}
	}
	if (puttable || want.Kind == reflect.Interface) && o.typ != typ {
		if !puttable {
			return &EvaluateError{Text: "Values cannot be put into the interface " + shortType(typ) + " here."}
		}
		if o.wire != nil && o.wire.Kind == reflect.Interface && isNil(o.wire) {
			return nil
		}
		value, kind, err := p.box(ctx, node, o)
		if err != nil {
			return err
		}
		if kind == boxedConstant { // It has its default type.
			kind = boxedPointer
		}
		p.interfaces = append(p.interfaces, pending{address, typ, value, kind})
		return nil
	}
	if o.untyped() {
		typed := o.typed(typ, s.basicOf(ctx, want))
		if typed == nil {
			return &EvaluateError{Text: fmt.Sprintf("The constant does not fit into the type %s.", shortType(typ))}
		}
		o = typed
	}
	if o.typ != typ {
		return &EvaluateError{Text: fmt.Sprintf("What is of type %s cannot be used as %s here.", shortType(o.typ), shortType(typ))}
	}
	if !o.liesInMemory() {
		return p.put(ctx, o.plain(), typ, data, address)
	}
	return s.readMemory(o.wire.Addr, data)
}

// readMemory reads bytes of the copy.
func (s *Session) readMemory(address uint64, data []byte) error {
	memory := s.openMemory()
	if memory == nil {
		return &EvaluateError{Text: "The memory of the copy cannot be read for that."}
	}
	if _, err := memory.ReadAt(data, int64(address)); err != nil {
		return &EvaluateError{Text: "An argument cannot be read."}
	}
	return nil
}
