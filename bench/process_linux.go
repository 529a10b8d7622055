package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"

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

// processorTime is the user's and the system's time that all threads of a
// process have used, in nanoseconds: the process's clock for clock_gettime(2),
// whose number is made as by clock_getcpuclockid(3).
func processorTime(pid int) (time.Duration, error) {
	const schedulerClock = 2 // CPUCLOCK_SCHED
	var spent unix.Timespec
	err := unix.ClockGettime(int32(^pid<<3|schedulerClock), &spent) //nolint:gosec // a PID has at most 22 bits
	return time.Duration(spent.Nano()), err
}

// forgetPeak has VmHWM begin anew (proc_pid_clear_refs(5)).
func forgetPeak(pid int) error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}

// openFiles returns how many files this process may have open. It raises the soft limit to
// that number.
func openFiles() (int, error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, err
	}
	limit.Cur = limit.Max
	return int(min(limit.Max, 1<<30)), unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
}

// processors returns the processors that this process may run on.
func processors() (list []int, err error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, err
	}

	for n := range len(set) * 64 {
		if set.IsSet(n) {
			list = append(list, n)
		}
	}

	return list, nil
}

// onProcessors has start make a child that runs on some processors only. No
// processors: wherever the kernel likes.
func onProcessors(list []int, start func() error) (err error) {
	if len(list) == 0 {
		return start()
	}

	var before, during unix.CPUSet
	for _, n := range list {
		during.Set(n)
	}
	runtime.LockOSThread() // a child inherits from the thread that makes it

	defer runtime.UnlockOSThread()

	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return err
	}
	if err := unix.SchedSetaffinity(0, &during); err != nil {
		return err
	}

	defer func() { err = errors.Join(err, unix.SchedSetaffinity(0, &before)) }()

	return start()
}
