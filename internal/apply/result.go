package apply

import (
	"strings"
)

// Result tells what is on the server after an apply, or would be.
type Result struct {
	// Name is the file's.
	Name      string                  `json:"name"`
	DryRun    bool                    `json:"dryRun"`
	Pools     []PoolResult            `json:"pools"`
	Resources []ResourceResult        `json:"resources"`
	Outputs   map[string]OutputResult `json:"outputs"`
	Skipped   []Skipped               `json:"skipped"`
	Notes     []string                `json:"notes"`
}

// PoolResult is an identity pool of the file.
type PoolResult struct {
	Name             string `json:"name"` // in the file
	ID               string `json:"id"`   // "" = known after apply
	IdentityPoolName string `json:"identityPoolName"`
}

// ResourceResult is a resource and what was done with it, or would be.
type ResourceResult struct {
	Name       string `json:"name"`
	Type       string `json:"type"`
	PhysicalID string `json:"physicalId"` // what Ref gives at AWS; "" = known after apply
	Action     Action `json:"action"`
}

// Action tells what was done with a resource, or would be.
type Action string

// The actions.
const (
	ActionCreate Action = "create"
	ActionUpdate Action = "update"
	ActionDelete Action = "delete"
	ActionNone   Action = "none"
)

// signs stand for actions in the plan that is printed.
var signs = map[Action]string{ActionCreate: "+", ActionUpdate: "~", ActionDelete: "-", ActionNone: "="}

// OutputResult is an output of the file.
type OutputResult struct {
	Value       string `json:"value"`
	Description string `json:"description,omitempty"`
	Export      string `json:"export,omitempty"`
	// Unknown tells why there is no value.
	Unknown string `json:"unknown,omitempty"`
}

// afterApply is why an output has no value in a dry run.
const afterApply = "it is known after apply"

// NewResult returns the outcome of a file of which nothing was applied yet.
func NewResult(name string, file *File) *Result {
	return &Result{
		Name:      name,
		Pools:     []PoolResult{},
		Resources: []ResourceResult{},
		Outputs:   map[string]OutputResult{},
		Skipped:   append([]Skipped{}, file.Skipped...),
		Notes:     append([]string{}, file.Notes...),
	}
}

func (a *applier) result(file *File, plan []*change) (*Result, error) {
	out := NewResult(a.options.Name, file)
	out.DryRun = a.options.DryRun
	for _, ch := range plan {
		id := a.physicalID(ch)
		out.Resources = append(out.Resources, ResourceResult{
			Name:       ch.resource.Name,
			Type:       ch.resource.Type,
			PhysicalID: id,
			Action:     ch.action(),
		})
		if p, ok := ch.want.(*pool); ok {
			out.Pools = append(out.Pools, PoolResult{
				Name:             ch.resource.Name,
				ID:               id,
				IdentityPoolName: p.IdentityPoolName,
			})
		}
	}

	for _, o := range file.Outputs {
		value, err := a.resolve(o.Value)
		if err != nil {
			return nil, err
		}
		export, err := a.resolve(o.Export)
		if err != nil {
			return nil, err
		}

		one := OutputResult{Description: o.Description, Unknown: o.Unknown}
		one.Value, _ = value.(string)
		one.Export, _ = export.(string)
		if strings.Contains(one.Value, knownAfterApply) {
			one.Value, one.Unknown = "", afterApply
		}
		if strings.Contains(one.Export, knownAfterApply) {
			one.Export = ""
		}
		out.Outputs[o.Name] = one
	}

	return out, nil
}

// physicalID returns what Ref gives for a resource at AWS, and a pool's ID for its parts.
func (a *applier) physicalID(ch *change) string {
	if ch.prune {
		return ch.have.id
	}

	id := a.known[ch.resource.Name]["Ref"]
	switch want := ch.want.(type) {
	case *poolRoles:
		id = want.IdentityPoolId
	case *principalTags:
		id = want.IdentityPoolId
	}
	if strings.Contains(id, knownAfterApply) {
		return ""
	}

	return id
}
