package verify

import (
	"debug/elf"
	"debug/gosym"
	"debug/macho"
	"debug/pe"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// functions are the names of all functions in a program's table, which the runtime needs and no stripping takes away.
func functions(f *os.File) ([]string, error) {
	var start [4]byte
	if _, err := f.ReadAt(start[:], 0); errors.Is(err, io.EOF) {
		return nil, ErrFormat
	} else if err != nil {
		return nil, err
	}
	switch {
	case string(start[:]) == elf.ELFMAG:
		return elfFunctions(f)
	case string(start[:2]) == "MZ":
		return peFunctions(f)
	}
	switch magic := binary.LittleEndian.Uint32(start[:]); {
	case magic == macho.Magic32, magic == macho.Magic64:
		return machoFunctions(f)
	case binary.BigEndian.Uint32(start[:]) == macho.MagicFat:
		return fatFunctions(f)
	}
	return nil, ErrFormat
}

func elfFunctions(r io.ReaderAt) ([]string, error) {
	f, err := elf.NewFile(r)
	if err != nil {
		return nil, damaged(err)
	}
	var parts []part
	for _, one := range f.Sections {
		if strings.HasSuffix(one.Name, ".gopclntab") && one.Type == elf.SHT_PROGBITS {
			parts = append(parts, part{one.Data, true})
		}
	}
	for _, one := range f.Progs { // in case the section headers are gone
		if one.Type == elf.PT_LOAD {
			parts = append(parts, part{func() ([]byte, error) { return readAll(one.Open(), one.Filesz) }, false})
		}
	}
	return functionsIn(parts, f.ByteOrder)
}

func machoFunctions(r io.ReaderAt) ([]string, error) {
	f, err := macho.NewFile(r)
	if err != nil {
		return nil, damaged(err)
	}
	return functionsInMacho(f)
}

// fatFunctions are those of a file for several architectures, of all of them.
func fatFunctions(r io.ReaderAt) ([]string, error) {
	f, err := macho.NewFatFile(r)
	if err != nil {
		return nil, damaged(err)
	}
	var all []string
	for _, arch := range f.Arches {
		names, err := functionsInMacho(arch.File)
		if err != nil {
			return nil, err
		}
		all = append(all, names...)
	}
	return all, nil
}

func functionsInMacho(f *macho.File) ([]string, error) {
	var parts []part
	for _, one := range f.Sections {
		const typeMask, zeroFill = 0xff, 0x1 // such a section has no bytes in the file
		if one.Flags&typeMask != zeroFill {
			parts = append(parts, part{one.Data, one.Name == "__gopclntab"})
		}
	}
	return functionsIn(parts, f.ByteOrder)
}

func peFunctions(r io.ReaderAt) ([]string, error) {
	f, err := pe.NewFile(r)
	if err != nil {
		return nil, damaged(err)
	}
	var parts []part
	for _, one := range f.Sections {
		if one.Size > 0 {
			parts = append(parts, part{one.Data, false}) // the table is in the midst of the read-only data
		}
	}
	return functionsIn(parts, binary.LittleEndian)
}

// part is a piece of a program.
type part struct {
	read  func() ([]byte, error)
	table bool // it is nothing but a table of functions
}

// functionsIn reads the functions from the part that is the table; without one, from all tables that are in the others.
func functionsIn(parts []part, order binary.ByteOrder) ([]string, error) {
	named := slices.ContainsFunc(parts, func(p part) bool { return p.table })
	var all []string
	tried := 0
	for _, p := range parts {
		if p.table != named {
			continue
		}
		data, err := p.read()
		if err != nil {
			return nil, damaged(err)
		}
		if named {
			names := functionsInTable(data, order)
			if len(names) == 0 {
				return nil, ErrTable
			}
			all = append(all, names...)
			continue
		}
		for at := 0; at+headerSize <= len(data); at += 4 { // it is aligned
			if !mayBeTable(data[at:], order) {
				continue
			}
			if tried++; tried > maxTables {
				return nil, ErrTable
			}
			all = append(all, functionsInTable(data[at:], order)...)
		}
	}
	if len(all) == 0 {
		return nil, ErrNotGo
	}
	return all, nil
}

const (
	// maxTables is how much may look like a table. Programs have one, and those of other programs that are embedded.
	maxTables  = 100
	headerSize = 16 // of what is looked at
	// minPerFunction is what a function takes in a table at least: its entry, its data, its name.
	minPerFunction = 40
)

// mayBeTable reports whether data begins as a table of functions does: with a runtime.pcHeader.
func mayBeTable(data []byte, order binary.ByteOrder) bool {
	if len(data) < headerSize {
		return false
	}
	// The magic number tells the version, which is debug/gosym's business; then two zeros, the smallest step between
	// instructions, the size of a pointer, and the number of functions.
	const magic = 0xfffffff0
	quantum, pointer := data[6], data[7]
	if order.Uint32(data) < magic || data[4] != 0 || data[5] != 0 || quantum != 1 && quantum != 2 && quantum != 4 {
		return false
	}
	var count uint64
	switch pointer {
	case 4:
		count = uint64(order.Uint32(data[8:]))
	case 8:
		count = order.Uint64(data[8:])
	default:
		return false
	}
	return count > 0 && count <= uint64(len(data)/minPerFunction)
}

// functionsInTable reads the table of functions at the beginning of data. It returns nothing if none is there.
func functionsInTable(data []byte, order binary.ByteOrder) []string {
	if !mayBeTable(data, order) {
		return nil
	}
	// The addresses are not asked for, so that it does not matter where the code is.
	table, err := gosym.NewTable(nil, gosym.NewLineTable(data, 0))
	if err != nil {
		return nil
	}
	names := make([]string, 0, len(table.Funcs))
	for _, f := range table.Funcs {
		names = append(names, f.Name)
	}
	if !slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, "runtime.") }) {
		return nil // no program is without its runtime
	}
	return names
}

// readAll reads what must have the given size.
func readAll(r io.Reader, size uint64) ([]byte, error) {
	data, err := io.ReadAll(r)
	if err == nil && uint64(len(data)) < size {
		err = io.ErrUnexpectedEOF
	}
	return data, err
}

func damaged(err error) error { return fmt.Errorf("%w: %w", ErrDamaged, err) }
