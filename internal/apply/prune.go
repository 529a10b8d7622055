package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// developmentAccount is the usual account of development servers. Others are asked about user pools only if
// the file has some: production would count the call as a refused one.
const developmentAccount = "000000000000"

// keptUserPools returns notes about what --prune leaves alone: of user pools, everything.
func (a *applier) keptUserPools(ctx context.Context, resources []Resource) (notes []string, err error) {
	stays, has := map[string]bool{}, false
	for _, r := range resources {
		stays[r.Name], has = true, has || slices.Contains(userPoolTypes, r.Type)
	}
	if has {
		notes = append(notes, "--prune leaves user pools alone, and their clients, groups and users")
	} else if a.account != developmentAccount {
		return nil, nil
	}

	for id, err := range a.userPoolIDs(ctx) {
		if _, refused := errors.AsType[*apiError](err); refused { // there are none, or the keys may not ask
			return notes, nil
		}
		if err != nil {
			return nil, err
		}
		st, err := new(userPoolResource).described(ctx, a.server, id)
		if err != nil {
			return nil, err
		}
		if st == nil {
			continue
		}
		if name, ours := strings.CutPrefix(st.markers[marker], a.options.Name+"/"); ours && !stays[name] {
			notes = append(notes, fmt.Sprintf("the user pool %s was made for %s, which is no longer in the file, "+
				"and stays: delete it with aws cognito-idp delete-user-pool --user-pool-id %s", id, name, id))
		}
	}

	return notes, nil
}
