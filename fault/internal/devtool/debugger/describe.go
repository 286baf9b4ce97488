package debugger

import (
	"cmp"
	"context"
	"reflect"
	"strings"
)

// describe says what was read, for people.
func (s *Session) describe(ctx context.Context, w *wireVariable, at place) Variable {
	v := Variable{
		Name: w.Name, Type: shortType(w.Type), FullType: w.Type, Kind: s.kindName(ctx, w), Len: w.Len, Cap: w.Cap,
	}
	if at.read == nil && at.name != "" {
		shown := at
		shown.name = cmp.Or(at.shown, at.name)
		v.Expression = s.expressionFor(shown)
	}
	if v.Unreadable = s.unreadable(w); v.Unreadable != "" {
		return v
	}
	s.readBytes(ctx, w, at)
	inner, innerAt := s.inside(w, at)
	if w.Kind == reflect.Interface && len(w.Children) == 1 && w.Children[0].Kind != reflect.Invalid {
		v.Dynamic = shortType(w.Children[0].Type)
	}
	v.Nil = isNil(w) || w.Kind == reflect.Interface && isNil(&w.Children[0])
	if inner != nil && inner != w {
		if reason := s.unreadable(inner); reason != "" {
			v.Value, v.Unreadable = v.Type, "It leads to something that cannot be read: "+reason
			return v
		}
		s.readBytes(ctx, inner, innerAt)
	}
	p := writer{session: s, limit: maxValue}
	p.value(w, 0)
	v.Value, v.Cut = p.String(), p.cut
	if w.Kind == reflect.Chan {
		v.Len, v.Cap, _ = channelState(w)
	}
	if inner != nil && hasChildren(inner, v.Cut) {
		v.Ref = s.places.add(innerAt)
	}
	return v
}

// unreadable says why something has no value; "": it has.
func (s *Session) unreadable(w *wireVariable) string {
	if w.Unreadable != "" {
		return "Delve cannot read it: " + sentence(w.Unreadable)
	}
	if w.Kind == reflect.Slice && w.Base == 0 && w.Len > 0 && !w.made {
		return "It was made for this expression, and lies nowhere in the program."
	}
	address := w.Base
	switch w.Kind {
	case reflect.Pointer, reflect.UnsafePointer:
		if len(w.Children) == 1 {
			address = w.Children[0].Addr
		}
	case reflect.String, reflect.Slice:
	default:
		return ""
	}
	if s.isStale(address) {
		return "It was no longer in use when a call moved the stack that it points to; before the call it could be read."
	}
	return ""
}

// inside follows what is in an interface, and then one pointer: to where the children are. Nil: nowhere.
func (s *Session) inside(w *wireVariable, at place) (*wireVariable, place) {
	if w.Kind == reflect.Interface {
		if len(w.Children) != 1 || w.Children[0].Kind == reflect.Invalid {
			return nil, at
		}
		data := &w.Children[0]
		w, at = data, s.step(at, data, root+".(data)", false)
	}
	if w.Kind == reflect.Pointer {
		if len(w.Children) != 1 || w.Children[0].Addr == 0 {
			return nil, at
		}
		target := &w.Children[0]
		w, at = target, s.step(at, target, "(*"+root+")", true)
	}
	return w, at
}

// step is the place of a part of what is at a place. Away says that the part lies elsewhere in memory than
// the whole.
func (s *Session) step(at place, part *wireVariable, step string, away bool) place {
	switch {
	case at.read == nil && step != "":
		return at.then(step)
	case at.read == nil || away:
		return s.addressOf(at.frame, part)
	}
	return place{frame: at.frame, read: part}
}

// hasChildren reports whether there is more to see than the line. Cut says that the line is not all.
func hasChildren(w *wireVariable, cut bool) bool {
	switch w.Kind {
	case reflect.Struct:
		return w.Len > 0
	case reflect.Map, reflect.Slice, reflect.Array:
		return w.Len > 0
	case reflect.String:
		return cut && w.Len > maxText
	case reflect.Interface:
		return !isNil(w)
	case reflect.Pointer:
		return !isNil(w)
	case reflect.Func:
		return w.Len > 0 && w.Base != 0
	case reflect.Chan:
		queued, _, _ := channelState(w)
		return queued > 0
	case reflect.Invalid:
		return w.Type == tupleType && len(w.Children) > 0
	}
	return false
}

// tupleType is the type of several results of a call.
const tupleType = "(results)"

func isNil(w *wireVariable) bool {
	switch w.Kind {
	case reflect.Pointer, reflect.UnsafePointer:
		return len(w.Children) == 0 || w.Children[0].Addr == 0
	case reflect.Interface:
		return len(w.Children) == 0 || w.Children[0].Kind == reflect.Invalid && w.Children[0].Addr == 0
	case reflect.Slice, reflect.Map, reflect.Func, reflect.Chan:
		return w.Base == 0 && !w.made
	}
	return false
}

// kindName is the kind of a value, as by reflect.Kind. An integer type with a name whose size is that of int has the
// kind int or uint: nothing tells which of the two that it could be it is.
func (s *Session) kindName(ctx context.Context, w *wireVariable) string {
	if w.Type == tupleType {
		return "tuple"
	}
	if !isInteger(w.Kind) || kindOf(w.RealType) != reflect.Invalid {
		return basicKind(w)
	}
	switch basic := s.basicOf(ctx, w); basic {
	case "int64":
		return "int"
	case "uint64":
		return "uint"
	case "":
		return w.Kind.String()
	default:
		return basic
	}
}

// basicKind is the kind of a value whose type is predeclared, or no integer.
func basicKind(w *wireVariable) string {
	if isInteger(w.Kind) {
		return w.RealType // Delve's kinds leave the sizes out.
	}
	return w.Kind.String()
}

func isInteger(kind reflect.Kind) bool { return reflect.Int <= kind && kind <= reflect.Uintptr }

// readBytes reads more of bytes than is read of other slices: they are shown as text.
func (s *Session) readBytes(ctx context.Context, w *wireVariable, at place) {
	if !isBytes(w) || int64(len(w.Children)) >= min(w.Len, maxText) || at.read != nil {
		return
	}
	load := loadConfig{MaxArrayValues: maxText}
	if more, err := s.read(ctx, at, "[:"+itoa(min(w.Len, maxText))+"]", load); err == nil && more.Unreadable == "" {
		w.Children = more.Children
	}
}

// isBytes reports whether it is a slice or an array of bytes.
func isBytes(w *wireVariable) bool {
	if w.Kind != reflect.Slice && w.Kind != reflect.Array {
		return false
	}
	if len(w.Children) > 0 {
		return w.Children[0].RealType == "uint8"
	}
	return strings.HasSuffix(w.RealType, "]uint8")
}

// channelState is how many are queued in a channel, how many can be, and whether it is closed.
func channelState(w *wireVariable) (queued, size int64, closed bool) {
	return number(field(w, "qcount")), number(field(w, "dataqsiz")), number(field(w, "closed")) != 0
}

// field is a loaded field of a struct, or of what a pointer to one leads to; nil: there is none.
func field(w *wireVariable, name string) *wireVariable {
	if w != nil && w.Kind == reflect.Pointer && len(w.Children) == 1 {
		w = &w.Children[0]
	}
	if w == nil {
		return nil
	}
	for i := range w.Children {
		if w.Children[i].Name == name {
			return &w.Children[i]
		}
	}
	return nil
}
