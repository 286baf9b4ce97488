//go:build unix && !(linux || darwin || freebsd || dragonfly)

package cli

import "errors"

// volumeOf cannot be told here.
func volumeOf(string) (volume, error) { return volume{}, errors.ErrUnsupported }
