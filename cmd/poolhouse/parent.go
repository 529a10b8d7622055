package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"
)

// supervised returns what the flags say about a program that has started the server: a context that
// ends with it, and the file that it waits for.
func supervised(c *cobra.Command) (context.Context, *readyFile, error) {
	flags, ctx := c.Flags(), c.Context()
	path, err := flags.GetString("ready-file")
	if err != nil {
		return nil, nil, err
	}
	if path == "" && flags.Changed("ready-file") {
		return nil, nil, errors.New(`--ready-file "": name a file; is a variable empty?`)
	}
	ready, err := newReadyFile(ctx, path)
	if err != nil {
		return nil, nil, err
	}

	withParent, err := flags.GetBool("exit-with-parent")
	if err == nil && withParent {
		ctx, err = whileParentLives(ctx, os.Stdin)
	}

	return ctx, ready, err
}

// whileParentLives returns a context that ends when input does. The program that started this one
// holds the other end of the pipe, and the system closes it however that program ends: it need not
// be able to send a signal any more. It fails for other inputs, which end at once or never.
func whileParentLives(ctx context.Context, input *os.File) (context.Context, error) {
	info, err := input.Stat()
	if err != nil {
		return nil, fmt.Errorf("--exit-with-parent: %w", err)
	}
	if info.Mode()&(fs.ModeNamedPipe|fs.ModeSocket) == 0 {
		return nil, errors.New("--exit-with-parent: standard input is no pipe: " +
			"start the server with a pipe there, and keep its other end open")
	}

	ctx, end := context.WithCancel(ctx)
	go func() {
		defer end()

		_, _ = io.Copy(io.Discard, input) // an error ends it, too
	}()

	return ctx, nil
}
