//go:build !linux

package main

import (
	"errors"
	"runtime"
	"syscall"
	"time"
)

// childAttributes: only Linux ends children by itself. Memory and processor
// time are read from /proc, so most of this command needs Linux anyway.
func childAttributes() *syscall.SysProcAttr { return nil }

func asBatchWork(do func() error) error { return do() }

var errNotLinux = errors.New("this is measured on Linux only")

func processorTime(int) (time.Duration, error) { return 0, errNotLinux }
func forgetPeak(int) error                     { return errNotLinux }
func openFiles() (int, error)                  { return 0, errNotLinux }

func processors() ([]int, error) { return make([]int, runtime.NumCPU()), nil }

func onProcessors(_ []int, start func() error) error { return start() }
