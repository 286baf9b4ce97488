// Package store fails.
package store

// A Config is what is missing.
type Config struct{ Path string }

// Open needs a Config.
func Open(c *Config) {
	use(c.Path) // here
}

func use(path string) { println(path) }
