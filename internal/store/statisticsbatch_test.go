package store

import (
	"fmt"
	"slices"
	"testing"
)

// A transaction does not part an account from its pools, unless these are very many, and has few rows otherwise.
func TestStatisticsAreSavedByAccount(t *testing.T) {
	for name, test := range map[string]struct{ accounts, want []int }{
		"none":                {nil, nil},
		"few":                 {[]int{1, 1, 1}, []int{3}},
		"just a batch":        {[]int{60, 40}, []int{100}},
		"more than a batch":   {[]int{60, 41, 59}, []int{60, 100}},
		"one with many pools": {[]int{1, 1000, 1}, []int{1, 1000, 1}},
		"one with too many":   {[]int{2500, 1}, []int{1000, 1000, 500, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			var rows []StatisticsRow
			for n, size := range test.accounts { // accounts have two regions each
				row := StatisticsRow{Account: fmt.Sprint(n / 2), Region: fmt.Sprint(n % 2)}
				rows = append(rows, slices.Repeat([]StatisticsRow{row}, size)...)
			}

			var got []int
			for len(rows) > 0 {
				n := rowsOfBatch(rows)
				got, rows = append(got, n), rows[n:]
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("transactions of %v rows, want %v", got, test.want)
			}
		})
	}
}
