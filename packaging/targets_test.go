//go:build !extended

package packaging

const allTargets = false
