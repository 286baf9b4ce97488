// Package kit runs the conformance suites of the fault kit on the databases that the kit's own module
// has no drivers for.
package kit
