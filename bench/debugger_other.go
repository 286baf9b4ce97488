//go:build !linux

package main

// Only Linux tells the environment of other processes. Elsewhere the leash is all that there is, and no copies are made.

func marked(string) []int { return nil }

func endAll([]int) error { return nil }
