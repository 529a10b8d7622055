package iam

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	strictjson "github.com/go-json-experiment/json"

	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// awsOwner is the account in the ARNs of AWS's managed policies.
const awsOwner identitypool.AccountID = "aws"

// Bounds of a file of AWS's managed policies. AWS has some 1,600 in 10 MB.
const (
	MaxAWSPoliciesBytes = 32 << 20
	maxAWSPolicies      = 5000
)

// AWSPolicies are the managed policies of AWS whose content this server knows, by path
// and name, such as /AdministratorAccess. Others cannot be attached: a guess at their
// content would allow or deny the wrong things. Nobody changes a set after it was read.
type AWSPolicies map[string]awsPolicy

// awsPolicy is a managed policy of AWS, as the API shows it and as decisions use it.
type awsPolicy struct {
	shown    store.ManagedPolicy
	document *policy.Document // the default version
}

// builtinAWSPolicies are known without a file.
var builtinAWSPolicies = AWSPolicies{
	"/" + awsAdministrator: builtinAWSPolicy(awsAdministrator, allowEverything),
	"/" + awsGuestSession:  builtinAWSPolicy(awsGuestSession, guestManaged),
}

const (
	awsAdministrator = "AdministratorAccess"
	awsGuestSession  = "AmazonCognitoUnAuthedIdentitiesSessionPolicy"
)

func builtinAWSPolicy(name, text string) awsPolicy {
	return awsPolicy{
		shown: store.ManagedPolicy{
			Account:  awsOwner,
			Name:     name,
			Path:     "/",
			Versions: []store.PolicyVersion{{Number: 1, Document: text}},
			Default:  1,
			Next:     2,
		},
		document: mustParse(text),
	}
}

// awsPolicyFile has the output of `aws iam get-account-authorization-details --filter
// AWSManagedPolicy`. Members that are not here do not matter.
type awsPolicyFile struct {
	IsTruncated bool              `json:"IsTruncated"`
	Policies    []awsPolicyInFile `json:"Policies"`
}

type awsPolicyInFile struct {
	PolicyID          string             `json:"PolicyId"`
	ARN               string             `json:"Arn"`
	DefaultVersionID  string             `json:"DefaultVersionId"`
	Description       string             `json:"Description"`
	CreateDate        string             `json:"CreateDate"`
	UpdateDate        string             `json:"UpdateDate"`
	PolicyVersionList []awsVersionInFile `json:"PolicyVersionList"`
}

type awsVersionInFile struct {
	Document   json.RawMessage `json:"Document"`
	VersionID  string          `json:"VersionId"`
	CreateDate string          `json:"CreateDate"`
}

// awsPoliciesSetting is the setting that names the file.
const awsPoliciesSetting = "managed_policies_file"

// awsPoliciesCommand writes the file.
const awsPoliciesCommand = "aws iam get-account-authorization-details --filter AWSManagedPolicy"

// ReadAWSPolicies returns the policies that are built in, and those of a file that
// awsPoliciesCommand wrote, which replace those of the same name. An empty text is no
// file. The error joins one *SettingError for each fault.
func ReadAWSPolicies(text string) (AWSPolicies, error) {
	known := maps.Clone(builtinAWSPolicies)
	if text == "" {
		return known, nil
	}

	all := faults{setting: awsPoliciesSetting}
	if len(text) > MaxAWSPoliciesBytes {
		all.add("", "", fmt.Sprintf("the file has %d bytes; the limit is %d", len(text), MaxAWSPoliciesBytes),
			"keep only the policies that your roles use")
		return nil, all.err()
	}

	// The strict reader refuses a member that is there twice: of two documents, one would be a guess.
	var file awsPolicyFile
	if err := strictjson.Unmarshal([]byte(strings.TrimPrefix(text, "\ufeff")), &file); err != nil {
		all.add("", "", "the file cannot be read as JSON: "+err.Error(), "write it with `"+awsPoliciesCommand+"`")
		return nil, all.err()
	}

	switch {
	case file.IsTruncated:
		all.add("", "", "the file is only the first page of AWS's answer", "write it without --no-paginate")
	case len(file.Policies) == 0:
		all.add("", "", "the file has no Policies", "write it with `"+awsPoliciesCommand+"`")
	case len(file.Policies) > maxAWSPolicies:
		all.add("", "", fmt.Sprintf("the file has %d policies; the limit is %d", len(file.Policies), maxAWSPolicies),
			"keep only the policies that your roles use")
	default:
		known.add(file.Policies, &all)
	}

	return known, all.err()
}

// add adds the policies of a file.
func (p AWSPolicies) add(list []awsPolicyInFile, all *faults) {
	first := map[string]string{} // lower-case name to the entry that has it
	for i, from := range list {
		f := faults{setting: entry(awsPoliciesSetting+": Policies", i)}
		one := newAWSPolicy(from, &f)
		key := strings.ToLower(one.shown.Name)
		if before, taken := first[key]; taken && key != "" {
			f.add("", "", "has the name of "+before, "remove one of the two")
		}
		first[key] = f.setting
		p[one.shown.Path+one.shown.Name] = one
		all.list = append(all.list, f.list...)
	}
}

var (
	awsPolicyARN = regexp.MustCompile(
		`^arn:aws[a-z-]*:iam::aws:policy(/(?:[\x21-\x2e\x30-\x7e]+/)*)([\w+=,.@-]{1,128})$`)
	awsPolicyID      = regexp.MustCompile(`^ANPA[A-Z0-9]{12,124}$`)
	awsPolicyVersion = regexp.MustCompile(`^v([1-9][0-9]{0,8})$`)
)

// newAWSPolicy checks an entry of a file and adds its faults to f.
func newAWSPolicy(from awsPolicyInFile, f *faults) awsPolicy {
	p := awsPolicy{shown: store.ManagedPolicy{Account: awsOwner, Description: from.Description}}

	match := awsPolicyARN.FindStringSubmatch(from.ARN)
	if match == nil || len(from.ARN) > maxAWSPolicyARN {
		f.add(".Arn", from.ARN, "is not a managed policy of AWS", "write the file with `"+awsPoliciesCommand+"`")
	} else {
		f.entry = from.ARN
		p.shown.Path, p.shown.Name = match[1], match[2]
	}
	if from.PolicyID != "" && !awsPolicyID.MatchString(from.PolicyID) {
		f.add(".PolicyId", from.PolicyID, "is not the ID of a managed policy", "")
	}

	p.shown.ID = from.PolicyID
	p.shown.Created = time.UnixMilli(awsTime(".CreateDate", from.CreateDate, f)).UTC()
	p.shown.Updated = awsTime(".UpdateDate", from.UpdateDate, f)
	p.shown.Default = awsVersion(".DefaultVersionId", from.DefaultVersionID, f)

	for i, v := range from.PolicyVersionList {
		p.addVersion(v, entry(".PolicyVersionList", i), f)
	}

	if p.document == nil && len(f.list) == 0 {
		f.add(".PolicyVersionList", "", "does not have the default version "+from.DefaultVersionID,
			"write the file with `"+awsPoliciesCommand+"`")
	}
	slices.SortFunc(p.shown.Versions, func(a, b store.PolicyVersion) int { return a.Number - b.Number })
	if n := len(p.shown.Versions); n > 0 {
		p.shown.Next = p.shown.Versions[n-1].Number + 1
	}

	return p
}

// maxAWSPolicyARN leaves room for the ARN in listings, whose keys are bounded.
const maxAWSPolicyARN = 1024

// addVersion adds a version of p. Only the default one is evaluated, so only that must be
// a policy that this server understands.
func (p *awsPolicy) addVersion(from awsVersionInFile, member string, f *faults) {
	number := awsVersion(member+".VersionId", from.VersionID, f)
	if _, taken := p.shown.Version(number); taken {
		f.add(member+".VersionId", from.VersionID, "is there twice", "remove one of the two")
	}
	var compact bytes.Buffer // the AWS CLI indents documents
	_ = json.Compact(&compact, from.Document)
	document := compact.String()
	p.shown.Versions = append(p.shown.Versions, store.PolicyVersion{
		Number:   number,
		Document: document,
		Created:  awsTime(member+".CreateDate", from.CreateDate, f),
	})
	if number != p.shown.Default {
		return
	}

	var err error
	if p.document, err = policy.ParseIdentity(document); err != nil {
		fix := "remove the policy from the file: this server cannot evaluate it"
		f.add(member+".Document", "", err.Error(), fix)
	}
}

// awsVersion returns the number of a version such as v3.
func awsVersion(member, text string, f *faults) int {
	match := awsPolicyVersion.FindStringSubmatch(text)
	if match == nil {
		f.add(member, text, "is not a version", "write it as AWS does, such as v1")
		return 0
	}
	n, _ := strconv.Atoi(match[1])

	return n
}

// awsTime reads a time of the AWS CLI, in milliseconds; 0 = there is none.
func awsTime(member, text string, f *faults) int64 {
	if text == "" {
		return 0
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		f.add(member, text, "is not a time", "write it as AWS does, such as 2026-01-31T12:00:00+00:00")
		return 0
	}

	return t.UnixMilli()
}

// replaced returns the names of built-in policies that have another document in a file.
func (p AWSPolicies) replaced() (names []string) {
	for _, name := range []string{awsAdministrator, awsGuestSession} {
		builtin, given := builtinAWSPolicies["/"+name].shown, p["/"+name].shown
		before, _ := builtin.Version(builtin.Default)
		if now, ok := given.Version(given.Default); ok && now.Document != before.Document {
			names = append(names, name)
		}
	}
	return names
}

// Knows reports whether arn names a policy of the set.
func (p AWSPolicies) Knows(arn string) bool {
	_, ok := p[awsName(arn)]
	return ok
}

// awsName returns the path and the name in the ARN of a managed policy of AWS, in any
// partition; "" for other ARNs.
func awsName(arn string) string {
	_, name, ok := strings.Cut(arn, ":iam::"+string(awsOwner)+":policy")
	if !ok || identitypool.PartitionOf(arn) == "" {
		return ""
	}
	return name
}

// isAWSPolicy reports whether an ARN is one of a managed policy of AWS, known or not.
func isAWSPolicy(arn string) bool { return awsName(arn) != "" }

// awsDocument returns what decisions use of a managed policy of AWS: its default version,
// or denyEverything if this server does not know it.
func (d *Directory) awsDocument(arn string) *policy.Document {
	if p, ok := d.ofAWS(arn); ok {
		return p.document
	}
	return denyEverything
}

// ofAWS finds a managed policy of AWS by its ARN in the stored partition.
func (d *Directory) ofAWS(arn string) (awsPolicy, bool) {
	name, ok := strings.CutPrefix(arn, "arn:"+d.partition+":iam::"+string(awsOwner)+":policy")
	if !ok {
		return awsPolicy{}, false
	}
	p, ok := d.aws[name]

	return p, ok
}

// awsManagedPolicy returns a managed policy of AWS as the API shows it.
func (d *Directory) awsManagedPolicy(arn string) (store.ManagedPolicy, bool) {
	p, ok := d.ofAWS(arn)
	if !ok {
		return store.ManagedPolicy{}, false
	}
	if p.shown.ID == "" {
		p.shown.ID = uniqueID(policyIDPrefix, arn)
	}
	p.shown.Versions = slices.Clone(p.shown.Versions)

	return p.shown, true
}

// AWSPolicies lists the managed policies of AWS that this server knows.
func (d *Directory) AWSPolicies() []store.ManagedPolicy {
	list := make([]store.ManagedPolicy, 0, len(d.aws))
	for name := range d.aws {
		p, _ := d.awsManagedPolicy("arn:" + d.partition + ":iam::" + string(awsOwner) + ":policy" + name)
		list = append(list, p)
	}
	return list
}

// denyEverything stands for a managed policy of AWS that a role has and this server does
// not know. Without it, the role could do what the policy denies.
var denyEverything = mustParse(`{"Version":"2012-10-17","Statement":[{"Sid":"ContentIsNotKnown","Effect":"Deny",` +
	`"Action":"*","Resource":"*"}]}`)

// unknownAWSPolicies returns the managed policies of AWS that a role has and this server
// does not know.
func (d *Directory) unknownAWSPolicies(r store.Role) []string {
	return slices.DeleteFunc(append(slices.Clone(r.Attached), r.Boundary), func(arn string) bool {
		_, known := d.ofAWS(arn)
		return known || !isAWSPolicy(arn)
	})
}
