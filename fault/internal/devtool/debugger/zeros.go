package debugger

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"reflect"
	"strconv"
)

// signUnknown is why a zero has no value.
const signUnknown = "it is zero, but whether it is 0 or -0 cannot be read"

// readZeros reads the bits of all floating-point zeros in what Delve has read: it makes 0 of -0, and of
// complex numbers with an infinite part.
func (s *Session) readZeros(ctx context.Context, w *wireVariable) {
	switch w.Kind {
	case reflect.Float32, reflect.Float64:
		s.readZero(ctx, w, w.Addr, w.Flags)
	case reflect.Complex64, reflect.Complex128:
		size := uint64(4)
		if w.Kind == reflect.Complex128 {
			size = 8
		}
		for i := range w.Children {
			if w.Addr == 0 || w.Unreadable != "" { // It was worked out, or is not known at all.
				break
			}
			part := &w.Children[i]
			s.readZero(ctx, part, w.Addr+uint64(i)*size, w.Flags)
			if part.Unreadable != "" {
				w.Unreadable = part.Unreadable
			}
		}
	default:
		for i := range w.Children {
			s.readZeros(ctx, &w.Children[i])
		}
	}
}

func (s *Session) readZero(ctx context.Context, w *wireVariable, address uint64, flags wireFlags) {
	if w.Value != "0" || w.OnlyAddr || w.Unreadable != "" || address == 0 || flags&flagConstant != 0 {
		return
	}
	bits, ok := uint64(0), false
	if flags&(flagFakeAddress|flagRegister) != 0 {
		bits, ok = s.fakeBits(ctx, w.Kind, address)
	} else {
		bits, ok = s.floatBits(w.Kind, address)
	}
	switch {
	case !ok:
		w.Unreadable = signUnknown
	case w.Kind == reflect.Float32:
		w.Value = strconv.FormatFloat(float64(math.Float32frombits(uint32(bits))), 'g', -1, 32)
	default:
		w.Value = strconv.FormatFloat(math.Float64frombits(bits), 'g', -1, 64)
	}
}

func (s *Session) floatBits(kind reflect.Kind, address uint64) (uint64, bool) {
	memory := s.openMemory()
	if memory == nil || address > math.MaxInt64 {
		return 0, false
	}
	var b [8]byte
	size := 8
	if kind == reflect.Float32 {
		size = 4
	}
	_, err := memory.ReadAt(b[:size], int64(address))
	return binary.LittleEndian.Uint64(b[:]), err == nil
}

// fakeBits reads what Delve has put together of registers, at an address that only Delve knows.
func (s *Session) fakeBits(ctx context.Context, kind reflect.Kind, address uint64) (uint64, bool) {
	typ := "uint64"
	if kind == reflect.Float32 {
		typ = "uint32"
	}
	w, err := s.eval(ctx, evalScope{s.goroutine, 0}, fmt.Sprintf("*(*%q)(%#x)", typ, address), loadScalars)
	if err != nil || w.Unreadable != "" {
		return 0, false
	}
	bits, err := strconv.ParseUint(w.Value, 10, 64)
	return bits, err == nil
}

// processMemory is the memory of a process.
type processMemory interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
}

// openMemory opens the memory of the process when it is first needed; nil: it is not to be had.
func (s *Session) openMemory() processMemory {
	if s.memory == nil {
		memory, err := openMemory(s.options.PID)
		if err != nil {
			return nil
		}
		s.memory = memory
	}
	return s.memory
}
