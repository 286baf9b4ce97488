// Package arch holds the architecture of both modules as tests: who may import
// whom, what every package must have, and which dependencies there are.
package arch
