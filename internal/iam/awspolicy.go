package iam

import (
	"strings"

	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

// awsDocuments are the managed policies of AWS that this server knows, by path and
// name. Others cannot be attached: a guess at their content would allow or deny the
// wrong things.
var awsDocuments = map[string]string{
	"/AdministratorAccess":                          allowEverything,
	"/AmazonCognitoUnAuthedIdentitiesSessionPolicy": guestManaged,
}

var awsPolicies = func() map[string]*policy.Document {
	parsed := map[string]*policy.Document{}
	for name, text := range awsDocuments {
		parsed[name] = mustParse(text)
	}
	return parsed
}()

// KnowsAWSPolicy reports whether arn names a managed policy of AWS that this
// server knows.
func KnowsAWSPolicy(arn string) bool {
	_, name, ok := strings.Cut(arn, ":iam::aws:policy")
	_, known := awsDocuments[name]
	return ok && known
}

func (d *Directory) awsName(arn string) string {
	name, ok := strings.CutPrefix(arn, "arn:"+d.partition+":iam::aws:policy")
	if !ok {
		return ""
	}
	return name
}

func (d *Directory) awsPolicy(arn string) (*policy.Document, bool) {
	p, ok := awsPolicies[d.awsName(arn)]
	return p, ok
}

// awsManagedPolicy returns a managed policy of AWS as the API shows it.
func (d *Directory) awsManagedPolicy(arn string) (store.ManagedPolicy, bool) {
	name := d.awsName(arn)
	text, ok := awsDocuments[name]
	if !ok {
		return store.ManagedPolicy{}, false
	}

	return store.ManagedPolicy{
		Account:  "aws",
		Name:     name[1:],
		Path:     "/",
		ID:       uniqueID(policyIDPrefix, arn),
		Versions: []store.PolicyVersion{{Number: 1, Document: text}},
		Default:  1,
		Next:     2,
	}, true
}

// AWSPolicies lists the managed policies of AWS that this server knows.
func (d *Directory) AWSPolicies() []store.ManagedPolicy {
	var list []store.ManagedPolicy
	for name := range awsDocuments {
		p, _ := d.awsManagedPolicy("arn:" + d.partition + ":iam::aws:policy" + name)
		list = append(list, p)
	}
	return list
}
