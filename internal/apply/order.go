package apply

import (
	"fmt"
	"slices"
	"strings"
)

// maxLoose is for how many loose references an order is looked for.
const maxLoose = 2000

// edges lists the resources that each resource needs, by index. Loose ones are the references in permission
// policies to what has a name that is known before it is made: they may come first.
type edges struct{ firm, loose [][]int }

func edgesOf(resources []Resource) edges {
	index := map[string]int{}
	for i, r := range resources {
		index[r.Name] = i
	}

	e := edges{firm: make([][]int, len(resources)), loose: make([][]int, len(resources))}
	for i, r := range resources {
		firm, loose := slices.Clone(r.DependsOn), []string(nil)
		for name, v := range sorted(r.Properties) {
			eachPart(v, func(_ *Reference, to, _ string) {
				if j, ok := index[to]; ok && holdsPermissions(r.Type, name) && hasPredictableID(resources[j].Type) {
					loose = append(loose, to)
				} else {
					firm = append(firm, to)
				}
			})
		}
		e.firm[i], e.loose[i] = indices(firm, index), indices(loose, index)
	}

	return e
}

func indices(names []string, index map[string]int) (all []int) {
	slices.Sort(names)

	for _, name := range slices.Compact(names) {
		if i, ok := index[name]; ok {
			all = append(all, i)
		}
	}

	return all
}

// holdsPermissions reports whether a property holds permission policies, which the server takes
// whether what they name is there or not.
func holdsPermissions(typeName, property string) bool {
	return typeName == roleType && property == "Policies" ||
		typeName == managedPolicyType && property == "PolicyDocument"
}

// hasPredictableID reports whether the ID of a resource follows from its properties.
func hasPredictableID(typeName string) bool {
	switch typeName {
	case roleType, managedPolicyType, providerType, samlProviderType:
		return true
	}
	return false
}

// inOrder sorts resources so that each follows what it refers to; otherwise
// they stay in the order of the file.
func inOrder(resources []Resource) ([]Resource, error) {
	e := edgesOf(resources)
	all := make([][]int, len(resources))
	for i := range resources {
		all[i] = slices.Concat(e.firm[i], e.loose[i])
		slices.SortStableFunc(all[i], func(x, y int) int {
			return strings.Compare(resources[x].Name, resources[y].Name)
		})
	}

	order, circle := walk(all)
	if circle >= 0 {
		order, circle = walk(e.withoutCircles())
	}
	if circle >= 0 {
		r := resources[circle]
		return nil, fmt.Errorf("line %d: %s refers to itself, by way of others", r.Line, r.Name)
	}

	list := make([]Resource, 0, len(order))
	for _, i := range order {
		list = append(list, resources[i])
	}

	return list, nil
}

// walk returns an order in which each index follows what it needs, or an index that needs itself.
func walk(needs [][]int) (order []int, circle int) {
	const open, done = 1, 2
	state := make([]int, len(needs))
	circle = -1
	var visit func(i int) bool
	visit = func(i int) bool {
		switch state[i] {
		case done:
			return true
		case open:
			circle = i
			return false
		}

		state[i] = open
		for _, j := range needs[i] {
			if !visit(j) {
				return false
			}
		}
		state[i] = done
		order = append(order, i)

		return true
	}

	for i := range needs {
		if !visit(i) {
			return nil, circle
		}
	}

	return order, -1
}

// withoutCircles returns the firm edges, and the loose ones that close no circle.
func (e edges) withoutCircles() [][]int {
	needs := slices.Clone(e.firm)
	tried := 0
	for i := range e.loose {
		for _, j := range e.loose[i] {
			if tried++; tried <= maxLoose && !reaches(needs, j, i, map[int]bool{}) {
				needs[i] = append(slices.Clone(needs[i]), j)
			}
		}
	}

	return needs
}

func reaches(needs [][]int, from, to int, seen map[int]bool) bool {
	if from == to {
		return true
	}

	seen[from] = true
	for _, next := range needs[from] {
		if !seen[next] && reaches(needs, next, to, seen) {
			return true
		}
	}

	return false
}
