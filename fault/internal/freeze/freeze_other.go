//go:build !linux || !(amd64 || arm64)

package freeze

// Here returns [ErrUnsupported].
func Here(parent int) (Copy, error) { return Copy{}, ErrUnsupported }
