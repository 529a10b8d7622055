package apply

import (
	"fmt"
	"strings"
)

// Seeds are the files of a development server that are applied together. What an earlier apply has
// made is theirs if one of them has it: a file may have been renamed or copied meanwhile. Two of
// them cannot have the same. A nil *Seeds is an ordinary apply.
type Seeds struct {
	marks  map[string]bool   // FILE/RESOURCE of all files
	owners map[string]string // type and key of a resource to its mark
}

// NewSeeds returns Seeds for one round of applies. Add adds each of its files before.
func NewSeeds() *Seeds { return &Seeds{marks: map[string]bool{}, owners: map[string]string{}} }

// Add adds a file by the name that Options.Name has.
func (s *Seeds) Add(name string, f *File) {
	for _, r := range f.Resources {
		s.marks[name+"/"+r.Name] = true
	}
}

// mayTake reports whether a resource with a mark is no resource of the files.
func (s *Seeds) mayTake(mark string) bool { return s != nil && !s.marks[mark] }

// owner returns the mark of the file that has taken the resource; "" = none has.
func (s *Seeds) owner(r Resource, want properties) string {
	if s == nil {
		return ""
	}
	return s.owners[r.Type+want.key(r)]
}

// take notes that a file has a resource, and refuses one that another file has.
func (s *Seeds) take(a *applier, ch *change) error {
	key := ch.want.key(ch.resource)
	chosenByServer := ch.resource.Type == poolType && ch.resource.PinnedID == ""
	if s == nil || chosenByServer || strings.Contains(key, knownAfterApply) {
		return nil
	}

	mark := a.ownerTag(ch.resource)
	if other := s.owner(ch.resource, ch.want); other != "" && other != mark {
		return fmt.Errorf("another seed has the same as %s: leave it out of one of them", other)
	}
	s.owners[ch.resource.Type+key] = mark

	return nil
}

// takesOver reports whether a file may have what another has made.
func (a *applier) takesOver() bool { return a.options.Keep || a.options.Seeds != nil }
