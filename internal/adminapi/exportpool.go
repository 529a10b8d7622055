package adminapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/poolhouse-id/poolhouse/internal/apply"
	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/cognitoidentity"
)

// exportPoolInput names a pool or has a draft of one.
type exportPoolInput struct {
	IdentityPoolId *string
	Draft          *poolDraft
	Format         *string // yaml unless it is given
}

// poolDraft is the input of CreateIdentityPool with those of SetIdentityPoolRoles and
// SetPrincipalTagAttributeMap that would follow.
type poolDraft struct {
	cognitoidentity.CreateIdentityPoolInput
	Roles         map[string]string
	RoleMappings  map[string]cognitoidentity.RoleMapping
	PrincipalTags []cognitoidentity.TagMapDraft
}

// maxDraftTagMaps bounds the maps of principal tags in a draft.
const maxDraftTagMaps = 50

var formatShape = awsapi.String{Enum: formats()}

func formats() (names []string) {
	for _, f := range apply.Formats {
		names = append(names, string(f))
	}
	return names
}

// setRoles returns the input of SetIdentityPoolRoles.
func (d *poolDraft) setRoles(pool string) *cognitoidentity.SetIdentityPoolRolesInput {
	in := &cognitoidentity.SetIdentityPoolRolesInput{
		IdentityPoolId: &pool,
		Roles:          d.Roles,
		RoleMappings:   d.RoleMappings,
	}
	if in.Roles == nil {
		in.Roles = map[string]string{}
	}

	return in
}

// setTags returns an input of SetPrincipalTagAttributeMap.
func (d *poolDraft) setTags(pool string, i int) *cognitoidentity.SetPrincipalTagAttributeMapInput {
	return &cognitoidentity.SetPrincipalTagAttributeMapInput{
		IdentityPoolId:       &pool,
		IdentityProviderName: d.PrincipalTags[i].IdentityProviderName,
		UseDefaults:          d.PrincipalTags[i].UseDefaults,
		PrincipalTags:        d.PrincipalTags[i].PrincipalTags,
	}
}

// Validate returns what the models of the operations that would make a draft forbid about it.
func (in *exportPoolInput) Validate() []awsapi.Violation {
	var v awsapi.Validator
	v.String("identityPoolId", in.IdentityPoolId, &poolIDShape, false)
	v.String("format", in.Format, &formatShape, false)
	if in.Draft == nil {
		return v.Violations()
	}
	awsapi.Structures(&v, "draft.principalTags", in.Draft.PrincipalTags, &awsapi.List{Max: maxDraftTagMaps}, false,
		func(*cognitoidentity.TagMapDraft, *awsapi.Validator) {})
	found := v.Violations()

	const pool = "us-east-1:00000000-0000-0000-0000-000000000000" // any
	found = append(found, in.Draft.CreateIdentityPoolInput.Validate()...)
	found = append(found, in.Draft.setRoles(pool).Validate()...)
	for i := range in.Draft.PrincipalTags[:min(len(in.Draft.PrincipalTags), maxDraftTagMaps)] {
		found = append(found, in.Draft.setTags(pool, i).Validate()...)
	}

	return found
}

type exportPoolOutput struct {
	Text  string
	Notes []string // what the text lacks, which it also has as comments
}

// exportPool writes a pool as text, for files and commands that make one like it.
func (s *Service) exportPool(ctx context.Context, c awsapi.Caller, in *exportPoolInput) (*exportPoolOutput, error) {
	if (in.IdentityPoolId == nil) == (in.Draft == nil) {
		return nil, missing("either IdentityPoolId or Draft")
	}
	format := apply.YAML
	if in.Format != nil {
		format = apply.Format(*in.Format)
	}

	origin := apply.PoolOrigin{Account: c.Account, Region: c.Region}
	if in.Draft != nil {
		return exportDraft(ctx, origin, in.Draft, format)
	}

	reader := &poolReader{Service: s, caller: c}
	origin.Caller, origin.ID = reader, *in.IdentityPoolId
	exported, err := apply.ExportPool(ctx, origin, format)
	if err == nil && exported == nil {
		err = reader.missing
	}
	if err != nil {
		return nil, err
	}

	return shownExport(exported), nil
}

func shownExport(exported *apply.ExportedPool) *exportPoolOutput {
	return &exportPoolOutput{Text: exported.Text, Notes: append([]string{}, exported.Notes...)}
}

// poolReader reads a pool as the caller, with the caller's permissions.
type poolReader struct {
	*Service
	caller  awsapi.Caller
	missing error // that the pool does not exist
}

// CallPools implements apply.PoolsCaller.
func (r *poolReader) CallPools(ctx context.Context, operation string, in, out any) error {
	operations := r.options.Pools.Operations()
	i := slices.IndexFunc(operations, func(o awsapi.Operation) bool { return o.Name() == operation })
	if i < 0 {
		return fmt.Errorf("there is no operation %s", operation)
	}

	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	got, err := operations[i].Call(ctx, r.caller, r.options.Authorize, body)
	if err != nil {
		if apply.Missing(err) {
			r.missing = err
		}
		return err
	}

	return copyJSON(got, out)
}

// copyJSON brings an output into the form that callers over the network get.
func copyJSON(got, out any) error {
	text, err := json.Marshal(got)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, out)
}

// draftReader answers as if the draft were a pool.
type draftReader struct {
	*poolDraft
	asked map[string]bool // for the tags of these providers
}

// CallPools implements apply.PoolsCaller.
func (r *draftReader) CallPools(_ context.Context, operation string, in, out any) error {
	switch operation {
	case "DescribeIdentityPool":
		return copyJSON(r.CreateIdentityPoolInput, out)
	case "GetIdentityPoolRoles":
		return copyJSON(cognitoidentity.SetIdentityPoolRolesInput{
			Roles:        r.Roles,
			RoleMappings: r.RoleMappings,
		}, out)
	case "GetPrincipalTagAttributeMap":
		var asked struct{ IdentityProviderName string }
		if err := copyJSON(in, &asked); err != nil {
			return err
		}

		r.asked[asked.IdentityProviderName] = true
		for _, draft := range r.PrincipalTags {
			if awsapi.Text(draft.IdentityProviderName) == asked.IdentityProviderName {
				return copyJSON(draft, out)
			}
		}

		return noDraftTags{}
	default:
		return errors.New("a draft does not answer " + operation)
	}
}

// noDraftTags answers, as a pool does, for a provider without a map of principal tags. No caller sees it.
type noDraftTags struct{}

func (noDraftTags) Error() string       { return "the draft has no principal tags for this provider" }
func (noDraftTags) RefusalCode() string { return "ResourceNotFoundException" }

func exportDraft(
	ctx context.Context, origin apply.PoolOrigin, draft *poolDraft, format apply.Format,
) (*exportPoolOutput, error) {
	reader := &draftReader{poolDraft: draft, asked: map[string]bool{}}
	origin.Caller = reader
	exported, err := apply.ExportPool(ctx, origin, format)
	if err != nil {
		return nil, err
	}

	for _, tags := range draft.PrincipalTags {
		if name := awsapi.Text(tags.IdentityProviderName); !reader.asked[name] {
			return nil, outOfRange("PrincipalTags", "for providers of the pool")
		}
	}

	return shownExport(exported), nil
}

// exportPoolNeeds lets policies use the tags of the pool, or those of the draft.
func (s *Service) exportPoolNeeds(_ context.Context, c awsapi.Caller, in *exportPoolInput) ([]awsapi.Access, error) {
	if in.Draft != nil && in.IdentityPoolId == nil {
		return []awsapi.Access{{RequestTags: awsapi.TagsOf(in.Draft.IdentityPoolTags)}}, nil
	}
	return s.about(c, in.IdentityPoolId, nil, nil), nil
}
