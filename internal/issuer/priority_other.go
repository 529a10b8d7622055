//go:build !linux

package issuer

// lowerPriority does nothing: only Linux has priorities per thread.
func lowerPriority() {}

// isMainThread returns false: where threads have no priority, any thread will do.
func isMainThread() bool { return false }
