package apply

import (
	"context"
	"strings"
)

// pruned lists what an earlier apply of this file made and the file no longer has.
func (a *applier) pruned(ctx context.Context, resources []Resource) (plan []*change, err error) {
	stays := map[string]bool{}
	for _, r := range resources {
		stays[r.Name] = true
	}
	add := func(plan []*change, mark string, st *state) ([]*change, bool) {
		name, ours := strings.CutPrefix(mark, a.options.Name+"/")
		if !ours || stays[name] {
			return plan, false
		}
		r := Resource{Name: name, Type: st.properties.typeName()}
		return append(plan, &change{resource: r, have: st, prune: true}), true
	}

	for _, k := range kinds {
		all, err := a.all(ctx, k)
		if err != nil {
			return nil, err
		}

		var whole []*change
		for _, st := range all {
			var gone bool
			if whole, gone = add(whole, st.markers[marker], st); gone {
				continue
			}

			for _, p := range st.properties.parts(st.id) {
				plan, _ = add(plan, st.markers[p.markerKey()], &state{id: st.id, properties: p})
			}
		}
		plan = append(plan, whole...)
	}

	return plan, nil
}
