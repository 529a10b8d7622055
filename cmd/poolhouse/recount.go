package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/poolhouse-id/poolhouse/internal/store"
)

func recountCommand() *cobra.Command {
	return onDatabase(&cobra.Command{
		Use:   "recount",
		Short: "Correct the numbers of identities of all pools",
		Long: `Correct the numbers of identities that ListPoolSummaries shows. Servers store them
every few seconds; a server that crashes loses its last seconds. Servers may run
meanwhile. The command waits about half a minute for them, and reads every identity.

A pool in which identities were deleted or loaded meanwhile is counted again, three
times at most. Then the command names it: run the command again at a quieter time.`,
		Example: "  poolhouse recount --data /var/lib/poolhouse",
		Args:    cobra.NoArgs,
	}, func(c *cobra.Command, _ []string, d *database) error {
		bar := newProgressBar(c.ErrOrStderr())
		result, err := d.store.Recount(c.Context(), store.RecountOptions{Progress: func(p store.RecountProgress) {
			text := fmt.Sprintf("%d of %d pools, %d identities read", p.Counted, p.Pools, p.Identities)
			if p.Waiting {
				text += ", waiting for servers"
			}
			bar.show(p.Counted, p.Pools, text)
		}})
		bar.end()
		if err != nil {
			return err
		}

		fmt.Fprintf(c.OutOrStdout(), "Counted %d identities in %d pools; corrected the number of %d pools.\n",
			result.Identities, result.Pools, result.Corrected)

		for _, pool := range result.Disturbed {
			fmt.Fprintf(c.OutOrStdout(),
				"%s: identities were deleted or loaded meanwhile; the number may be wrong.\n", pool)
		}

		return nil
	})
}

// progressBar shows on a terminal how far long work is. Elsewhere it writes nothing.
type progressBar struct {
	w    io.Writer // nil = not a terminal
	last string
}

func newProgressBar(w io.Writer) *progressBar {
	file, ok := w.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" || !term.IsTerminal(int(file.Fd())) {
		return &progressBar{}
	}
	return &progressBar{w: w}
}

// barWidth is the number of characters of a bar.
const barWidth = 24

func (b *progressBar) show(done, all int, text string) {
	if b.w == nil {
		return
	}

	full := barWidth
	if all > 0 {
		full = barWidth * done / all
	}
	line := fmt.Sprintf("[%s%s] %s", strings.Repeat("#", full), strings.Repeat(".", barWidth-full), text)
	if line == b.last {
		return
	}
	fmt.Fprintf(b.w, "\r%-*s", len(b.last), line)
	b.last = line
}

// end removes the bar.
func (b *progressBar) end() {
	if b.w != nil && b.last != "" {
		fmt.Fprintf(b.w, "\r%*s\r", len(b.last), "")
	}
}
