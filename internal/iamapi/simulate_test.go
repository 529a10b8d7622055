package iamapi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

const (
	pastPolicy = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*",` +
		`"Condition":{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}}`
	filesPolicy = `{"Version":"2012-10-17","Statement":[` +
		`{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:PrincipalTag/team}/*"},` +
		`{"Effect":"Deny","Action":"s3:Put*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`
)

func entry(name string, kind types.ContextKeyTypeEnum, values ...string) types.ContextEntry {
	return types.ContextEntry{ContextKeyName: &name, ContextKeyType: kind, ContextKeyValues: values}
}

// shownResult prints a result: the decision, the statements with their places, and the missing keys.
func shownResult(decision types.PolicyEvaluationDecisionType, matched []types.Statement, missing []string) string {
	text := string(decision)
	for _, m := range matched {
		text += fmt.Sprintf(" %s(%s)%d:%d-%d:%d", *m.SourcePolicyId, m.SourcePolicyType,
			m.StartPosition.Line, m.StartPosition.Column, m.EndPosition.Line, m.EndPosition.Column)
	}
	return strings.TrimSpace(text + " " + strings.Join(missing, ","))
}

func shown(r types.EvaluationResult) string {
	return shownResult(r.EvalDecision, r.MatchedStatements, r.MissingContextValues)
}

// AWS's own examples have AWS's answers.
func TestSimulateCustomPolicyExamples(t *testing.T) {
	wiretest.EachStore(t, func(t *testing.T, s *wiretest.Server) {
		for date, want := range map[string]string{
			"2019-04-25T11:00:00Z": "allowed PolicyInputList.1(IAM Policy)1:38-1:167",
			"2014-04-25T11:00:00Z": "implicitDeny",
		} {
			out := wiretest.Must(s.IAM().SimulateCustomPolicy(t.Context(), &iamclient.SimulateCustomPolicyInput{
				PolicyInputList: []string{pastPolicy},
				ActionNames:     []string{"dynamodb:CreateBackup"},
				ContextEntries:  []types.ContextEntry{entry("aws:CurrentTime", "date", date)},
			}))(t)
			if len(out.EvaluationResults) != 1 || out.IsTruncated || out.Marker != nil {
				t.Fatalf("%+v", out)
			}

			r := out.EvaluationResults[0]
			wiretest.Equal(t, date, shown(r), want)
			wiretest.Equal(t, "action", *r.EvalActionName, "dynamodb:CreateBackup")
			wiretest.Equal(t, "resource", *r.EvalResourceName, "*")
			if r.ResourceSpecificResults != nil || r.EvalDecisionDetails != nil ||
				r.PermissionsBoundaryDecisionDetail != nil || r.OrganizationsDecisionDetail != nil {
				t.Errorf("%s has more than AWS's answer: %+v", date, r)
			}
		}
	})
}

// A role is simulated with its inline and managed policies, its boundary and its tags.
func TestSimulatePrincipalPolicy(t *testing.T) {
	wiretest.EachStore(t, func(t *testing.T, s *wiretest.Server) {
		c, ctx := s.IAM(), t.Context()
		managed := wiretest.Must(c.CreatePolicy(ctx, &iamclient.CreatePolicyInput{
			PolicyName:     aws.String("limit"),
			PolicyDocument: aws.String(wiretest.ReadPools),
		}))(t).Policy.Arn
		role := wiretest.Must(c.CreateRole(ctx, &iamclient.CreateRoleInput{
			RoleName:                 aws.String("App"),
			Path:                     aws.String("/team/"),
			AssumeRolePolicyDocument: aws.String(wiretest.AccountTrust),
			Tags:                     []types.Tag{wiretest.IAMTag("team", "red")},
		}))(t).Role
		put := func(document string) {
			t.Helper()
			wiretest.Must(c.PutRolePolicy(ctx, &iamclient.PutRolePolicyInput{
				RoleName: role.RoleName, PolicyName: aws.String("files"), PolicyDocument: &document,
			}))(t)
		}
		put(filesPolicy)
		wiretest.Must(c.AttachRolePolicy(
			ctx, &iamclient.AttachRolePolicyInput{RoleName: role.RoleName, PolicyArn: managed},
		))(t)

		simulate := func(action, resource string, entries ...types.ContextEntry) types.EvaluationResult {
			t.Helper()
			in := &iamclient.SimulatePrincipalPolicyInput{
				PolicySourceArn: role.Arn, ActionNames: []string{action}, ContextEntries: entries,
			}
			if resource != "" {
				in.ResourceArns = []string{resource}
			}
			return wiretest.Must(c.SimulatePrincipalPolicy(ctx, in))(t).EvaluationResults[0]
		}

		const own, other = "arn:aws:s3:::b/red/x", "arn:aws:s3:::b/blue/x"
		secure := entry("AWS:securetransport", "boolean", "true")
		const allowed = "allowed role_App_files(IAM Policy)1:39-1:127"
		for name, of := range map[string]struct{ got, want string }{
			"its own":   {shown(simulate("s3:GetObject", own)), allowed + " aws:SecureTransport"},
			"another's": {shown(simulate("s3:GetObject", other)), "implicitDeny aws:SecureTransport"},
			"managed": {
				shown(simulate("cognito-identity:ListIdentityPools", "")),
				"allowed limit(IAM Policy)1:42-1:145 aws:SecureTransport",
			},
			"not known": {
				shown(simulate("s3:PutObject", own)),
				"explicitDeny role_App_files(IAM Policy)1:129-1:232 aws:SecureTransport",
			},
			"known":  {shown(simulate("s3:PutObject", own, secure)), allowed},
			"absent": {shown(simulate("s3:PutObject", own, entry("aws:SecureTransport", "boolean"))), allowed},
			"another tag": {
				shown(simulate("s3:GetObject", other, secure, entry("aws:PrincipalTag/team", "string", "blue"))),
				allowed,
			},
		} {
			wiretest.Equal(t, name, of.got, of.want)
		}

		wiretest.Must(c.PutRolePermissionsBoundary(ctx, &iamclient.PutRolePermissionsBoundaryInput{
			RoleName: role.RoleName, PermissionsBoundary: managed,
		}))(t)
		r := simulate("s3:GetObject", own)
		wiretest.Equal(t, "beyond the boundary", shown(r), "implicitDeny aws:SecureTransport")
		wiretest.Equal(t, "boundary", r.PermissionsBoundaryDecisionDetail.AllowedByPermissionsBoundary, false)

		in := &iamclient.SimulatePrincipalPolicyInput{
			PolicySourceArn:                    role.Arn,
			ActionNames:                        []string{"s3:GetObject", "s3:ListBucket"},
			ResourceArns:                       []string{own, other},
			PolicyInputList:                    []string{wiretest.AccountAll},
			PermissionsBoundaryPolicyInputList: []string{filesPolicy},
			MaxItems:                           aws.Int32(1),
		}
		out := wiretest.Must(c.SimulatePrincipalPolicy(ctx, in))(t)
		r = out.EvaluationResults[0]
		wiretest.Equal(t, "another boundary", r.PermissionsBoundaryDecisionDetail.AllowedByPermissionsBoundary, false)
		wiretest.Equal(t, "together", string(r.EvalDecision)+" "+*r.EvalResourceName, "implicitDeny *")
		got := ""
		for _, one := range r.ResourceSpecificResults {
			got += *one.EvalResourceName + " " +
				shownResult(one.EvalResourceDecision, one.MatchedStatements, nil) + "\n"
		}
		wiretest.Equal(t, "each resource", got, own+" allowed role_App_files(IAM Policy)1:39-1:127 "+
			"PolicyInputList.1(IAM Policy)1:42-1:92\n"+other+" implicitDeny\n")

		in.Marker = out.Marker
		next := wiretest.Must(c.SimulatePrincipalPolicy(ctx, in))(t)
		wiretest.Equal(t, "second page", fmt.Sprint(*next.EvaluationResults[0].EvalActionName, next.IsTruncated),
			"s3:ListBucketfalse")
		in.ActionNames = []string{"s3:GetObject", "s3:PutObject"}
		_, err := c.SimulatePrincipalPolicy(ctx, in)
		wiretest.WantError(t, err, "ValidationError", "The marker is not one that this API returned.")

		keys := wiretest.Must(c.GetContextKeysForPrincipalPolicy(ctx, &iamclient.GetContextKeysForPrincipalPolicyInput{
			PolicySourceArn: role.Arn, PolicyInputList: []string{pastPolicy},
		}))(t)
		wiretest.Equal(t, "keys", strings.Join(keys.ContextKeyNames, " "),
			"aws:CurrentTime aws:PrincipalTag/team aws:SecureTransport")
	})
}

// The policy of a resource decides as AWS's evaluation logic has it: in the user's own account it may take
// the place of the user's policies, in another one both must allow.
func TestSimulateResourcePolicy(t *testing.T) {
	s := wiretest.Start(t)
	const user, file = "arn:aws:iam::000000000000:user/ann", "arn:aws:s3:::b/a"
	const queue = "arn:aws:sqs:us-east-1:111111111111:q"
	policyFor := func(effect, principal string) string {
		return `{"Version":"2012-10-17","Statement":{"Effect":"` + effect + `","Action":"*","Resource":"*",` +
			`"Principal":{"AWS":"` + principal + `"}}}`
	}
	const none = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"x:y","Resource":"*"}}`
	const deny = `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}`

	for name, of := range map[string]struct {
		identity, resource, arn, owner, boundary string
		want, details                            string
	}{
		"by name": {
			identity: none,
			resource: policyFor("Allow", user),
			arn:      file,
			want:     "allowed",
			details:  "map[]",
		},
		"everybody": {
			identity: none,
			resource: policyFor("Allow", "*"),
			arn:      file,
			want:     "allowed",
			details:  "map[]",
		},
		"the account": {
			identity: none,
			resource: policyFor("Allow", "000000000000"),
			arn:      file,
			want:     "implicitDeny",
			details:  "map[]",
		},
		"the account, both": {
			identity: wiretest.AccountAll,
			resource: policyFor("Allow", "000000000000"),
			arn:      file,
			want:     "allowed",
			details:  "map[]",
		},
		"somebody else": {
			identity: none,
			resource: policyFor("Allow", user+"2"),
			arn:      file,
			want:     "implicitDeny",
			details:  "map[]",
		},
		"denied by name": {
			identity: wiretest.AccountAll,
			resource: policyFor("Deny", user),
			arn:      file,
			want:     "explicitDeny",
			details:  "map[]",
		},
		"beyond the boundary": {
			identity: none,
			resource: policyFor("Allow", user),
			arn:      file,
			boundary: none,
			want:     "allowed",
			details:  "map[]",
		},
		"denied by the boundary": {
			identity: none,
			resource: policyFor("Allow", user),
			arn:      file,
			boundary: deny,
			want:     "explicitDeny",
			details:  "map[]",
		},
		"another account, one allows": {
			identity: none,
			resource: policyFor("Allow", user),
			arn:      queue,
			want:     "implicitDeny",
			details:  "map[IAM Policy:implicitDeny Resource Policy:allowed]",
		},
		"another account, both allow": {
			identity: wiretest.AccountAll,
			resource: policyFor("Allow", user),
			arn:      queue,
			want:     "allowed",
			details:  "map[IAM Policy:allowed Resource Policy:allowed]",
		},
		"another account, no policy": {
			identity: wiretest.AccountAll,
			arn:      queue,
			want:     "implicitDeny",
			details:  "map[IAM Policy:allowed Resource Policy:implicitDeny]",
		},
		"owner in the request": {
			identity: none,
			resource: policyFor("Allow", user),
			arn:      file,
			owner:    "arn:aws:iam::111111111111:root",
			want:     "implicitDeny",
			details:  "map[IAM Policy:implicitDeny Resource Policy:allowed]",
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := &iamclient.SimulateCustomPolicyInput{
				PolicyInputList: []string{of.identity},
				ActionNames:     []string{"s3:GetObject"},
				ResourceArns:    []string{of.arn},
				CallerArn:       aws.String(user),
			}
			if of.resource != "" {
				in.ResourcePolicy = &of.resource
			}
			if of.owner != "" {
				in.ResourceOwner = &of.owner
			}
			if of.boundary != "" {
				in.PermissionsBoundaryPolicyInputList = []string{of.boundary}
			}

			r := wiretest.Must(s.IAM().SimulateCustomPolicy(t.Context(), in))(t).EvaluationResults[0]
			wiretest.Equal(t, "decision", string(r.EvalDecision), of.want)
			wiretest.Equal(t, "details", fmt.Sprint(r.EvalDecisionDetails), of.details)
		})
	}
}

// Bad input is refused, each member with its own reason.
func TestSimulationRefusals(t *testing.T) {
	s := wiretest.Start(t)
	const resourcePolicy = `{"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::b/*","Principal":"*"}}`
	user := aws.String("arn:aws:iam::000000000000:user/ann")

	for name, of := range map[string]struct {
		change        func(*iamclient.SimulateCustomPolicyInput)
		code, message string
	}{
		"policy": {func(in *iamclient.SimulateCustomPolicyInput) {
			in.PolicyInputList = append(in.PolicyInputList, `{"Statement":[]}`)
		}, "InvalidInput", "PolicyInputList.2: Statement: is missing or empty"},
		"resource policy among them": {func(in *iamclient.SimulateCustomPolicyInput) {
			in.PolicyInputList = []string{resourcePolicy}
		}, "InvalidInput", "PolicyInputList.1: Statement[0]: only a trust policy has a Principal"},
		"boundary": {func(in *iamclient.SimulateCustomPolicyInput) {
			in.PermissionsBoundaryPolicyInputList = []string{"{}"}
		}, "InvalidInput", "PermissionsBoundaryPolicyInputList.1: Statement: is missing or empty"},
		"boundaries": {func(in *iamclient.SimulateCustomPolicyInput) {
			in.PermissionsBoundaryPolicyInputList = []string{pastPolicy, pastPolicy}
		}, "InvalidInput", "The list of Permissions Boundary policies cannot exceed 1 items."},
		"wildcard": {func(in *iamclient.SimulateCustomPolicyInput) { in.ActionNames = []string{"s3:*"} },
			"InvalidInput", "ActionNames must be SERVICE:OPERATION without wildcards: s3:*."},
		"no service": {func(in *iamclient.SimulateCustomPolicyInput) { in.ActionNames = []string{"GetObject"} },
			"InvalidInput", ""},
		"short action": {func(in *iamclient.SimulateCustomPolicyInput) { in.ActionNames = []string{"a"} },
			"ValidationError", ""},
		"resource": {func(in *iamclient.SimulateCustomPolicyInput) { in.ResourceArns = []string{"b"} },
			"InvalidInput", "ResourceNames are not in a valid ARN format: b."},
		"all and one": {func(in *iamclient.SimulateCustomPolicyInput) {
			in.ResourceArns = []string{"arn:aws:s3:::b", "*"}
		}, "InvalidInput", "ResourceNames are not in a valid ARN format: *."},
		"owner": {func(in *iamclient.SimulateCustomPolicyInput) { in.ResourceOwner = aws.String("1234") },
			"InvalidInput", "'1234' is not a valid as a Resource Owner."},
		"caller": {func(in *iamclient.SimulateCustomPolicyInput) {
			in.CallerArn = aws.String("arn:aws:sts::000000000000:assumed-role/App/s")
		}, "InvalidInput", "Invalid Entity Arn: arn:aws:sts::000000000000:assumed-role/App/s does not clearly define " +
			"entity type and name."},
		"no caller": {func(in *iamclient.SimulateCustomPolicyInput) {
			in.ResourcePolicy, in.ResourceArns = aws.String(resourcePolicy), []string{"arn:aws:s3:::b/a"}
		}, "InvalidInput", "Invalid caller - Caller cannot be null or empty."},
		"policy of another resource": {func(in *iamclient.SimulateCustomPolicyInput) {
			in.ResourcePolicy, in.CallerArn = aws.String(resourcePolicy), user
			in.ResourceArns = []string{"arn:aws:s3:::c/a"}
		}, "InvalidInput", "ResourcePolicy does not apply to the resource arn:aws:s3:::c/a."},
		"policy of all resources": {func(in *iamclient.SimulateCustomPolicyInput) {
			in.ResourcePolicy, in.CallerArn = aws.String(resourcePolicy), user
		}, "InvalidInput", "ResourcePolicy does not apply to the resource *."},
		"policy of a role": {func(in *iamclient.SimulateCustomPolicyInput) {
			in.ResourcePolicy, in.CallerArn = aws.String(wiretest.AccountTrust), user
			in.ResourceArns = []string{"arn:aws:iam::000000000000:role/App"}
		}, "InvalidInput", ""},
		"policy without principal": {func(in *iamclient.SimulateCustomPolicyInput) {
			in.ResourcePolicy, in.CallerArn = aws.String(pastPolicy), user
		}, "InvalidInput", "ResourcePolicy: Statement[0]: the policy of a resource needs a Principal"},
		"key": {func(in *iamclient.SimulateCustomPolicyInput) {
			in.ContextEntries = []types.ContextEntry{
				entry("aws:CurrentTime", "date", "1795392000"), entry("AWS:currenttime", "date"),
			}
		}, "InvalidInput", "The context key AWS:currenttime is given twice."},
		"no key": {func(in *iamclient.SimulateCustomPolicyInput) {
			in.ContextEntries = []types.ContextEntry{entry("CurrentTime", "date")}
		}, "InvalidInput", "Invalid context key: CurrentTime."},
		"value": {func(in *iamclient.SimulateCustomPolicyInput) {
			in.ContextEntries = []types.ContextEntry{entry("aws:SourceIp", "ip", "here")}
		}, "InvalidInput", "The values of the context key aws:SourceIp are not of the type ip."},
		"values": {func(in *iamclient.SimulateCustomPolicyInput) {
			in.ContextEntries = []types.ContextEntry{entry("aws:SourceIp", "ip", "10.0.0.1", "10.0.0.2")}
		}, "InvalidInput", "The values of the context key aws:SourceIp are not of the type ip."},
		"type": {func(in *iamclient.SimulateCustomPolicyInput) {
			in.ContextEntries = []types.ContextEntry{entry("aws:SourceIp", "address", "10.0.0.1")}
		}, "ValidationError", ""},
		"option": {func(in *iamclient.SimulateCustomPolicyInput) { in.ResourceHandlingOption = aws.String("S3") },
			"InvalidInput", "Invalid ResourceHandlingOption: S3."},
		"resource of the option": {func(in *iamclient.SimulateCustomPolicyInput) {
			in.ResourceHandlingOption = aws.String("EC2-VPC-EBS")
			in.ResourceArns = []string{"arn:aws:ec2:us-east-1:000000000000:instance/i-1"}
		}, "InvalidInput", "EC2-VPC-EBS requires a resource of the type image."},
		"marker": {func(in *iamclient.SimulateCustomPolicyInput) { in.Marker = aws.String("AAAA") },
			"ValidationError", ""},
		"no page": {func(in *iamclient.SimulateCustomPolicyInput) { in.MaxItems = aws.Int32(0) },
			"ValidationError", ""},
		"too large": {func(in *iamclient.SimulateCustomPolicyInput) {
			in.PolicyInputList = []string{strings.Replace(pastPolicy, "{", "{"+strings.Repeat(" ", 100_000), 1)}
			for i := range 800 {
				in.ResourceArns = append(in.ResourceArns, fmt.Sprintf("arn:aws:s3:::b/%d", i))
			}
		}, "InvalidInput", "The simulation is too large: use fewer resources or smaller policies."},
		"long value": {func(in *iamclient.SimulateCustomPolicyInput) {
			in.PolicyInputList = []string{slowPolicy}
			in.ContextEntries = []types.ContextEntry{entry("s3:prefix", "string", strings.Repeat("a", 200_000))}
		}, "InvalidInput", "The simulation is too large: use fewer resources or smaller policies."},
		"many values": {func(in *iamclient.SimulateCustomPolicyInput) {
			in.PolicyInputList = []string{slowPolicy, slowPolicy}
			values := slices.Repeat([]string{"aa"}, 900)
			in.ContextEntries = []types.ContextEntry{entry("s3:prefix", "stringList", values...)}
		}, "InvalidInput", "The simulation is too large: use fewer resources or smaller policies."},
		"long value of a variable": {func(in *iamclient.SimulateCustomPolicyInput) {
			in.PolicyInputList = []string{strings.Replace(filesPolicy, "/*",
				strings.Repeat("/${aws:PrincipalTag/team}", 10), 1)}
			in.ContextEntries = []types.ContextEntry{
				entry("aws:PrincipalTag/team", "string", strings.Repeat("a", 100_000)),
			}
		}, "InvalidInput", "The simulation is too large: use fewer resources or smaller policies."},
	} {
		t.Run(name, func(t *testing.T) {
			in := &iamclient.SimulateCustomPolicyInput{
				PolicyInputList: []string{pastPolicy}, ActionNames: []string{"s3:GetObject"},
			}
			of.change(in)
			_, err := s.IAM().SimulateCustomPolicy(t.Context(), in)
			wiretest.WantError(t, err, of.code, of.message)
		})
	}

	s.NewIAMRole(t, "App", wiretest.AccountTrust)
	for arn, want := range map[string][2]string{
		wiretest.IAMBase + "role/None":                 {"NoSuchEntity", "The role with name None cannot be found."},
		wiretest.IAMBase + "role/path/App":             {"NoSuchEntity", "The role with name App cannot be found."},
		"arn:aws:iam::111111111111:role/App":           {"NoSuchEntity", "The role with name App cannot be found."},
		wiretest.IAMBase + "user/ann":                  {"NoSuchEntity", "The user with name ann cannot be found."},
		wiretest.IAMBase + "user/poolhouse/test":       {"NoSuchEntity", "The user with name test cannot be found."},
		"arn:aws:iam::111111111111:user/ann":           {"NoSuchEntity", "The user with name ann cannot be found."},
		wiretest.IAMBase + "group/staff":               {"NoSuchEntity", "The group with name staff cannot be found."},
		wiretest.IAMBase + "root":                      {"InvalidInput", ""},
		wiretest.IAMBase + "role/":                     {"InvalidInput", ""},
		"arn:aws:sts::000000000000:assumed-role/App/s": {"InvalidInput", ""},
		"App and twenty characters":                    {"InvalidInput", ""},
	} {
		_, err := s.IAM().SimulatePrincipalPolicy(t.Context(), &iamclient.SimulatePrincipalPolicyInput{
			PolicySourceArn: &arn, ActionNames: []string{"s3:GetObject"},
		})
		wiretest.WantError(t, err, want[0], want[1])
		_, err = s.IAM().GetContextKeysForPrincipalPolicy(t.Context(), &iamclient.GetContextKeysForPrincipalPolicyInput{
			PolicySourceArn: &arn,
		})
		wiretest.WantError(t, err, want[0], want[1])
	}
}

// An access key with a policy is the user of its ARN, and simulates only what its policy allows it to.
func TestSimulationOfKeys(t *testing.T) {
	const b = "111111111111"
	w := wiretest.StartTenants(t, []string{b})
	ctx := t.Context()
	w.NewIAMRole(t, "App", wiretest.AccountTrust)
	w.NewIAMRole(t, "Other", wiretest.AccountTrust)
	key, secret, err := w.AccessKeys(t).Create(ctx, iam.NewAccessKey{
		Account: wiretest.HomeAccount,
		Policy: `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:SimulatePrincipalPolicy",` +
			`"Resource":"` + wiretest.IAMBase + `role/App","Condition":{"Null":{"aws:PrincipalTag/x":"true"}}}}`,
	})
	if err != nil {
		t.Fatal(err)
	}

	simulate := func(c *iamclient.Client, source, resource string) (string, error) {
		out, err := c.SimulatePrincipalPolicy(ctx, &iamclient.SimulatePrincipalPolicyInput{
			PolicySourceArn: &source,
			ActionNames:     []string{"iam:SimulatePrincipalPolicy"},
			ResourceArns:    []string{resource},
		})
		if err != nil {
			return "", err
		}
		return shown(out.EvaluationResults[0]), nil
	}

	app, other := wiretest.IAMBase+"role/App", wiretest.IAMBase+"role/Other"
	user := wiretest.IAMBase + "user/poolhouse/" + key.ID
	statement := "allowed user_" + key.ID + "_policy(IAM Policy)1:38-1:193"
	wiretest.Equal(t, "the key's own", wiretest.Must(simulate(w.IAM(), user, app))(t), statement)
	wiretest.Equal(t, "another role", wiretest.Must(simulate(w.IAM(), user, other))(t), "implicitDeny")

	own := w.IAMBy(key.ID, secret, "")
	wiretest.Equal(t, "allowed", wiretest.Must(simulate(own, app, other))(t), "implicitDeny")
	for _, source := range []string{
		other, user, wiretest.IAMBase + "role/None", "arn:aws:iam::111111111111:role/Other",
	} {
		_, err := simulate(own, source, app)
		wiretest.WantError(t, err, "AccessDenied", "")
	}
	_, err = own.SimulateCustomPolicy(ctx, &iamclient.SimulateCustomPolicyInput{
		PolicyInputList: []string{pastPolicy}, ActionNames: []string{"s3:GetObject"},
	})
	wiretest.WantError(t, err, "AccessDenied", "")
	_, err = own.GetContextKeysForCustomPolicy(ctx, &iamclient.GetContextKeysForCustomPolicyInput{
		PolicyInputList: []string{pastPolicy},
	})
	wiretest.WantError(t, err, "AccessDenied", "")

	_, err = simulate(w.Roles(b), user, app)
	wiretest.WantError(t, err, "NoSuchEntity", "The user with name "+key.ID+" cannot be found.")
	if err := w.AccessKeys(t).Delete(ctx, key.ID); err != nil {
		t.Fatal(err)
	}
}
