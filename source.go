// Package microblog is the root of the module; it carries the application's own source, which the
// failure reports show around each frame.
package microblog

import "embed"

// Source holds the Go files of the application, tests included, by their path in the module.
//
//go:embed cmd/*/*.go internal/*/*.go internal/*/*/*.go
var Source embed.FS
