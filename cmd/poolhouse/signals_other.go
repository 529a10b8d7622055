//go:build !unix

package main

import (
	"os"

	"golang.org/x/term"
)

// passedOn are the signals that the agent passes on to its program.
var passedOn = []os.Signal{os.Interrupt}

// fromTerminal reports whether a terminal has sent the signal to all its programs.
func fromTerminal(s os.Signal) bool {
	return s == os.Interrupt && term.IsTerminal(int(os.Stdin.Fd()))
}

// exitStatusOf returns the exit status of a program.
func exitStatusOf(state *os.ProcessState) int { return state.ExitCode() }
