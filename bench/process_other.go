//go:build !linux

package main

import "syscall"

// childAttributes: only Linux ends children by itself. Memory and processor
// time are read from /proc, so most of this command needs Linux anyway.
func childAttributes() *syscall.SysProcAttr { return nil }

func asBatchWork(do func() error) error { return do() }
