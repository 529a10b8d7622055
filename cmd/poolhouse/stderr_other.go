//go:build !linux

package main

// freeCrashes does nothing here: a crash waits until somebody reads standard error.
func freeCrashes() {}
