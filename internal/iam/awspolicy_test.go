package iam

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/store"
)

const readerDocument = `"Document": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
	"Action": ["s3:Get*"], "Resource": "*"}]}`

// awsFile is the file of one managed policy of AWS, with members that a test changes.
func awsFile(change ...string) string {
	text := `{"UserDetailList": [], "RoleDetailList": [], "Policies": [{
		"PolicyName": "Reader", "PolicyId": "ANPAABCDEFGHIJKLMNOPQ", "Arn": "arn:aws:iam::aws:policy/job/Reader",
		"Path": "/job/", "DefaultVersionId": "v12", "AttachmentCount": 3, "IsAttachable": true,
		"CreateDate": "2015-02-06T18:40:58+00:00", "UpdateDate": "2024-01-31T21:00:00+00:00",
		"PolicyVersionList": [
			{` + readerDocument + `, "VersionId": "v12", "IsDefaultVersion": true,
				"CreateDate": "2024-01-31T21:00:00Z"},
			{"Document": {"Version": "2012-10-17", "Statement": "an old form"}, "VersionId": "v3",
				"IsDefaultVersion": false, "CreateDate": "2016-01-31T21:00:00+00:00"}]}]}`
	return strings.NewReplacer(change...).Replace(text)
}

func TestReadAWSPolicies(t *testing.T) {
	d, err := NewDirectory(Config{Account: account, AWSPolicies: awsFile()})
	if err != nil {
		t.Fatal(err)
	}

	p, ok := d.awsManagedPolicy("arn:aws:iam::aws:policy/job/Reader")
	if !ok || p.Name != "Reader" || p.Path != "/job/" || p.ID != "ANPAABCDEFGHIJKLMNOPQ" || p.Default != 12 ||
		p.Created.Year() != 2015 || p.Updated != 1706734800000 || len(p.Versions) != 2 || p.Versions[0].Number != 3 ||
		p.Versions[1].Document != `{"Version":"2012-10-17","Statement":`+
			`[{"Effect":"Allow","Action":["s3:Get*"],"Resource":"*"}]}` {
		t.Errorf("%+v", p)
	}

	for arn, want := range map[string]bool{
		"arn:aws:iam::aws:policy/job/Reader":          true,
		"arn:aws:iam::aws:policy/Reader":              false,
		"arn:aws:iam::aws:policy/AdministratorAccess": true,
		"arn:aws:iam::123456789012:policy/job/Reader": false,
	} {
		if _, known := d.ofAWS(arn); known != want || d.aws.Knows(arn) != want {
			t.Errorf("%s: known %v", arn, known)
		}
	}
	if n := len(d.AWSPolicies()); n != 3 {
		t.Errorf("%d policies of AWS", n)
	}
	if n := len(builtinAWSPolicies); n != 2 {
		t.Errorf("the file changed the built-in policies: %d", n)
	}
}

// A file may have its own AdministratorAccess, and be of another partition.
func TestAWSPoliciesReplaceBuiltIn(t *testing.T) {
	d, err := NewDirectory(Config{
		Account:     account,
		Partition:   "aws-cn",
		AWSPolicies: awsFile("arn:aws:iam::aws:policy/job/Reader", "arn:aws:iam::aws:policy/AdministratorAccess"),
	})
	if err != nil {
		t.Fatal(err)
	}
	p, ok := d.awsManagedPolicy("arn:aws-cn:iam::aws:policy/AdministratorAccess")
	if !ok || p.Default != 12 || len(d.aws) != 2 {
		t.Errorf("%+v", p)
	}
	if got := strings.Join(d.Warnings(), "; "); !strings.Contains(got, "its AdministratorAccess takes the place") {
		t.Errorf("warnings: %s", got)
	}
}

func TestAWSPoliciesAreRefused(t *testing.T) {
	twice := awsFile()
	_, entry, _ := strings.Cut(strings.TrimSuffix(twice, "]}"), `"Policies": [`)
	twice = strings.Replace(awsFile(), `"Policies": [`, `"Policies": [`+
		strings.Replace(entry, "policy/job/Reader", "policy/other/reader", 1)+",", 1)

	for name, test := range map[string]struct{ file, want string }{
		"no JSON":      {"Policies:", "cannot be read as JSON"},
		"cut off":      {awsFile()[:300], "cannot be read as JSON"},
		"a list":       {"[]", "cannot be read as JSON"},
		"no policies":  {`{"RoleDetailList": []}`, "has no Policies"},
		"one page":     {awsFile(`"UserDetailList"`, `"IsTruncated": true, "UserDetailList"`), "--no-paginate"},
		"too large":    {awsFile() + strings.Repeat(" ", MaxAWSPoliciesBytes), "the limit is 33554432"},
		"too many":     {`{"Policies": [` + strings.Repeat("{},", maxAWSPolicies) + `{}]}`, "the limit is 5000"},
		"an account's": {awsFile("iam::aws:policy", "iam::123456789012:policy"), "Policies[0].Arn"},
		"no ARN":       {awsFile("arn:aws:iam::aws:policy/job/Reader", "Reader"), `Policies[0].Arn = "Reader"`},
		"bad path":     {awsFile("policy/job/Reader", "policy/job//Reader"), "is not a managed policy of AWS"},
		"long ARN":     {awsFile("policy/job/", "policy/"+strings.Repeat("a/", 600)), "is not a managed policy"},
		"bad ID":       {awsFile("ANPAABC", "AIDAABC"), "Policies[0].PolicyId"},
		"bad date":     {awsFile("2015-02-06T18:40:58+00:00", "yesterday"), "Policies[0].CreateDate"},
		"no default":   {awsFile(`"DefaultVersionId": "v12"`, `"DefaultVersionId": "v4"`), "the default version v4"},
		"bad version":  {awsFile(`"VersionId": "v3"`, `"VersionId": "3"`), "PolicyVersionList[1].VersionId"},
		"version zero": {awsFile(`"v12"`, `"v0"`), "is not a version"},
		"twice":        {awsFile(`"VersionId": "v3"`, `"VersionId": "v12"`), "is there twice"},
		"name twice":   {twice, "has the name of managed_policies_file: Policies[0]"},
		"unsupported": {awsFile(`"Effect": "Allow",`, `"Effect": "Allow", "Condition": {"Odd": {"a": "b"}},`),
			"Policies[0].PolicyVersionList[0].Document (arn:aws:iam::aws:policy/job/Reader): "},
		"with a principal": {awsFile(`"Effect": "Allow",`, `"Effect": "Allow", "Principal": "*",`), "Principal"},
		"policies twice": {strings.Replace(awsFile(), `"Policies": [`, `"Policies": [], "Policies": [`, 1),
			"cannot be read as JSON"},
		"document twice": {strings.Replace(awsFile(), `"Document":`, `"Document": {}, "Document":`, 1),
			"cannot be read as JSON"},
		"no document": {awsFile(readerDocument+",", ""), "PolicyVersionList[0].Document"},
		"text":        {awsFile(readerDocument, `"Document": "%7B"`), "PolicyVersionList[0].Document"},
	} {
		err := Config{Account: account, AWSPolicies: test.file}.Validate()
		fault, _ := errors.AsType[*SettingError](err)
		if fault == nil || !strings.HasPrefix(fault.Setting, "managed_policies_file") ||
			!strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %.300s, want %q", name, fmt.Sprint(err), test.want)
		}
	}
}

// oneRole is the RoleSource of one role.
type oneRole struct{ role Role }

func (o oneRole) Role(context.Context, RoleARN) (Role, error) { return o.role, nil }

// A role whose managed policy of AWS is no longer in the file may do nothing: the policy
// could be one that denies.
func TestARoleWithALostPolicyOfAWSMayDoNothing(t *testing.T) {
	const kept, lost = "arn:aws:iam::aws:policy/AdministratorAccess", "arn:aws:iam::aws:policy/job/Reader"
	with := directory(t)
	for _, tc := range []struct {
		name    string
		role    store.Role
		allowed bool
		unknown int
	}{
		{"known", store.Role{Attached: []string{kept}}, true, 0},
		{"lost", store.Role{Attached: []string{kept, lost}}, false, 1},
		{"lost boundary", store.Role{Attached: []string{kept}, Boundary: lost}, false, 1},
	} {
		tc.role.Account, tc.role.Name, tc.role.Path = account, "app", "/"
		r, err := with.compile(tc.role, nil)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		if n := len(with.unknownAWSPolicies(tc.role)); n != tc.unknown {
			t.Errorf("%s: %d unknown policies", tc.name, n)
		}

		who := NewSessionCaller(SessionCaller{RoleARN: r.ARN, RoleID: r.ID, SessionName: "s"})
		a := NewAuthorizer(oneRole{r}, newClock().Now)
		err = a.Authorize(t.Context(), who, Access{Action: "s3:GetObject", Resource: "*"})
		if (err == nil) != tc.allowed {
			t.Errorf("%s: %v", tc.name, err)
		}
		if denied, _ := errors.AsType[*DeniedError](err); !tc.allowed && (denied == nil || !denied.Explicit) {
			t.Errorf("%s: no explicit deny: %v", tc.name, err)
		}
	}
}
