//go:build !linux

package process

// read reads what comes next.
func (p *pipe) read(b []byte) (n int, err error) { return p.from.Read(b) }

// written is not known.
func (p *pipe) written() (n int64, known bool) { return 0, false }
