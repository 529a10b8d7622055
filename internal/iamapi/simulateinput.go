package iamapi

import (
	"slices"
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// The inputs of the policy simulator. They are checked as a whole before anything is evaluated.

// Constraints of the API model.
var (
	actionName      = awsapi.String{Min: 3, Max: 128}
	resourceName    = awsapi.String{Min: 1, Max: 2048}
	contextKeyName  = awsapi.String{Min: 5, Max: 256}
	contextKeyValue = awsapi.String{}
	handlingOption  = awsapi.String{Min: 1, Max: 64}
	contextKeyType  = awsapi.String{Enum: []string{
		"string", "stringList", "numeric", "numericList", "boolean", "booleanList",
		"ip", "ipList", "binary", "binaryList", "date", "dateList",
	}}
)

type contextEntry struct {
	ContextKeyName   *string
	ContextKeyValues []string
	ContextKeyType   *string
}

// organizationPolicies are service control policies. This server has no organisations, and refuses them.
type organizationPolicies struct{ ServiceControlPolicyInputList []string }

// simulationInput has the members that both simulations share.
type simulationInput struct {
	paging
	PolicyInputList                    []string
	PermissionsBoundaryPolicyInputList []string
	OrderedOrganizationPolicyInputList []organizationPolicies
	ActionNames                        []string
	ResourceArns                       []string
	ContextEntries                     []contextEntry
	ResourcePolicy                     *string
	ResourceOwner                      *string
	CallerArn                          *string
	ResourceHandlingOption             *string
}

// validate adds the violations of the API model to v.
func (in *simulationInput) validate(v *awsapi.Validator) []awsapi.Violation {
	v.List("permissionsBoundaryPolicyInputList", in.PermissionsBoundaryPolicyInputList,
		&awsapi.List{Element: &document}, false)
	v.List("actionNames", in.ActionNames, &awsapi.List{Element: &actionName}, true)
	v.List("resourceArns", in.ResourceArns, &awsapi.List{Element: &resourceName}, false)
	v.String("resourcePolicy", in.ResourcePolicy, &document, false)
	v.String("resourceOwner", in.ResourceOwner, &resourceName, false)
	v.String("callerArn", in.CallerArn, &resourceName, false)
	awsapi.Structures(v, "contextEntries", in.ContextEntries, &awsapi.List{}, false,
		func(e *contextEntry, v *awsapi.Validator) {
			v.String("contextKeyName", e.ContextKeyName, &contextKeyName, true)
			v.List("contextKeyValues", e.ContextKeyValues, &awsapi.List{Element: &contextKeyValue}, false)
			v.String("contextKeyType", e.ContextKeyType, &contextKeyType, false)
		})
	v.String("resourceHandlingOption", in.ResourceHandlingOption, &handlingOption, false)
	v.Integer("maxItems", in.MaxItems, &maxItems, false)
	v.String("marker", in.Marker, &markerText, false)

	return v.Violations()
}

type simulateCustomPolicyInput struct{ simulationInput }

func (in *simulateCustomPolicyInput) Validate() []awsapi.Violation {
	v := &awsapi.Validator{}
	v.List("policyInputList", in.PolicyInputList, &awsapi.List{Element: &document}, true)

	return in.validate(v)
}

// ofEntity names a role or a user by ARN.
type ofEntity struct{ PolicySourceArn *string }

// accessTo describes access to the entity. One of another account is looked for in the caller's account:
// only callers with permission learn that it is missing.
func (in *ofEntity) accessTo(s *Service, c awsapi.Caller) awsapi.Access {
	given := awsapi.Text(in.PolicySourceArn)
	if parts := strings.SplitN(given, ":", 6); len(parts) == 6 && parts[4] != c.Account {
		given = s.view.ARN(accountOf(c), parts[5])
	}
	return s.arnAccess(c, &given)
}

type simulatePrincipalPolicyInput struct {
	ofEntity
	simulationInput
}

func (in *simulatePrincipalPolicyInput) Validate() []awsapi.Violation {
	v := checked(required("policySourceArn", in.PolicySourceArn, &arn))
	v.List("policyInputList", in.PolicyInputList, &awsapi.List{Element: &document}, false)

	return in.validate(v)
}

// sources reads the policies of a list. Their names are those of IAM.
func sources(member string, texts []string) ([]iam.SourcePolicy, error) {
	var list []iam.SourcePolicy
	for i, text := range texts {
		id := numbered(member, i)
		d, err := policy.ParseIdentity(text)
		if err != nil {
			return nil, refuse(invalidInput, simulationPolicy.With("policy", id, "problem", err.Error()))
		}
		list = append(list, iam.SourcePolicy{ID: id, Document: d})
	}

	return list, nil
}

// simulationOf reads what an input has besides the principal and the policy of resources.
func simulationOf(c awsapi.Caller, in *simulationInput) (*iam.Simulation, error) {
	if in.OrderedOrganizationPolicyInputList != nil {
		return nil, refuse(invalidInput, simulationOrganization.With())
	}
	if len(in.PermissionsBoundaryPolicyInputList) > 1 {
		return nil, refuse(invalidInput, simulationBoundaries.With())
	}

	identity, err := sources("PolicyInputList", in.PolicyInputList)
	if err != nil {
		return nil, err
	}
	boundary, err := sources("PermissionsBoundaryPolicyInputList", in.PermissionsBoundaryPolicyInputList)
	if err != nil {
		return nil, err
	}

	if i := slices.IndexFunc(in.ActionNames, isNoAction); i >= 0 {
		return nil, refuse(invalidInput, simulationAction.With("name", in.ActionNames[i]))
	}

	result := &iam.Simulation{Identity: identity, Partition: identitypool.Partition(c.Region), Keys: policy.Keys{}}
	if len(boundary) > 0 {
		result.Boundary = &boundary[0]
	}
	if result.ResourceOwner, err = ownerOf(in.ResourceOwner); err != nil {
		return nil, err
	}

	for i := range in.ContextEntries {
		if err := addEntry(result.Keys, &in.ContextEntries[i]); err != nil {
			return nil, err
		}
	}

	return result, nil
}

// isNoAction reports whether a name is not SERVICE:OPERATION, or has wildcards.
func isNoAction(name string) bool {
	service, operation, _ := strings.Cut(name, ":")
	return service == "" || operation == "" || strings.ContainsAny(operation, ":") ||
		strings.ContainsAny(name, "*? \t\r\n")
}

// addEntry adds the values of a context entry.
func addEntry(keys policy.Keys, e *contextEntry) error {
	name, kind := *e.ContextKeyName, awsapi.Text(e.ContextKeyType)
	if kind == "" {
		kind = "stringList"
	}

	_, twice := keys[policy.FoldKey(name)]
	prefix, rest, _ := strings.Cut(name, ":")
	switch {
	case prefix == "" || rest == "":
		return refuse(invalidInput, simulationKey.With("key", name))
	case twice:
		return refuse(invalidInput, simulationKeyTwice.With("key", name))
	case !policy.CheckValues(kind, e.ContextKeyValues):
		return refuse(invalidInput, simulationValue.With("key", name, "type", kind))
	}
	keys.Set(name, e.ContextKeyValues...)

	return nil
}

// ownerOf reads a ResourceOwner: an account's number, or its ARN.
func ownerOf(given *string) (identitypool.AccountID, error) {
	if given == nil {
		return "", nil
	}

	account := *given
	if parts := strings.SplitN(account, ":", 6); len(parts) == 6 && parts[0] == "arn" && parts[2] == "iam" &&
		parts[3] == "" && parts[5] == "root" {
		account = parts[4]
	}
	if len(account) != 12 || strings.Trim(account, "0123456789") != "" {
		return "", refuse(invalidInput, simulationOwner.With("owner", *given))
	}

	return identitypool.AccountID(account), nil
}

// resources returns the resources of an input in the stored partition, by their names in the input.
func (s *Service) resources(in *simulationInput) ([]string, error) {
	if len(in.ResourceArns) == 0 {
		return []string{"*"}, nil
	}

	var list []string
	for _, name := range in.ResourceArns {
		parts := strings.SplitN(name, ":", 6)
		isARN := len(parts) == 6 && parts[0] == "arn" && parts[1] != "" && parts[2] != "" && parts[5] != ""
		if !isARN && (name != "*" || len(in.ResourceArns) > 1) {
			return nil, refuse(invalidInput, simulationResource.With("name", name))
		}
		if isARN && (parts[2] == "iam" || parts[2] == "sts") {
			name = s.view.Directory.ToStored(name)
		}
		list = append(list, name)
	}

	return list, nil
}

// handlingOptions has the kinds of resources that each value of ResourceHandlingOption needs (IAM API
// reference, SimulateCustomPolicy), as their ARNs begin.
var handlingOptions = map[string][]string{
	"EC2-VPC-InstanceStore": {"instance", "image", "security-group", "network-interface"},
	"EC2-VPC-InstanceStore-Subnet": {
		"instance", "image", "security-group", "network-interface", "subnet",
	},
	"EC2-VPC-EBS": {"instance", "image", "security-group", "network-interface", "volume"},
	"EC2-VPC-EBS-Subnet": {
		"instance", "image", "security-group", "network-interface", "subnet", "volume",
	},
}

// checkHandling refuses an unknown option, and one without a resource that it needs.
func checkHandling(option *string, resources []string) error {
	if option == nil {
		return nil
	}
	kinds, known := handlingOptions[*option]
	if !known {
		return refuse(invalidInput, simulationOption.With("option", *option))
	}

	for _, kind := range kinds {
		if !slices.ContainsFunc(resources, func(arn string) bool {
			parts := strings.SplitN(arn, ":", 6)
			return len(parts) == 6 && parts[2] == "ec2" && strings.HasPrefix(parts[5], kind+"/")
		}) {
			return refuse(invalidInput, simulationOptionResource.With("option", *option, "kind", kind))
		}
	}

	return nil
}

// addResourcePolicy adds the policy of all resources.
func addResourcePolicy(sim *iam.Simulation, text *string, resources []string) error {
	if text == nil {
		return nil
	}
	if !sim.Principal.IsUser() {
		return refuse(invalidInput, simulationCaller.With())
	}

	d, err := policy.ParseResource(*text)
	if err != nil {
		return refuse(invalidInput, simulationPolicy.With("policy", resourcePolicyID, "problem", err.Error()))
	}

	for _, resource := range resources {
		r := policy.Request{Resource: resource, Partition: sim.Partition}
		isRole := strings.Contains(resource, ":iam:") && strings.Contains(resource, ":role/")
		if resource == "*" || isRole || !d.Concerns(r) {
			return refuse(invalidInput, simulationResourcePolicy.With("resource", resource))
		}
	}
	sim.Resource = &iam.SourcePolicy{ID: resourcePolicyID, Document: d}

	return nil
}
