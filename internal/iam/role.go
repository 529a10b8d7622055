package iam

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// RoleConfig describes one role.
type RoleConfig struct {
	// ARN is arn:aws:iam::ACCOUNT:role[/PATH]/NAME.
	ARN string `yaml:"arn"`
	// TrustPolicy is a JSON policy document: who may assume the role.
	TrustPolicy string `yaml:"trust_policy" form:"policy"`
	// Policies are inline policies: name to JSON policy document.
	Policies InlinePolicies `yaml:"policies"`
	// PermissionsBoundary is a JSON policy document; "" = none.
	PermissionsBoundary string `yaml:"permissions_boundary" form:"policy"`
	// MaxSessionSeconds is 3600 to 43200; 0 = 3600.
	MaxSessionSeconds int `yaml:"max_session_duration"`
}

// UnmarshalYAML takes policy documents as YAML or as JSON in a string.
func (c *RoleConfig) UnmarshalYAML(unmarshal func(any) error) error {
	return policy.UnmarshalYAML(unmarshal, c)
}

// InlinePolicies has policy documents by name. In a settings file it is a list.
type InlinePolicies map[string]string

// InlinePolicy is an entry of InlinePolicies in a settings file.
type InlinePolicy struct {
	Name     string      `yaml:"name" json:"name"`
	Document policy.Text `yaml:"document" json:"document"`
}

// FileForm returns the policies as a settings file has them, sorted by name.
func (p InlinePolicies) FileForm() any {
	var list []InlinePolicy
	for _, name := range slices.Sorted(maps.Keys(p)) {
		list = append(list, InlinePolicy{Name: name, Document: policy.Text(p[name])})
	}
	return list
}

// UnmarshalYAML reads the list of a settings file.
func (p *InlinePolicies) UnmarshalYAML(unmarshal func(any) error) error {
	var list []InlinePolicy
	err := unmarshal(&list)
	*p = make(InlinePolicies, len(list))
	for _, one := range list {
		(*p)[one.Name] = string(one.Document)
	}

	return err
}

// Role is an IAM role. Its documents, slices and maps are shared: do not change them.
type Role struct {
	ARN        RoleARN
	Name       string
	Path       string // "/" or "/…/"
	ID         string // AROA and 17 characters; the same for the same ARN
	Account    identitypool.AccountID
	Trust      *policy.Document // nil = nobody may assume the role, because of TrustFault
	TrustFault *PolicyFault     // the fault for which the stored trust policy does not count; nil = it counts
	// TrustWritten is the time when Trust was last written. Its author cannot have
	// meant younger pools of other accounts.
	TrustWritten identitypool.Sequence
	Policies     []*policy.Document // in the order of their names
	// PolicyNames are the names of inline policies and the ARNs of managed ones, in
	// the order of Policies.
	PolicyNames  []string
	Boundary     *policy.Document // nil = none
	BoundaryName string           // its ARN; "" = none, or one of the settings
	MaxSession   time.Duration    // 1 h to 12 h
	Tags         map[string]string
	Setting      string // its place in the settings file, such as roles[0]; "" = made through the IAM API
}

// RoleID returns the unique ID of the role with that ARN.
func RoleID(arn string) string { return uniqueID(roleIDPrefix, arn) }

// Bounds of a role's maximum session, seconds (IAM API reference,
// roleMaxSessionDurationType).
const (
	minMaxSession = 3600
	maxMaxSession = 43200
)

const maxPolicyName = 128 // IAM API reference, policyNameType

// MaxSession is the longest session any role can have.
const MaxSession = maxMaxSession * time.Second

// newRole checks c and adds its faults to f.
func newRole(c RoleConfig, f *faults) Role {
	r := Role{
		ID:         RoleID(c.ARN),
		MaxSession: minMaxSession * time.Second,
	}

	arn, err := ParseRoleARN(c.ARN)
	if err != nil {
		f.add(".arn", c.ARN, err.Error(), "")
	} else {
		f.entry = c.ARN
	}
	r.ARN, r.Name, r.Path, r.Account = arn, arn.Name, arn.Path, arn.Account

	r.Trust = trustPolicy(c.TrustPolicy, f)
	for _, name := range slices.Sorted(maps.Keys(c.Policies)) {
		if !isName(name, maxPolicyName) {
			f.add(".policies", name, "is not a policy name", "use 1 to 128 letters, digits and +=,.@_-")
		}
		r.PolicyNames = append(r.PolicyNames, name)
		r.Policies = append(r.Policies, identityPolicy(c.Policies[name], fmt.Sprintf(".policies[%q]", name), f))
	}
	if c.PermissionsBoundary != "" {
		r.Boundary = identityPolicy(c.PermissionsBoundary, ".permissions_boundary", f)
	}

	switch n := c.MaxSessionSeconds; {
	case n == 0:
	case n < minMaxSession || n > maxMaxSession:
		f.add(".max_session_duration", strconv.Itoa(n), "is out of range", "use 3600 to 43200 seconds")
	default:
		r.MaxSession = time.Duration(n) * time.Second
	}

	return r
}

func trustPolicy(text string, f *faults) *policy.Document {
	const member = ".trust_policy"
	if text == "" {
		f.add(member, "", "is missing", "give the JSON policy that lists who may assume the role")
		return nil
	}

	d, err := policy.Parse([]byte(text))
	if err == nil {
		err = d.CheckTrust()
	}
	if fault, ok := errors.AsType[*PolicyFault](err); ok {
		f.add(member, "", fault.Error(), fault.Fix)
		return nil
	}
	if err != nil {
		f.add(member, "", err.Error(), "")
		return nil
	}

	return d
}

func identityPolicy(text, member string, f *faults) *policy.Document {
	d, err := policy.ParseIdentity(text)
	if err != nil {
		f.add(member, "", err.Error(), "")
		return nil
	}

	return d
}
