//go:build !linux

package crash

// readKills knows nothing here.
func readKills() kills { return kills{In: -1, Above: -1, All: -1} }

func killsOf(string) kills { return readKills() }
