package admincli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/terminal"
)

// maxTyped bounds what a person types, in bytes.
const maxTyped = 4 << 10

// typed asks on the terminal and returns the line that is typed. It fails if the input is no
// terminal: a script must say what it wants.
func typed(c *cobra.Command, question string) (string, error) {
	if !terminal.Is(c.InOrStdin()) {
		return "", errors.New("there is no terminal to ask on")
	}
	fmt.Fprint(c.ErrOrStderr(), explain.Escaped(question))

	line, err := bufio.NewReader(io.LimitReader(c.InOrStdin(), maxTyped)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}

	return strings.TrimSpace(line), nil
}
