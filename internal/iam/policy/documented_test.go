package policy

import (
	"strings"
	"testing"
)

// ask is a request with condition keys, each given as key=value; a key given
// again has several values.
func ask(action, resource string, context ...string) Request {
	r := Request{
		Action:   action,
		Resource: resource,
		Context:  RequestContext{Caller: Keys{}, Service: allKnown},
	}
	for _, c := range context {
		key, value, _ := strings.Cut(c, "=")
		key = asciiLower(key)
		r.Context.Caller[key] = append(r.Context.Caller[key], value)
	}

	return r
}

// by is a request that a federated principal makes.
func (r Request) by(p Principal) Request {
	r.Principal = p
	return r
}

// Whole policies of the shapes that the IAM User Guide and the Cognito developer
// guide document ("Example IAM identity-based policies", "Tutorial: attribute-based
// access control", "Policy evaluation logic", "Role trust and permissions"), with
// requests on either side of each.
func TestDocumentedPolicies(t *testing.T) {
	const (
		guest = "cognito-identity.amazonaws.com:amr=unauthenticated"
		user  = "cognito-identity.amazonaws.com:amr=authenticated"
		pool  = "cognito-identity.amazonaws.com:aud=eu-west-1:pool"
		sub   = "cognito-identity.amazonaws.com:sub="
	)
	cognito := Principal{Federated: CognitoPrincipal}
	for _, tc := range []struct {
		name              string
		identity          []string // statements of each identity policy
		boundary, session string   // statements; "" = none
		allowed, denied   []Request
	}{
		{
			name: "start and stop what carries one's own tag",
			identity: []string{
				`{"Effect":"Allow","Action":["ec2:StartInstances","ec2:StopInstances"],
				"Resource":"arn:aws:ec2:*:*:instance/*",
				"Condition":{"StringEquals":{"aws:ResourceTag/Owner":"${aws:username}"}}},
				{"Effect":"Allow","Action":"ec2:DescribeInstances","Resource":"*"}`},
			allowed: []Request{
				ask(
					"ec2:StartInstances",
					"arn:aws:ec2:eu-west-1:1:instance/i-1",
					"aws:username=ann",
					"aws:ResourceTag/Owner=ann",
				),
				ask("ec2:DescribeInstances", "*"),
			},
			denied: []Request{
				ask(
					"ec2:StartInstances",
					"arn:aws:ec2:eu-west-1:1:instance/i-1",
					"aws:username=ann",
					"aws:ResourceTag/Owner=bob",
				),
				ask("ec2:StartInstances", "arn:aws:ec2:eu-west-1:1:instance/i-1", "aws:username=ann"),
				ask("ec2:StartInstances", "arn:aws:ec2:eu-west-1:1:instance/i-1", "aws:ResourceTag/Owner="),
				ask(
					"ec2:TerminateInstances",
					"arn:aws:ec2:eu-west-1:1:instance/i-1",
					"aws:username=ann",
					"aws:ResourceTag/Owner=ann",
				),
			},
		},
		{
			name: "access by matching tags of principal and resource",
			identity: []string{
				`{"Effect":"Allow","Action":"secretsmanager:*","Resource":"*","Condition":{"StringEquals":{
				"aws:ResourceTag/project":"${aws:PrincipalTag/project}",
				"aws:ResourceTag/team":["${aws:PrincipalTag/team}","shared"]}}}`},
			allowed: []Request{
				ask(
					"secretsmanager:GetSecretValue",
					"arn:x",
					"aws:PrincipalTag/project=p",
					"aws:ResourceTag/project=p",
					"aws:PrincipalTag/team=t",
					"aws:ResourceTag/team=t",
				),
				ask(
					"secretsmanager:GetSecretValue",
					"arn:x",
					"aws:PrincipalTag/project=p",
					"aws:ResourceTag/project=p",
					"aws:ResourceTag/team=shared",
				),
			},
			denied: []Request{
				ask(
					"secretsmanager:GetSecretValue",
					"arn:x",
					"aws:PrincipalTag/project=p",
					"aws:ResourceTag/project=q",
					"aws:PrincipalTag/team=t",
					"aws:ResourceTag/team=t",
				),
				ask(
					"secretsmanager:GetSecretValue", "arn:x", "aws:ResourceTag/project=", "aws:ResourceTag/team=shared",
				),
				ask(
					"secretsmanager:GetSecretValue",
					"arn:x",
					"aws:PrincipalTag/project=p",
					"aws:PrincipalTag/project=q",
					"aws:ResourceTag/project=p",
					"aws:ResourceTag/team=shared",
				),
			},
		},
		{
			name: "deny from outside of one's networks, but for services in one's stead",
			identity: []string{
				`{"Effect":"Allow","Action":"*","Resource":"*"},
				{"Effect":"Deny","Action":"*","Resource":"*","Condition":{
				"NotIpAddress":{"aws:SourceIp":["192.0.2.0/24","203.0.113.0/24","2001:db8::/32"]},
				"BoolIfExists":{"aws:ViaAWSService":"false"}}}`},
			allowed: []Request{
				ask("s3:GetObject", "arn:x", "aws:SourceIp=192.0.2.7", "aws:ViaAWSService=false"),
				ask("s3:GetObject", "arn:x", "aws:SourceIp=2001:db8::7"),
				ask("s3:GetObject", "arn:x", "aws:SourceIp=198.51.100.1", "aws:ViaAWSService=true"),
			},
			denied: []Request{
				ask("s3:GetObject", "arn:x", "aws:SourceIp=198.51.100.1", "aws:ViaAWSService=false"),
				ask("s3:GetObject", "arn:x", "aws:SourceIp=198.51.100.1"),
				ask("s3:GetObject", "arn:x"),
			},
		},
		{
			name: "within a range of dates",
			identity: []string{`{"Effect":"Allow","Action":"service-prefix:action-name","Resource":"*","Condition":{
				"DateGreaterThan":{"aws:CurrentTime":"2026-04-01T00:00:00Z"},
				"DateLessThan":{"aws:CurrentTime":"2026-06-30T23:59:59Z"}}}`},
			allowed: []Request{ask("service-prefix:action-name", "*", "aws:CurrentTime=2026-04-01T00:00:01Z"), ask(
				"service-prefix:action-name", "*", "aws:CurrentTime=2026-06-30T23:59:58Z",
			)},
			denied: []Request{
				ask("service-prefix:action-name", "*", "aws:CurrentTime=2026-04-01T00:00:00Z"),
				ask("service-prefix:action-name", "*", "aws:CurrentTime=2026-07-01T00:00:00Z"),
				ask("service-prefix:action-name", "*"),
			},
		},
		{
			name: "second factor demanded, of long-lived keys too",
			identity: []string{
				`{"Effect":"Allow","Action":["iam:*","sts:*"],"Resource":"*"},
				{"Sid":"DenyAllExceptListedIfNoMFA","Effect":"Deny",
				"NotAction":["iam:GetUser","iam:ListMFADevices","sts:GetSessionToken"],
				"Resource":"*","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}}`},
			allowed: []Request{
				ask("iam:CreateRole", "*", "aws:MultiFactorAuthPresent=true"),
				ask("iam:GetUser", "*", "aws:MultiFactorAuthPresent=false"),
				ask("sts:GetSessionToken", "*"),
			},
			denied: []Request{
				ask("iam:CreateRole", "*", "aws:MultiFactorAuthPresent=false"),
				ask("iam:CreateRole", "*"),
				ask("s3:GetObject", "*", "aws:MultiFactorAuthPresent=true"),
			},
		},
		{
			name: "second factor of the last hour, by Bool without IfExists",
			identity: []string{`{"Effect":"Allow","Action":"cloudtrail:StopLogging","Resource":"*","Condition":{
				"Bool":{"aws:MultiFactorAuthPresent":"true"},"NumericLessThan":{"aws:MultiFactorAuthAge":"3600"}}}`},
			allowed: []Request{ask(
				"cloudtrail:StopLogging", "*", "aws:MultiFactorAuthPresent=true", "aws:MultiFactorAuthAge=3599",
			)},
			denied: []Request{
				ask("cloudtrail:StopLogging", "*", "aws:MultiFactorAuthPresent=true", "aws:MultiFactorAuthAge=3600"),
				ask("cloudtrail:StopLogging", "*", "aws:MultiFactorAuthPresent=true"),
				ask("cloudtrail:StopLogging", "*", "aws:MultiFactorAuthAge=1"),
			},
		},
		{
			name: "one's own folder of a bucket, for identities of a pool",
			identity: []string{
				`{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::app",
				"Condition":{"StringLike":{"s3:prefix":["","users/","users/${cognito-identity.amazonaws.com:sub}/*"]}}},
				{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject","s3:DeleteObject"],"Resource":[
				"arn:aws:s3:::app/users/${cognito-identity.amazonaws.com:sub}",
				"arn:aws:s3:::app/users/${cognito-identity.amazonaws.com:sub}/*"]}`},
			allowed: []Request{
				ask("s3:ListBucket", "arn:aws:s3:::app", "s3:prefix=users/eu-west-1:a/b", sub+"eu-west-1:a"),
				ask("s3:ListBucket", "arn:aws:s3:::app", "s3:prefix=", sub+"eu-west-1:a"),
				ask("s3:PutObject", "arn:aws:s3:::app/users/eu-west-1:a/photo.jpg", sub+"eu-west-1:a"),
			},
			denied: []Request{
				ask("s3:ListBucket", "arn:aws:s3:::app", "s3:prefix=users/eu-west-1:b/", sub+"eu-west-1:a"),
				ask("s3:ListBucket", "arn:aws:s3:::app", sub+"eu-west-1:a"),
				ask("s3:PutObject", "arn:aws:s3:::app/users/eu-west-1:b/photo.jpg", sub+"eu-west-1:a"),
				ask("s3:PutObject", "arn:aws:s3:::app/users/eu-west-1:ab/photo.jpg", sub+"eu-west-1:a"),
				ask("s3:PutObject", "arn:aws:s3:::app/users//photo.jpg"),
				ask("s3:PutObject", "arn:aws:s3:::app/users/eu-west-1:a/photo.jpg", sub+"*"),
			},
		},
		{
			name: "a home folder, with a default and characters that are none of the variable's",
			identity: []string{
				`{"Effect":"Allow","Action":"s3:*","Resource":["arn:aws:s3:::homes/${aws:username}/*",` +
					`"arn:aws:s3:::teams/${aws:PrincipalTag/team, 'none'}/*","arn:aws:s3:::stars/${*}${?}${$}"]}`,
			},
			allowed: []Request{
				ask("s3:GetObject", "arn:aws:s3:::homes/ann/x", "aws:username=ann"),
				ask("s3:GetObject", "arn:aws:s3:::teams/red/x", "aws:PrincipalTag/team=red"),
				ask("s3:GetObject", "arn:aws:s3:::teams/none/x"),
				ask("s3:GetObject", "arn:aws:s3:::stars/*?$"),
			},
			denied: []Request{
				ask("s3:GetObject", "arn:aws:s3:::homes/bob/x", "aws:username=ann"),
				ask("s3:GetObject", "arn:aws:s3:::teams/none/x", "aws:PrincipalTag/team=red"),
				ask("s3:GetObject", "arn:aws:s3:::stars/abc"),
			},
		},
		{
			name: "only tags of a list, and not without one",
			identity: []string{
				`{"Effect":"Allow","Action":"ec2:CreateTags","Resource":"*",
				"Condition":{"StringEquals":{"aws:RequestTag/env":["test","prod"]},
				"ForAllValues:StringEquals":{"aws:TagKeys":["env","cost"]},"Null":{"aws:TagKeys":"false"}}}`},
			allowed: []Request{
				ask("ec2:CreateTags", "*", "aws:RequestTag/env=test", "aws:TagKeys=env"),
				ask("ec2:CreateTags", "*", "aws:RequestTag/env=prod", "aws:TagKeys=env", "aws:TagKeys=cost"),
			},
			denied: []Request{
				ask("ec2:CreateTags", "*", "aws:RequestTag/env=test", "aws:TagKeys=env", "aws:TagKeys=owner"),
				ask("ec2:CreateTags", "*", "aws:RequestTag/env=dev", "aws:TagKeys=env"),
				ask("ec2:CreateTags", "*", "aws:RequestTag/env=test"),
				ask("ec2:CreateTags", "*", "aws:TagKeys=env"),
			},
		},
		{
			name: "deny outside of chosen regions, but for what has none",
			identity: []string{
				`{"Effect":"Allow","Action":"*","Resource":"*"}`,
				`{"Sid":"DenyAllOutsideRegions","Effect":"Deny","NotAction":["cloudfront:*","iam:*","route53:*",` +
					`"support:*"],"Resource":"*",` +
					`"Condition":{"StringNotEquals":{"aws:RequestedRegion":["eu-central-1","eu-west-1"]}}}`,
			},
			allowed: []Request{
				ask("ec2:RunInstances", "*", "aws:RequestedRegion=eu-west-1"),
				ask("IAM:CreateRole", "*", "aws:RequestedRegion=us-east-1"),
				ask("iam:CreateRole", "*"),
			},
			denied: []Request{
				ask("ec2:RunInstances", "*", "aws:RequestedRegion=us-east-1"),
				ask("ec2:RunInstances", "*"),
				ask("iamx:CreateRole", "*", "aws:RequestedRegion=us-east-1"),
			},
		},
		{
			name: "published from one topic only",
			identity: []string{
				`{"Effect":"Allow","Action":"sqs:SendMessage","Resource":"arn:aws:sqs:*:123456789012:queue",
				"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:sns:*:123456789012:orders-*"},
				"StringEquals":{"aws:SourceAccount":"123456789012"}}}`},
			allowed: []Request{ask(
				"sqs:SendMessage",
				"arn:aws:sqs:eu-west-1:123456789012:queue",
				"aws:SourceArn=arn:aws:sns:eu-west-1:123456789012:orders-new",
				"aws:SourceAccount=123456789012",
			)},
			denied: []Request{
				ask(
					"sqs:SendMessage",
					"arn:aws:sqs:eu-west-1:123456789012:queue",
					"aws:SourceArn=arn:aws:sns:eu-west-1:999999999999:orders-new",
					"aws:SourceAccount=123456789012",
				),
				ask(
					"sqs:SendMessage",
					"arn:aws:sqs:eu-west-1:123456789012:queue",
					"aws:SourceArn=arn:aws:sns:eu-west-1:x:123456789012:orders-new",
					"aws:SourceAccount=123456789012",
				),
				ask("sqs:SendMessage", "arn:aws:sqs:eu-west-1:123456789012:queue", "aws:SourceAccount=123456789012"),
			},
		},
		{
			name: "nothing without encryption, whether the header is another one or missing",
			identity: []string{`{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::b/*"},
				{"Effect":"Deny","Action":"s3:PutObject","Resource":"arn:aws:s3:::b/*",
					"Condition":{"StringNotEquals":{"s3:x-amz-server-side-encryption":"aws:kms"}}},
				{"Effect":"Deny","Action":"s3:PutObject","Resource":"arn:aws:s3:::b/*",
					"Condition":{"Null":{"s3:x-amz-server-side-encryption":"true"}}},
				{"Effect":"Deny","Action":"s3:*","Resource":["arn:aws:s3:::b","arn:aws:s3:::b/*"],
					"Condition":{"Bool":{"aws:SecureTransport":"false"}}}`},
			allowed: []Request{ask(
				"s3:PutObject",
				"arn:aws:s3:::b/x",
				"s3:x-amz-server-side-encryption=aws:kms",
				"aws:SecureTransport=true",
			)},
			denied: []Request{
				ask(
					"s3:PutObject",
					"arn:aws:s3:::b/x",
					"s3:x-amz-server-side-encryption=AES256",
					"aws:SecureTransport=true",
				),
				ask("s3:PutObject", "arn:aws:s3:::b/x", "aws:SecureTransport=true"),
				ask(
					"s3:PutObject",
					"arn:aws:s3:::b/x",
					"s3:x-amz-server-side-encryption=aws:kms",
					"aws:SecureTransport=false",
				),
			},
		},
		{
			name:     "a boundary allows nothing by itself, and bounds what others allow",
			identity: []string{`{"Effect":"Allow","Action":["iam:CreateUser","s3:*"],"Resource":"*"}`},
			boundary: `{"Effect":"Allow","Action":["s3:*","cloudwatch:*","ec2:*"],"Resource":"*"},{"Effect":"Deny",` +
				`"Action":"s3:DeleteBucket","Resource":"*"}`,
			allowed: []Request{ask("s3:GetObject", "arn:x")},
			denied: []Request{ask("iam:CreateUser", "*"), ask("ec2:RunInstances", "*"), ask(
				"s3:DeleteBucket", "arn:x",
			)},
		},
		{
			name:     "a session policy narrows role and boundary",
			identity: []string{`{"Effect":"Allow","Action":["s3:*","sqs:*"],"Resource":"*"}`},
			boundary: `{"Effect":"Allow","Action":["s3:*","ec2:*"],"Resource":"*"}`,
			session:  `{"Effect":"Allow","Action":["s3:Get*","sqs:*","ec2:*"],"Resource":"arn:aws:s3:::mine/*"}`,
			allowed:  []Request{ask("s3:GetObject", "arn:aws:s3:::mine/x")},
			denied: []Request{
				ask("s3:PutObject", "arn:aws:s3:::mine/x"), ask("s3:GetObject", "arn:aws:s3:::other/x"),
				ask("sqs:SendMessage", "arn:aws:s3:::mine/x"), ask("ec2:RunInstances", "arn:aws:s3:::mine/x"),
			},
		},
		{
			name: "trust of a pool's users, not of its guests",
			identity: []string{
				`{"Effect":"Allow","Principal":{"Federated":"cognito-identity.amazonaws.com"},
				"Action":["sts:AssumeRoleWithWebIdentity","sts:TagSession"],
				"Condition":{
				"StringEquals":{"cognito-identity.amazonaws.com:aud":"eu-west-1:pool"},
				"ForAnyValue:StringLike":{"cognito-identity.amazonaws.com:amr":"authenticated"}}}`},
			allowed: []Request{
				ask(
					"sts:AssumeRoleWithWebIdentity",
					"arn:role",
					pool,
					user,
					"cognito-identity.amazonaws.com:amr=graph.facebook.com",
				).by(cognito),
				ask("sts:TagSession", "arn:role", pool, user).by(cognito),
			},
			denied: []Request{
				ask("sts:AssumeRoleWithWebIdentity", "arn:role", pool, guest).by(cognito),
				ask("sts:AssumeRoleWithWebIdentity", "arn:role", pool).by(cognito),
				ask(
					"sts:AssumeRoleWithWebIdentity",
					"arn:role",
					"cognito-identity.amazonaws.com:aud=eu-west-1:other",
					user,
				).by(cognito),
				ask("sts:AssumeRoleWithWebIdentity", "arn:role", user).by(cognito),
				ask("sts:AssumeRole", "arn:role", pool, user).by(cognito),
				ask("sts:AssumeRoleWithWebIdentity", "arn:role", pool, user).by(Principal{
					Federated: "accounts.google.com",
				}),
				ask("sts:AssumeRoleWithWebIdentity", "arn:role", pool, user),
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			parse := func(statements string) *Document {
				return mustParse(t, `{"Version":"2012-10-17","Statement":[`+statements+`]}`)
			}
			var identity, session []*Document
			for _, statements := range tc.identity {
				identity = append(identity, parse(statements))
			}
			var boundary *Document
			if tc.boundary != "" {
				boundary = parse(tc.boundary)
			}
			if tc.session != "" {
				session = append(session, parse(tc.session))
			}

			for want, requests := range map[bool][]Request{true: tc.allowed, false: tc.denied} {
				for _, r := range requests {
					if got := Allowed(r, identity, boundary, session); got.Allowed != want {
						t.Errorf("%s on %s with %v: %+v, want %t", r.Action, r.Resource, r.Context.Caller, got, want)
					}
				}
			}
		})
	}
}
