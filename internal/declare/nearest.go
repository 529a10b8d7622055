package declare

import "slices"

// nearest returns the candidate that takes the fewest edits to reach from name,
// or "" when none is close.
func nearest(name string, candidates []string) string {
	slices.Sort(candidates)
	best, distance := "", max(2, len(name)/3)+1
	for _, c := range candidates {
		row := make([]int, len(c)+1)
		for j := range row {
			row[j] = j
		}
		for i := range len(name) {
			diagonal := row[0]
			row[0] = i + 1
			for j := range len(c) {
				cost := diagonal
				if name[i] != c[j] {
					cost++
				}
				diagonal, row[j+1] = row[j+1], min(cost, row[j]+1, row[j+1]+1)
			}
		}
		if d := row[len(c)]; d < distance {
			best, distance = c, d
		}
	}
	return best
}
