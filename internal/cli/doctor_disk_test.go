package cli

import "testing"

func TestVolumeRoom(t *testing.T) {
	t.Parallel()
	const mib, gib = 1 << 20, 1 << 30
	for name, tt := range map[string]struct {
		v      volume
		space  room
		inodes room
	}{
		"plenty":                    {volume{free: 50 * gib, size: 100 * gib, freeInodes: 1e6, files: 2e6}, enough, enough},
		"little of a large disk":    {volume{free: 200 * mib, size: 100 * gib}, little, enough},
		"nothing of a large disk":   {volume{free: 15 * mib, size: 100 * gib}, none, enough},
		"nothing of a small disk":   {volume{free: 0, size: 6 * mib}, none, enough},
		"most of a small disk":      {volume{free: 10 * mib, size: 12 * mib}, little, enough},
		"most of a modest disk":     {volume{free: 200 * mib, size: 256 * mib}, enough, enough},
		"a quarter of a small disk": {volume{free: 60 * mib, size: 256 * mib}, little, enough},
		"no inodes":                 {volume{free: gib, size: 2 * gib, freeInodes: 49, files: 1e6}, enough, none},
		"few inodes":                {volume{free: gib, size: 2 * gib, freeInodes: 900, files: 1e6}, enough, little},
		"a small number of inodes":  {volume{free: gib, size: 2 * gib, freeInodes: 900, files: 1000}, enough, enough},
		"inodes without a limit":    {volume{free: gib, size: 2 * gib}, enough, enough},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if space, inodes := tt.v.space(), tt.v.inodes(); space != tt.space || inodes != tt.inodes {
				t.Errorf("room for bytes %d, for files %d; want %d, %d", space, inodes, tt.space, tt.inodes)
			}
		})
	}
}
