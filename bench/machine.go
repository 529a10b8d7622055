package main

import (
	"bufio"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func cpuModel() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	defer f.Close()

	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.Join(strings.Fields(value), " ")
		}
	}

	return "unknown"
}

func kernelRelease() string { return firstWords("/proc/sys/kernel/osrelease", 1) }

// loadAverage is the number of runnable tasks over the last minute and five
// minutes: above 0 at the start, somebody else was using the machine.
func loadAverage() string { return firstWords("/proc/loadavg", 2) }

func firstWords(path string, n int) string {
	text, err := os.ReadFile(path)
	if words := strings.Fields(string(text)); err == nil && len(words) >= n {
		return strings.Join(words[:n], " ")
	}
	return "unknown"
}

// filesystem is the type of the file system that holds dir.
func filesystem(dir string) string {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "unknown"
	}
	f, err := os.Open("/proc/mounts")
	if err != nil {
		return "unknown"
	}
	defer f.Close()

	found, best := "unknown", ""
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 3 || len(fields[1]) < len(best) {
			continue
		}
		if point := fields[1]; dir == point || strings.HasPrefix(dir, strings.TrimSuffix(point, "/")+"/") {
			best, found = point, fields[2]
		}
	}

	return found
}

// fsyncTime measures how long the disk takes to sync 4 KiB, as the median of 100.
func fsyncTime(dir string) (time.Duration, error) {
	f, err := os.CreateTemp(dir, "fsync-")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()

	block := make([]byte, 4096)
	var times []time.Duration
	for range 100 {
		begin := time.Now()
		if _, err := f.Write(block); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		times = append(times, time.Since(begin))
	}

	return median(times).Round(time.Microsecond), nil
}

// median sorts values and returns the one in the middle.
func median[T ~int64 | ~float64](values []T) T {
	slices.Sort(values)
	if len(values) == 0 {
		return 0
	}
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}
