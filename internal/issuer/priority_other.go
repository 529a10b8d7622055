//go:build !linux

package issuer

// lowerPriority does nothing: only Linux has priorities of threads.
func lowerPriority() {}

// isMainThread returns false: without a priority of its own a thread may be any.
func isMainThread() bool { return false }
