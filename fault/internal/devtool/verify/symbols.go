package verify

import (
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"os"
	"strings"
)

// symbols are the names in a program's table of symbols, those of variables among them. A program that is stripped has none, and one whose
// table cannot be read is judged by its functions alone.
func symbols(f *os.File) (names []string) {
	if p, err := elf.NewFile(f); err == nil {
		all, _ := p.Symbols()
		for _, s := range all {
			names = append(names, s.Name)
		}
		return names
	}
	if p, err := pe.NewFile(f); err == nil {
		for _, s := range p.Symbols {
			names = append(names, s.Name)
		}
		return names
	}
	if p, err := macho.NewFile(f); err == nil {
		return symbolsOf(p)
	}
	if p, err := macho.NewFatFile(f); err == nil {
		for _, arch := range p.Arches {
			names = append(names, symbolsOf(arch.File)...)
		}
	}
	return names
}

func symbolsOf(p *macho.File) (names []string) {
	if p.Symtab == nil {
		return nil
	}
	for _, s := range p.Symtab.Syms {
		names = append(names, strings.TrimPrefix(s.Name, "_"))
	}
	return names
}
