package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// asker asks a person for a text; hidden ones are not shown while they are typed.
type asker = func(ctx context.Context, label string, hidden bool) (string, error)

// maxTyped bounds a line of standard input, in bytes.
const maxTyped = 4 << 10

// askerOf returns how a command asks: on the terminal, or from the lines of standard input; nil if there
// is neither.
func askerOf(c *cobra.Command, fromStdin bool) asker {
	lines := bufio.NewReaderSize(io.LimitReader(c.InOrStdin(), 16*maxTyped), maxTyped)
	line := func() (string, error) {
		text, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) && text != "" {
			err = nil
		}
		return strings.TrimRight(text, "\r\n"), err
	}

	if fromStdin {
		return func(_ context.Context, label string, _ bool) (string, error) {
			text, err := line()
			if err != nil {
				return "", fmt.Errorf("standard input has no line for: %s", label)
			}
			return text, nil
		}
	}

	input, isFile := c.InOrStdin().(*os.File)
	if !isFile || !term.IsTerminal(int(input.Fd())) {
		return nil
	}

	return func(ctx context.Context, label string, hidden bool) (string, error) {
		fmt.Fprint(c.ErrOrStderr(), label+": ")
		if !hidden {
			return interruptible(ctx, nil, line)
		}

		// An interrupt must leave a terminal that shows what is typed.
		before, err := term.GetState(int(input.Fd()))
		if err != nil {
			return "", err
		}
		text, err := interruptible(ctx, func() { _ = term.Restore(int(input.Fd()), before) }, func() (string, error) {
			typed, err := term.ReadPassword(int(input.Fd()))
			return string(typed), err
		})
		fmt.Fprintln(c.ErrOrStderr())

		return text, err
	}
}

// interruptible returns what read does, or the error of ctx once it ends: a read of a terminal cannot be
// cancelled.
func interruptible(ctx context.Context, restore func(), read func() (string, error)) (string, error) {
	type result struct {
		text string
		err  error
	}

	done := make(chan result, 1)
	go func() {
		text, err := read()
		done <- result{text, err}
	}()

	select {
	case r := <-done:
		return r.text, r.err
	case <-ctx.Done():
		if restore != nil {
			restore()
		}
		return "", ctx.Err()
	}
}

// readLimited reads at most limit bytes, and fails if there are more.
func readLimited(r io.Reader, limit int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("there are more than %d bytes", limit)
	}
	return text, err
}

// openBrowser returns how an address is opened here; nil if there is no browser, as on a server that
// somebody is logged in to over SSH.
func openBrowser() func(ctx context.Context, address string) error {
	var command []string
	switch runtime.GOOS {
	case "darwin":
		command = []string{"open"}
	case "windows":
		command = []string{"rundll32", "url.dll,FileProtocolHandler"}
	default:
		if os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
			return nil
		}
		command = []string{"xdg-open"}
	}

	if os.Getenv("SSH_CONNECTION") != "" {
		return nil
	}
	program, err := exec.LookPath(command[0])
	if err != nil {
		return nil
	}

	return func(ctx context.Context, address string) error {
		// The browser outlives this command, and its output is nobody's.
		opener := exec.CommandContext(context.WithoutCancel(ctx), program, append(command[1:], address)...)
		if err := opener.Start(); err != nil {
			return err
		}
		go func() { _ = opener.Wait() }()

		return nil
	}
}
