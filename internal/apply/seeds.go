package apply

import (
	"fmt"
	"strings"
)

// Seeds are files that are applied together to a development server. Files are renamed and copied, so
// each may take over what an earlier apply made for a file that is not among them. No two of them may
// ask for the same resource of the server. With a nil *Seeds, a resource belongs to the file that made it.
type Seeds struct {
	owners  map[string]bool      // that the files have: see applier.owner
	claimed map[serverKey]string // resource on the server to the owner that has it in this round
}

// serverKey identifies a resource on the server.
type serverKey struct{ typeName, key string }

func serverKeyOf(r Resource, want properties) serverKey {
	return serverKey{typeName: r.Type, key: want.key(r)}
}

// NewSeeds returns Seeds for one round of applies. Before the first, add each file.
func NewSeeds() *Seeds {
	return &Seeds{owners: map[string]bool{}, claimed: map[serverKey]string{}}
}

// Add adds a file by the name that Options.Name has.
func (s *Seeds) Add(name string, f *File) {
	for _, r := range f.Resources {
		s.owners[ownerOf(name, r)] = true
	}
}

// maySucceed reports whether any of the files may take over what an owner has, because none of them is it.
func (s *Seeds) maySucceed(owner string) bool { return s != nil && !s.owners[owner] }

// claimant returns the owner that has claimed a resource in this round; "" = none has.
func (s *Seeds) claimant(r Resource, want properties) string {
	if s == nil {
		return ""
	}
	return s.claimed[serverKeyOf(r, want)]
}

// claim notes that an owner has the resource of a change, and refuses one that another has claimed.
func (s *Seeds) claim(owner string, ch *change) error {
	key := serverKeyOf(ch.resource, ch.want)
	chosenByServer := (ch.resource.Type == poolType || ch.resource.Type == userPoolType) && ch.resource.PinnedID == ""
	if s == nil || chosenByServer || strings.Contains(key.key, knownAfterApply) {
		return nil
	}

	if other := s.claimed[key]; other != "" && other != owner {
		return fmt.Errorf("another seed has the same as %s: leave it out of one of them", other)
	}
	s.claimed[key] = owner

	return nil
}

// takesOver reports whether a file may have what another has made.
func (a *applier) takesOver() bool { return a.options.Keep || a.options.Seeds != nil }
