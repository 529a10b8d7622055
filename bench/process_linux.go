package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

// asBatchWork has do run with all threads of this process scheduled as batch
// work, which does not interrupt another process each time it wakes up
// (sched(7), SCHED_BATCH).
func asBatchWork(do func() error) (err error) {
	if err := scheduleThreads(unix.SCHED_BATCH); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, scheduleThreads(unix.SCHED_NORMAL)) }()
	return do()
}

// scheduleThreads gives all threads a policy, twice: one that started during the
// first pass may have its maker's former one.
func scheduleThreads(policy uint32) error {
	for range 2 {
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return err
		}
		for _, t := range threads {
			id, err := strconv.Atoi(t.Name())
			if err != nil {
				return err
			}
			attributes, err := unix.SchedGetAttr(id, 0)
			if err == nil {
				attributes.Policy = policy
				err = unix.SchedSetAttr(id, attributes, 0)
			}
			if err != nil && !errors.Is(err, unix.ESRCH) { // a thread may have ended
				return fmt.Errorf("scheduling the generator: %w", err)
			}
		}
	}
	return nil
}
