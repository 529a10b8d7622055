package apply

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// nameRule tells how a type is named on the server, where its names are unique in an account.
type nameRule struct {
	property string
	longest  int // characters (IAM User Guide, "IAM and AWS STS quotas")
}

var nameRules = map[string]nameRule{
	roleType:          {property: "RoleName", longest: 64},
	managedPolicyType: {property: "ManagedPolicyName", longest: 128},
	samlProviderType:  {property: "Name", longest: 128},
}

// nameAll chooses the names of resources that the file gives none. Such a resource is called like
// in the file, unless that name is too long, or there is such a resource that this file has not
// made: then the name is generatedName. A resource of somebody else is never taken over by chance.
func (a *applier) nameAll(ctx context.Context, resources []Resource) ([]Resource, error) {
	resources = slices.Clone(resources)
	for i := range resources {
		r := &resources[i]
		rule, ruled := nameRules[r.Type]
		if name := r.Properties[rule.property]; !ruled || name != nil && name != "" {
			continue
		}
		chosen, err := a.nameOf(ctx, *r, generatedName(a.options.Name, r.Name, rule.longest), rule.longest)
		if err != nil {
			return nil, fmt.Errorf("%s (line %d): %w", r.Name, r.Line, err)
		}
		r.chosenName = chosen
	}

	return resources, nil
}

// nameOf chooses between a resource's name in the file and a generated one.
func (a *applier) nameOf(ctx context.Context, r Resource, generated string, longest int) (string, error) {
	// What an earlier apply has made keeps its name.
	owner, taken, err := a.ownerOf(ctx, r, generated)
	if err != nil || owner == a.ownerTag(r) {
		return generated, err
	}

	if len(r.Name) <= longest {
		plainOwner, plainTaken, err := a.ownerOf(ctx, r, r.Name)
		ours := plainOwner == a.ownerTag(r) || plainOwner != "" && a.options.Seeds.mayTake(plainOwner)
		if err != nil || ours || !plainTaken {
			return r.Name, err
		}
	}
	if taken {
		return "", fmt.Errorf("%s is there, and this file has not made it: give a %s",
			generated, nameRules[r.Type].property)
	}

	return generated, nil
}

// ownerOf reports whether the server, or another seed, has a resource with a name, and returns the
// tag of the file that made it; "" = no file did.
func (a *applier) ownerOf(ctx context.Context, r Resource, name string) (owner string, taken bool, err error) {
	named := types[r.Type].new()
	if err := fill(named, map[string]any{nameRules[r.Type].property: name, "Path": a.pathOf(r)}); err != nil {
		return "", false, err
	}
	if err := named.complete(r); err != nil {
		return "", false, err
	}
	if other := a.options.Seeds.owner(r, named); other != "" {
		return other, true, nil
	}
	found, err := named.find(ctx, a, r)
	if err != nil || found == nil {
		return "", false, err
	}

	return found.markers[marker], true, nil
}

// pathOf returns the path of a resource, which is a part of some ARNs.
func (*applier) pathOf(r Resource) string {
	path, _ := r.Properties["Path"].(string)
	return path
}

const hashDigits = 8 // hexadecimal digits of the hash in a generated name

var notInServerName = regexp.MustCompile(`[^A-Za-z0-9_.-]+`)

// generatedName is FILE-RESOURCE-HASH. It is the same in all runs.
func generatedName(file, resource string, longest int) string {
	sum := sha256.Sum256([]byte(file + "/" + resource))
	name := notInServerName.ReplaceAllString(file+"-"+resource, "-")

	return name[:min(len(name), longest-hashDigits-1)] + "-" + hex.EncodeToString(sum[:])[:hashDigits]
}

// foresee notes the IDs of resources that follow from their properties, so that policies may name
// what is made after them.
func (a *applier) foresee(resources []Resource) {
	for _, r := range resources {
		if !hasForeseenName(r.Type) {
			continue
		}
		want, err := a.want(r)
		if err != nil {
			continue // plan tells it
		}
		known := want.attributes(a.server, want.id(a.server, r))
		if !slices.ContainsFunc(slices.Collect(maps.Values(known)), func(text string) bool {
			return strings.Contains(text, knownAfterApply)
		}) {
			a.known[r.Name] = known
		}
	}
}

// withoutSecretsIn hides the values of parameters with NoEcho in an error.
func (a *applier) withoutSecretsIn(err error) error {
	if text := a.hidden(err.Error()); text != err.Error() {
		return fmt.Errorf("%s", text)
	}
	return err
}
