package policy

import (
	"testing"
)

func TestEvaluate(t *testing.T) {
	const (
		account = "123456789012"
		session = "arn:aws:sts::123456789012:assumed-role/app/s"
		role    = "arn:aws:iam::123456789012:role/app"
	)
	caller := Principal{AWS: []string{session, role}}
	cognito := Principal{Federated: CognitoPrincipal}
	for _, tc := range []struct {
		name, statements string
		request          Request
		want             Effect
	}{
		{
			"nothing matches",
			`{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}`,
			Request{Action: "s3:PutObject", Resource: "*"},
			NoMatch,
		},
		{
			"action ignores case",
			`{"Effect":"Allow","Action":"S3:getobject","Resource":"*"}`,
			Request{Action: "s3:GetObject", Resource: "*"},
			Allow,
		},
		{
			"action wildcards",
			`{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}`,
			Request{Action: "s3:GetObject", Resource: "*"},
			Allow,
		},
		{
			"action question mark",
			`{"Effect":"Allow","Action":"s3:?etObject","Resource":"*"}`,
			Request{Action: "s3:GetObject", Resource: "*"},
			Allow,
		},
		{
			"action of another service",
			`{"Effect":"Allow","Action":"s3:*","Resource":"*"}`,
			Request{Action: "s3express:GetObject", Resource: "*"},
			NoMatch,
		},
		{
			"every action",
			`{"Effect":"Allow","Action":"*","Resource":"*"}`,
			Request{Action: "x:y", Resource: "*"},
			Allow,
		},
		{
			"NotAction",
			`{"Effect":"Allow","NotAction":["iam:*","sts:*"],"Resource":"*"}`,
			Request{Action: "s3:GetObject", Resource: "*"},
			Allow,
		},
		{
			"NotAction of one named",
			`{"Effect":"Allow","NotAction":["iam:*","sts:*"],"Resource":"*"}`,
			Request{Action: "IAM:PassRole", Resource: "*"},
			NoMatch,
		},
		{
			"resource keeps case",
			`{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::Bucket/*"}`,
			Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::bucket/x"},
			NoMatch,
		},
		{
			"resource wildcard crosses slashes",
			`{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::b/*"}`,
			Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/x/y:z"},
			Allow,
		},
		{
			"resource that has none",
			`{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::b/*"}`,
			Request{Action: "s3:ListAllMyBuckets", Resource: "*"},
			NoMatch,
		},
		{
			"NotResource",
			`{"Effect":"Deny","Action":"*","NotResource":["arn:aws:s3:::b","arn:aws:s3:::b/*"]}`,
			Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::c/x"},
			Deny,
		},
		{
			"NotResource of one named",
			`{"Effect":"Deny","Action":"*","NotResource":["arn:aws:s3:::b","arn:aws:s3:::b/*"]}`,
			Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/x"},
			NoMatch,
		},
		{
			"NotResource with an unfilled variable still denies",
			`{"Effect":"Deny","Action":"*","NotResource":"arn:aws:s3:::b/${aws:absent}"}`,
			Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/"},
			Deny,
		},
		{
			"deny wins over an earlier allow",
			`{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"s3:*","Resource":"*"}`,
			Request{Action: "s3:GetObject", Resource: "*"},
			Deny,
		},
		{
			"deny wins over a later allow",
			`{"Effect":"Deny","Action":"s3:*","Resource":"*"},{"Effect":"Allow","Action":"*","Resource":"*"}`,
			Request{Action: "s3:GetObject", Resource: "*"},
			Deny,
		},
		{
			"deny that does not apply",
			`{"Effect":"Deny","Action":"s3:*","Resource":"*"},{"Effect":"Allow","Action":"*","Resource":"*"}`,
			Request{Action: "sqs:SendMessage", Resource: "*"},
			Allow,
		},
		{
			"request that is not UTF-8",
			`{"Effect":"Allow","Action":"*","Resource":"*"}`,
			Request{Action: "s3:GetObject", Resource: "arn:aws:s3:::b/\xff"},
			Deny,
		},
		{
			"context that is not UTF-8",
			`{"Effect":"Allow","Action":"*","Resource":"*"}`,
			Request{Action: "s3:GetObject", Resource: "*", Context: RequestContext{Caller: Keys{"aws:x": {"\xff"}}}},
			Deny,
		},

		{
			"principal everyone",
			`{"Effect":"Allow","Principal":"*","Action":"*"}`,
			Request{Action: "sts:AssumeRole", Principal: caller},
			Allow,
		},
		{
			"principal everyone, federated",
			`{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"*"}`,
			Request{Action: "sts:AssumeRole", Principal: cognito},
			Deny,
		},
		{
			"principal everyone, anonymous",
			`{"Effect":"Allow","Principal":"*","Action":"*"}`,
			Request{Action: "a:b"},
			Allow,
		},
		{
			"principal account",
			`{"Effect":"Allow","Principal":{"AWS":"` + account + `"},"Action":"*"}`,
			Request{Action: "sts:AssumeRole", Principal: caller},
			Allow,
		},
		{
			"principal root",
			`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + account + `:root"},"Action":"*"}`,
			Request{Action: "sts:AssumeRole", Principal: caller},
			Allow,
		},
		{
			"principal of another account",
			`{"Effect":"Allow","Principal":{"AWS":"999999999999"},"Action":"*"}`,
			Request{Action: "sts:AssumeRole", Principal: caller},
			NoMatch,
		},
		{
			"principal role",
			`{"Effect":"Allow","Principal":{"AWS":"` + role + `"},"Action":"*"}`,
			Request{Action: "sts:AssumeRole", Principal: caller},
			Allow,
		},
		{
			"principal session",
			`{"Effect":"Allow","Principal":{"AWS":["` + session + `"]},"Action":"*"}`,
			Request{Action: "sts:AssumeRole", Principal: caller},
			Allow,
		},
		{
			"principal role of a longer name",
			`{"Effect":"Allow","Principal":{"AWS":"` + role + `2"},"Action":"*"}`,
			Request{Action: "sts:AssumeRole", Principal: caller},
			NoMatch,
		},
		{
			"principal cognito",
			`{"Effect":"Allow","Principal":{"Federated":"cognito-identity.amazonaws.com"},"Action":"*"}`,
			Request{Action: "sts:AssumeRoleWithWebIdentity", Principal: cognito},
			Allow,
		},
		{
			"principal cognito asked as a service",
			`{"Effect":"Allow","Principal":{"Service":"cognito-identity.amazonaws.com"},"Action":"*"}`,
			Request{Action: "sts:AssumeRoleWithWebIdentity", Principal: cognito},
			NoMatch,
		},
		{
			"principal nobody",
			`{"Effect":"Allow","Principal":{"Federated":"x.example","Service":"s.example","AWS":"` + account +
				`"},"Action":"*"}`,
			Request{Action: "a:b"},
			NoMatch,
		},
		{
			"NotPrincipal named",
			`{"Effect":"Deny","NotPrincipal":{"AWS":"` + role + `"},"Action":"*"}`,
			Request{Action: "a:b", Principal: caller},
			NoMatch,
		},
		{
			"NotPrincipal another",
			`{"Effect":"Deny","NotPrincipal":{"AWS":"` + role + `"},"Action":"*"}`,
			Request{Action: "a:b", Principal: cognito},
			Deny,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := mustParse(t, `{"Version":"2012-10-17","Statement":[`+tc.statements+`]}`)
			got, statement := d.Evaluate(tc.request)
			if got != tc.want {
				t.Errorf("Evaluate = %v, want %v", got, tc.want)
			}
			if statement != nil && statement.Effect != got {
				t.Errorf("Evaluate = %v by %v, whose effect is %v", got, statement, statement.Effect)
			}
		})
	}
}

// The trust policy that the Cognito console writes.
const cognitoTrust = `{
  "Version": "2012-10-17",
  "Statement": [{
    "Effect": "Allow",
    "Principal": {"Federated": "cognito-identity.amazonaws.com"},
    "Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"],
    "Condition": {
      "StringEquals": {"cognito-identity.amazonaws.com:aud": "us-east-1:11111111-2222-3333-4444-555555555555"},
      "ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": "authenticated"}
    }
  }]
}`

func cognitoRequest() Request {
	return Request{
		Action:    "sts:AssumeRoleWithWebIdentity",
		Resource:  "arn:aws:iam::123456789012:role/app",
		Principal: Principal{Federated: CognitoPrincipal},
		Context: RequestContext{Caller: Keys{
			CognitoAudience:         {"us-east-1:11111111-2222-3333-4444-555555555555"},
			CognitoSubject:          {"us-east-1:99999999-2222-3333-4444-555555555555"},
			CognitoAMR:              {"authenticated", "accounts.google.com", "accounts.google.com:aud:sub"},
			"sts:rolesessionname":   {"CognitoIdentityCredentials"},
			"aws:federatedprovider": {CognitoPrincipal},
			"aws:currenttime":       {"2026-11-23T10:00:00Z"},
			"aws:epochtime":         {"1795428000"},
			"aws:securetransport":   {"true"},
			"aws:sourceip":          {"203.0.113.9"},
			"aws:requesttag/dept":   {"engineering"},
			"aws:tagkeys":           {"dept"},
			"sts:transitivetagkeys": nil,
		}, Service: allKnown},
	}
}

func TestCognitoTrust(t *testing.T) {
	d := mustParse(t, cognitoTrust)
	if effect, s := d.Evaluate(cognitoRequest()); effect != Allow || s.Index != 0 {
		t.Fatalf("Evaluate = %v by %v, want Allow", effect, s)
	}

	for name, change := range map[string]func(*Request){
		"another pool":     func(r *Request) { r.Context.Caller[CognitoAudience] = []string{"us-east-1:other"} },
		"a guest":          func(r *Request) { r.Context.Caller[CognitoAMR] = []string{"unauthenticated"} },
		"no amr":           func(r *Request) { delete(r.Context.Caller, CognitoAMR) },
		"another provider": func(r *Request) { r.Principal.Federated = "accounts.google.com" },
		"another action":   func(r *Request) { r.Action = "sts:AssumeRole" },
	} {
		r := cognitoRequest()
		change(&r)
		if effect, _ := d.Evaluate(r); effect != NoMatch {
			t.Errorf("%s: %v, want NoMatch", name, effect)
		}
		if m := d.Mismatches(r); len(m) != 1 {
			t.Errorf("%s: mismatches = %v, want one", name, m)
		}
	}
}

func TestMismatches(t *testing.T) {
	d := mustParse(t, `{"Version":"2012-10-17","Statement":[
	  {"Sid":"who","Effect":"Allow","Principal":{"Federated":"accounts.google.com"},"Action":"sts:*"},
	  {"Effect":"Allow","Principal":"*","NotAction":"sts:*"},
	  {"Effect":"Deny","Principal":"*","Action":"s3:*"},
	  {"Effect":"Allow","Principal":"*","Action":"sts:*","Condition":{"StringEquals":{"aws:a":["1","2"]}}},
	  {"Effect":"Allow","Principal":"*","Action":"sts:*","Condition":{"StringEquals":{"aws:B":"1"}}},
	  {"Effect":"Allow","Principal":"*","Action":"sts:*","Resource":"arn:aws:s3:::b"}
	]}`)
	got := d.Mismatches(Request{
		Action:    "sts:TagSession",
		Resource:  "arn:aws:s3:::c",
		Principal: Principal{Federated: CognitoPrincipal},
		Context:   RequestContext{Caller: Keys{"aws:b": {"9", "8"}}, Service: allKnown},
	})

	want := []string{
		`statement "who": its Principal does not match`,
		`statement 1: its NotAction does not match`,
		`statement 3: StringEquals aws:a wants 1 or 2, the request does not have that key`,
		`statement 4: StringEquals aws:B wants 1, the request has 9, 8`,
		`statement 5: its Resource does not match`,
	}

	if len(got) != len(want) {
		t.Fatalf("Mismatches = %v", got)
	}

	for i := range want {
		if got[i].String() != want[i] {
			t.Errorf("mismatch %d = %s, want %s", i, got[i], want[i])
		}
	}
}

func TestAllowed(t *testing.T) {
	const (
		all    = `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`
		read   = `{"Statement":{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}}`
		write  = `{"Statement":{"Effect":"Allow","Action":"s3:Put*","Resource":"*"}}`
		noRead = `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"s3:Get*",` +
			`"Resource":"*"}]}`
	)
	for _, tc := range []struct {
		name               string
		identity           []string
		boundary           string
		session            []string
		read, write        bool
		readWhy            Layer
		readExplicitlyDeny bool
	}{
		{name: "no policies", readWhy: IdentityLayer},
		{name: "identity alone", identity: []string{read}, read: true},
		{name: "union of identity policies", identity: []string{read, write}, read: true, write: true},
		{name: "boundary alone gives nothing", boundary: all, readWhy: IdentityLayer},
		{name: "session alone gives nothing", session: []string{all}, readWhy: IdentityLayer},
		{name: "boundary narrows", identity: []string{all}, boundary: write, write: true, readWhy: BoundaryLayer},
		{name: "session narrows", identity: []string{all}, session: []string{read}, read: true},
		{
			name:     "union of session policies",
			identity: []string{all},
			session:  []string{read, write},
			read:     true,
			write:    true,
		},
		{
			name:     "all three",
			identity: []string{read, write},
			boundary: all,
			session:  []string{write},
			write:    true,
			readWhy:  SessionLayer,
		},
		{
			name:     "boundary and session do not meet",
			identity: []string{all},
			boundary: write,
			session:  []string{read},
			readWhy:  BoundaryLayer,
		},
		{
			name:               "deny in identity",
			identity:           []string{all, noRead},
			write:              true,
			readWhy:            IdentityLayer,
			readExplicitlyDeny: true,
		},
		{
			name:               "deny in boundary",
			identity:           []string{all},
			boundary:           noRead,
			write:              true,
			readWhy:            BoundaryLayer,
			readExplicitlyDeny: true,
		},
		{
			name:               "deny in session",
			identity:           []string{all},
			session:            []string{all, noRead},
			write:              true,
			readWhy:            SessionLayer,
			readExplicitlyDeny: true,
		},
		{
			name:               "deny in session beats nothing in identity",
			identity:           []string{write},
			session:            []string{noRead},
			write:              true,
			readWhy:            SessionLayer,
			readExplicitlyDeny: true,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			parse := func(docs []string) (list []*Document) {
				for _, d := range docs {
					list = append(list, mustParse(t, d))
				}
				return list
			}

			var boundary *Document
			if tc.boundary != "" {
				boundary = mustParse(t, tc.boundary)
			}
			decide := func(action string) Decision {
				return Allowed(
					Request{Action: action, Resource: "arn:aws:s3:::b/x"},
					parse(tc.identity),
					boundary,
					parse(tc.session),
				)
			}

			d := decide("s3:GetObject")
			if d.Allowed != tc.read || d.Explicit != tc.readExplicitlyDeny || !d.Allowed && d.Layer != tc.readWhy {
				t.Errorf("read: %+v", d)
			}
			if d := decide("s3:PutObject"); d.Allowed != tc.write {
				t.Errorf("write: %+v", d)
			}
		})
	}
}

// Keys that are made later count like those of the context, which come first; a
// value that is not UTF-8 denies once a policy looks at it.
func TestLater(t *testing.T) {
	d := mustParse(t, `{"Version":"2012-10-17","Statement":[
	  {"Effect":"Allow","Action":"a:Read","Resource":"*","Condition":{"StringEquals":{"App:User":"alice"}}},
	  {"Effect":"Allow","Action":"a:Write","Resource":"*"}]}`)
	for name, tt := range map[string]struct {
		action, first, later string
		want                 Effect
	}{
		"later":              {"a:Read", "", "alice", Allow},
		"another value":      {"a:Read", "", "bob", NoMatch},
		"context first":      {"a:Read", "bob", "alice", NoMatch},
		"not UTF-8":          {"a:Read", "", "alice\xff", Deny},
		"not looked at":      {"a:Write", "", "\xff", Allow},
		"in neither":         {"a:Read", "", "", NoMatch},
		"context alone":      {"a:Read", "alice", "", Allow},
		"context, not UTF-8": {"a:Write", "\xff", "", Deny},
	} {
		r := Request{
			Action:   tt.action,
			Resource: "*",
			Context: RequestContext{Caller: Keys{}, Service: func(key string) ([]string, bool) {
				if key != "app:user" || tt.later == "" {
					return nil, true
				}
				return []string{tt.later}, true
			}},
		}
		if tt.first != "" {
			r.Context.Caller.Set("app:user", tt.first)
		}

		if got, _ := d.Evaluate(r); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
		if got := Allowed(r, []*Document{d}, nil, nil).Allowed; got != (tt.want == Allow) {
			t.Errorf("%s: allowed %t", name, got)
		}
	}
}
