package main

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// pseudoTerminal returns both ends of a new terminal: what a person has, and what programs have.
func pseudoTerminal(t *testing.T) (person, programs *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = person.Close() })

	number, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	err = errors.Join(err, unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0))
	if err != nil {
		t.Fatal(err)
	}
	programs, err = os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = programs.Close() })

	return person, programs
}

// A program gets each interrupt once: from the terminal, or from the agent if there is none. Many programs
// end at once, without cleaning up, when a second one comes.
func TestAgentPassesInterruptsOnOnce(t *testing.T) {
	guest(t, new(hanging))
	const program = `trap 'echo interrupted' INT; trap 'exit 7' USR1; echo ready; while :; do read -r line; done`

	for name, terminal := range map[string]bool{"terminal": true, "no terminal": false} {
		command := exec.CommandContext(t.Context(), "poolhouse", "agent", "--", "/bin/sh", "-c", program)
		person, programs := pseudoTerminal(t)
		command.Stderr, command.SysProcAttr = programs, &syscall.SysProcAttr{Setsid: true}
		if terminal {
			command.SysProcAttr.Setctty, command.SysProcAttr.Ctty = true, 2 // of standard error
		}
		input, err := command.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		output, err := command.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}

		interrupts := 0
		lines := bufio.NewScanner(output)
		for lines.Scan() {
			switch line := lines.Text(); {
			case line == "ready" && terminal:
				_, err = person.Write([]byte{3}) // Ctrl-C
			case line == "ready":
				err = command.Process.Signal(syscall.SIGINT)
			case strings.HasPrefix(line, "interrupted"):
				interrupts++
				err = command.Process.Signal(syscall.SIGUSR1) // passed on after the interrupt
			}
			if err != nil {
				t.Error(err)
			}
		}

		ended, is := errors.AsType[*exec.ExitError](command.Wait())
		if interrupts != 1 || !is || ended.ExitCode() != 7 {
			t.Errorf("%s: %d interrupts, %v", name, interrupts, ended)
		}
		_ = input.Close()
	}
}
