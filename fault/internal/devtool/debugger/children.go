package debugger

import (
	"context"
	"fmt"
	"go/token"
	"reflect"
	"strings"
)

// pieceLength is how many bytes of a string one of its children has.
const pieceLength = 4096

// sortedEntries is up to how many entries a map is sorted: all of them have to be read for that.
const sortedEntries = 1000

// childrenAt reads the children of what is at a place.
func (s *Session) childrenAt(ctx context.Context, at place, start, count int) ([]Variable, int, error) {
	load := loadPreview
	load.MaxVariableRecurse++
	w, err := s.read(ctx, at, "", load)
	if err != nil {
		return nil, 0, err
	}
	if reason := s.unreadable(w); reason != "" {
		return nil, 0, &EvaluateError{Text: reason}
	}
	total := int(w.Len)
	end := min(start+count, total)
	start = min(start, end)
	switch w.Kind {
	case reflect.Slice, reflect.Array:
		return s.elements(ctx, w, at, start, end)
	case reflect.Map:
		return s.mapEntries(ctx, w, at, start, end)
	case reflect.String:
		return s.pieces(ctx, w, at, start, count)
	case reflect.Chan:
		return s.queue(ctx, w, at, start, count)
	case reflect.Pointer, reflect.Interface:
		// A pointer to a pointer, or to an interface: one that is followed in its turn.
		v := s.describe(ctx, w, at)
		v.Name = "*"
		return page([]Variable{v}, start, count)
	case reflect.Struct, reflect.Func, reflect.Invalid:
		return s.fields(ctx, w, at, start, count)
	}
	return nil, 0, nil
}

// page is a part of children that have all been read.
func page(all []Variable, start, count int) ([]Variable, int, error) {
	end := min(start+count, len(all))
	return all[min(start, end):end], len(all), nil
}

// fields are those of a struct, the captured variables of a function, or the results of a call.
func (s *Session) fields(ctx context.Context, w *wireVariable, at place, start, count int) ([]Variable, int, error) {
	var all []Variable
	for i := range w.Children {
		child := &w.Children[i]
		if child.Name == "_" {
			continue
		}
		step := ""
		if w.Kind == reflect.Struct && token.IsIdentifier(child.Name) {
			step = root + "." + child.Name
		}
		v := s.describe(ctx, child, s.step(at, child, step, w.Kind == reflect.Func))
		if w.Kind == reflect.Func && v.Name == ".this" {
			v.Name = "receiver"
		}
		if w.Kind == reflect.Invalid {
			v.Result = true
			if strings.HasPrefix(v.Name, "~r") {
				v.Name = fmt.Sprintf("[%d]", i)
			}
		}
		all = append(all, v)
	}
	return page(all, start, count)
}

func (s *Session) elements(ctx context.Context, w *wireVariable, at place, start, end int) ([]Variable, int, error) {
	total, offset := int(w.Len), 0
	if start < end && at.read == nil && end > len(w.Children) {
		load := loadPreview
		load.MaxVariableRecurse++
		load.MaxArrayValues = end - start
		more, err := s.read(ctx, at, fmt.Sprintf("[%d:%d]", start, end), load)
		if err != nil {
			return nil, 0, err
		}
		if reason := s.unreadable(more); reason != "" {
			return nil, 0, &EvaluateError{Text: reason}
		}
		w, offset = more, start
	}
	var all []Variable
	for i := start; i < end && i-offset < len(w.Children); i++ {
		child := &w.Children[i-offset]
		v := s.describe(ctx, child, s.step(at, child, fmt.Sprintf(root+"[%d]", i), w.Kind == reflect.Slice))
		v.Name = fmt.Sprintf("[%d]", i)
		all = append(all, v)
	}
	return all, total, nil
}

func (s *Session) mapEntries(ctx context.Context, w *wireVariable, at place, start, end int) ([]Variable, int, error) {
	total, offset := int(w.Len), 0
	if at.read == nil && len(w.Children) < 2*total {
		load, suffix := loadPreview, ""
		load.MaxVariableRecurse++
		load.MaxArrayValues = sortedEntries
		if total > sortedEntries {
			load.MaxArrayValues, suffix, offset = end-start, fmt.Sprintf("[%d:%d]", start, end), start
		}
		if start == end {
			return nil, total, nil
		}
		more, err := s.read(ctx, at, suffix, load)
		if err != nil {
			return nil, 0, err
		}
		if reason := s.unreadable(more); reason != "" {
			return nil, 0, &EvaluateError{Text: reason}
		}
		w = more
	}
	pairs := sorted(s, w)
	var all []Variable
	for i := start; i < end && i-offset < len(pairs); i++ {
		entry := pairs[i-offset]
		key := s.describe(ctx, entry.key, s.step(at, entry.key, "", true))
		v := s.describe(ctx, entry.value, s.step(at, entry.value, "", true))
		v.Name, v.KeyRef = key.Value, key.Ref
		if key.Unreadable != "" {
			v.Name = "(unreadable)"
		}
		all = append(all, v)
	}
	return all, total, nil
}

// pieces are those of a string; total counts them.
func (s *Session) pieces(ctx context.Context, w *wireVariable, at place, start, count int) ([]Variable, int, error) {
	total := (int(w.Len) + pieceLength - 1) / pieceLength
	const most = 16
	var all []Variable
	for i := start; i < min(start+min(count, most), total); i++ {
		low, high := i*pieceLength, min((i+1)*pieceLength, int(w.Len))
		piece := w
		if at.read == nil {
			var err error
			piece, err = s.read(ctx, at, fmt.Sprintf("[%d:%d]", low, high), loadConfig{MaxStringLen: pieceLength})
			if err != nil {
				return nil, 0, err
			}
		} else {
			text := w.text()
			low, high = min(low, len(text)), min(high, len(text))
			piece = &wireVariable{Kind: reflect.String, Type: w.Type, Value: text[low:high], Len: int64(high - low)}
		}
		p := writer{session: s, limit: pieceLength}
		p.quoted(piece.text(), int(piece.Len), pieceLength)
		all = append(all, Variable{
			Name: fmt.Sprintf("[%d:%d]", low, high), Type: shortType(w.Type), FullType: w.Type, Kind: "string",
			Value: p.String(), Cut: p.cut, Len: piece.Len,
		})
	}
	return all, total, nil
}

// queue are the values in a channel, the next one first.
func (s *Session) queue(ctx context.Context, w *wireVariable, at place, start, count int) ([]Variable, int, error) {
	queued, size, _ := channelState(w)
	buffer, next := field(w, "buf"), number(field(w, "recvx"))
	if buffer == nil || queued == 0 || size == 0 {
		return nil, 0, nil
	}
	if len(buffer.Children) != 1 {
		return nil, 0, &EvaluateError{Text: "What is queued in this channel cannot be read."}
	}
	array := s.addressOf(at.frame, &buffer.Children[0])
	var all []Variable
	for i := start; i < min(start+count, int(queued)); i++ {
		index := (next + int64(i)) % size
		element, err := s.read(ctx, array, fmt.Sprintf("[%d]", index), loadPreview)
		if err != nil {
			return nil, 0, err
		}
		v := s.describe(ctx, element, array.then(fmt.Sprintf(root+"[%d]", index)))
		v.Name = fmt.Sprintf("[%d]", i)
		all = append(all, v)
	}
	return all, int(queued), nil
}
