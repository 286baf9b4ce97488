//go:build !linux

package main_test

import "errors"

const confined = "FAULT_TEST_CONFINED"

func confine(string) error { return errors.ErrUnsupported }
