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

// nameAll chooses the names on the server of resources that the file gives none. By default it is the
// resource's name in the file. If that is too long, or names a resource on the server that somebody
// else has made, it is generatedName: apply must not change what is not the file's.
func (a *applier) nameAll(ctx context.Context, resources []Resource) ([]Resource, error) {
	resources = slices.Clone(resources)
	for i := range resources {
		r := &resources[i]
		rule, ruled := nameRules[r.Type]
		if name := r.Properties[rule.property]; !ruled || name != nil && name != "" {
			continue
		}
		chosen, err := a.chooseName(ctx, *r, generatedName(a.options.Name, r.Name, rule.longest), rule)
		if err != nil {
			return nil, fmt.Errorf("%s (line %d): %w", r.Name, r.Line, err)
		}
		r.chosenName = chosen
	}

	return resources, nil
}

// chooseName chooses between a resource's name in the file and a generated one.
func (a *applier) chooseName(ctx context.Context, r Resource, generated string, rule nameRule) (string, error) {
	// What an earlier apply has made keeps its name.
	owner, generatedTaken, err := a.ownerOfName(ctx, r, generated)
	if err != nil || owner == a.owner(r) {
		return generated, err
	}

	if len(r.Name) <= rule.longest {
		owner, taken, err := a.ownerOfName(ctx, r, r.Name)
		ours := owner == a.owner(r) || owner != "" && a.options.Seeds.maySucceed(owner)
		if err != nil || ours || !taken {
			return r.Name, err
		}
	}
	if generatedTaken {
		return "", fmt.Errorf("%s is there, and this file has not made it: give a %s", generated, rule.property)
	}

	return generated, nil
}

// ownerOfName reports whether the server, or another seed, has a resource with a name, and returns its
// owner; "" = no file made it.
func (a *applier) ownerOfName(ctx context.Context, r Resource, name string) (owner string, taken bool, err error) {
	candidate := types[r.Type].new()
	if err := fill(candidate, map[string]any{nameRules[r.Type].property: name, "Path": a.pathOf(r)}); err != nil {
		return "", false, err
	}
	if err := candidate.complete(r); err != nil {
		return "", false, err
	}

	if other := a.options.Seeds.claimant(r, candidate); other != "" {
		return other, true, nil
	}
	found, err := candidate.find(ctx, a, r)
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

// predictIDs notes the IDs that follow from a resource's properties before the resource is made, so that
// policies of earlier resources may name it.
func (a *applier) predictIDs(resources []Resource) {
	for _, r := range resources {
		if !hasPredictableID(r.Type) {
			continue
		}
		want, err := a.want(r)
		if err != nil {
			continue // plan returns the error
		}
		known := want.attributes(a.server, want.id(a.server, r))
		if !slices.ContainsFunc(slices.Collect(maps.Values(known)), func(text string) bool {
			return strings.Contains(text, knownAfterApply)
		}) {
			a.known[r.Name] = known
		}
	}
}
