package admincli

import (
	"fmt"

	"github.com/spf13/cobra"
)

// addMax adds the flag that bounds a list.
func addMax(c *cobra.Command) {
	c.Flags().Int("max", 0, "list at most this many; 0 lists all")
}

// listed reads pages until there is none left, or as many things as the flag --max allows. page
// reads one: token is "" for the first, next is "" after the last.
func listed[T any](c *cobra.Command, page func(token string) (things []T, next string, err error)) ([]T, error) {
	most, _ := c.Flags().GetInt("max")
	if most < 0 {
		return nil, fmt.Errorf("--max %d: use a number from 1, or 0 for all", most)
	}

	all := []T{}
	for token := ""; ; {
		things, next, err := page(token)
		if err != nil {
			return nil, err
		}

		all = append(all, things...)
		if most > 0 && len(all) >= most {
			return all[:most], nil
		}
		if next == "" {
			return all, nil
		}
		token = next
	}
}
