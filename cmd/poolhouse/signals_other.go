//go:build !unix

package main

import "os"

// passedOn are the signals that the agent passes on to its program.
var passedOn = []os.Signal{os.Interrupt}

// fromTerminal reports whether a terminal sends the signal to all its programs.
func fromTerminal(s os.Signal) bool { return s == os.Interrupt }

// exitStatusOf returns the exit status of a program.
func exitStatusOf(state *os.ProcessState) int { return state.ExitCode() }
