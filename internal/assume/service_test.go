package assume

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/iam/policy"
	"github.com/poolhouse-id/poolhouse/internal/session"
)

const (
	testAccount  = "123456789012"
	testPool     = "us-east-1:11111111-2222-3333-4444-555555555555"
	testIdentity = "us-east-1:99999999-2222-3333-4444-555555555555"
	roleARN      = "arn:aws:iam::123456789012:role/team/app"
)

// trust is a trust policy of the usual form with the given actions and further conditions.
func trust(actions, conditions string) string {
	return `{"Version":"2012-10-17","Statement":[{"Sid":"pool","Effect":"Allow",
	  "Principal":{"Federated":"cognito-identity.amazonaws.com"},
	  "Action":[` + actions + `],"Condition":{"StringEquals":{"cognito-identity.amazonaws.com:aud":"` + testPool +
		`"}` + conditions + `}}]}`
}

const (
	assumeOnly   = `"sts:AssumeRoleWithWebIdentity"`
	assumeAndTag = `"sts:AssumeRoleWithWebIdentity","sts:TagSession"`
	signedIn     = `,"ForAnyValue:StringLike":{"cognito-identity.amazonaws.com:amr":"authenticated"}`
	guestsOnly   = `,"ForAnyValue:StringLike":{"cognito-identity.amazonaws.com:amr":"unauthenticated"}`
)

func newService(t testing.TB, c *steppedClock, roles ...iam.RoleConfig) *Service {
	t.Helper()
	d, err := iam.NewDirectory(iam.Config{Account: testAccount, Roles: roles})
	if err != nil {
		t.Fatal(err)
	}
	return NewService(ServiceOptions{Minter: newMemoryMinter(t, c), Roles: d, Now: c.Now})
}

func request() Request {
	return Request{
		Account:    testAccount,
		Region:     "us-east-1",
		PoolID:     testPool,
		IdentityID: testIdentity,
		Role:       ReadPoolRole(roleARN),
		AMR:        []string{"authenticated", "accounts.google.com", "accounts.google.com:aud:sub"},
		Provider:   "accounts.google.com",
		client:     policy.Client{IP: netip.MustParseAddr("::ffff:203.0.113.9"), TLS: true},
	}
}

func TestAssumeRoleForIdentity(t *testing.T) {
	c := newSteppedClock()
	s := newService(t, c, iam.RoleConfig{ARN: roleARN, TrustPolicy: trust(assumeAndTag, signedIn)})
	trace := &explain.Trace{}
	ctx := explain.NewContext(t.Context(), trace)
	r := request()
	r.Tags = map[string]string{"team": "red", "empty": ""}
	got, err := s.AssumeRoleForIdentity(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Expiration.Equal(c.Now().Add(time.Hour)) {
		t.Errorf("Expiration = %v, want an hour from now", got.Expiration)
	}

	opened, _, err := s.minter.Open(ctx, got.AccessKeyID, got.SessionToken)
	if err != nil {
		t.Fatal(err)
	}

	want := session.Session{
		Account:     testAccount,
		RoleARN:     roleOf(roleARN),
		RoleID:      iam.RoleID(roleARN),
		SessionName: "CognitoIdentityCredentials",
		IdentityID:  testIdentity,
		PoolID:      testPool,
		AMR:         r.AMR,
		Tags:        r.Tags,
		Provider:    "accounts.google.com",
		Region:      "us-east-1",
		Issued:      c.Now(),
		Expires:     c.Now().Add(time.Hour),
	}
	if diff := cmp.Diff(want, opened, cmpopts.EquateComparable(iam.RoleARN{})); diff != "" {
		t.Errorf("session (-want +got):\n%s", diff)
	}
	if trace.Refused() || len(trace.Steps()) != 2 {
		t.Errorf("trace = %+v, want both actions to have passed", trace.Steps())
	}

	caller := opened.Caller(got.AccessKeyID)
	const arn = "arn:aws:sts::123456789012:assumed-role/app/CognitoIdentityCredentials"
	if id := iam.RoleID(roleARN) + ":CognitoIdentityCredentials"; caller.Account != testAccount ||
		caller.ARN != arn || caller.UserID != id {
		t.Errorf("caller %s, %s of account %s; want %s, %s", caller.ARN, caller.UserID, caller.Account, arn, id)
	}
}

func TestGuestsAreScopedDown(t *testing.T) {
	c := newSteppedClock()
	const all = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	config := iam.RoleConfig{ARN: roleARN, TrustPolicy: trust(assumeOnly, ""), Policies: map[string]string{"all": all}}

	s := newService(t, c, config)
	authorizer := iam.NewAuthorizer(s.roles, c.Now)
	for _, guest := range []bool{true, false} {
		r := request()
		r.Guest, r.AMR = guest, nil
		got, err := s.AssumeRoleForIdentity(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}

		opened, _, err := s.minter.Open(t.Context(), got.AccessKeyID, got.SessionToken)
		if err != nil {
			t.Fatal(err)
		}
		wantAMR := []string{map[bool]string{true: "unauthenticated", false: "authenticated"}[guest]}
		if diff := cmp.Diff(wantAMR, opened.AMR); diff != "" {
			t.Error(diff)
		}

		caller := opened.Caller(got.AccessKeyID)
		for action, guestMay := range map[string]bool{"s3:GetObject": true, "rum:PutRumEvents": true,
			"iam:PassRole": false, "ec2:RunInstances": false} {
			err := authorizer.Authorize(t.Context(), caller, iam.Access{Action: action, Resource: "*"})
			if allowed := err == nil; allowed != (guestMay || !guest) {
				t.Errorf("guest %t, %s: %v", guest, action, err)
			}
		}
	}
}

// What a session may do can depend on whose it is.
func TestSessionConditions(t *testing.T) {
	c := newSteppedClock()
	const own = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*",
	  "Resource":"arn:aws:s3:::b/${cognito-identity.amazonaws.com:sub}/${aws:PrincipalTag/team}/*",
	  "Condition":{"StringEquals":{"cognito-identity.amazonaws.com:aud":"` + testPool +
		`","aws:FederatedProvider":"cognito-identity.amazonaws.com",
	    "aws:PrincipalArn":"` + roleARN + `","aws:PrincipalAccount":"123456789012"},
	    "ForAnyValue:StringEquals":{"cognito-identity.amazonaws.com:amr":"accounts.google.com"},
	    "DateGreaterThanEquals":{"aws:TokenIssueTime":"2026-11-23T10:00:00Z"}}}]}`
	s := newService(t, c,
		iam.RoleConfig{ARN: roleARN, TrustPolicy: trust(assumeAndTag, ""), Policies: map[string]string{"own": own}})
	r := request()
	r.Tags = map[string]string{"team": "red"}
	got, err := s.AssumeRoleForIdentity(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}

	opened, _, err := s.minter.Open(t.Context(), got.AccessKeyID, got.SessionToken)
	if err != nil {
		t.Fatal(err)
	}
	opened.SourceIdentity = "somebody"

	a := iam.NewAuthorizer(s.roles, c.Now)
	for resource, want := range map[string]bool{
		"arn:aws:s3:::b/" + testIdentity + "/red/photo":  true,
		"arn:aws:s3:::b/" + testIdentity + "/blue/photo": false,
		"arn:aws:s3:::b/us-east-1:other/red/photo":       false,
	} {
		if err := a.Authorize(t.Context(), opened.Caller(got.AccessKeyID),
			iam.Access{Action: "s3:GetObject", Resource: resource}); (err == nil) != want {
			t.Errorf("%s: %v", resource, err)
		}
	}
}

func TestAssumeRoleDenials(t *testing.T) {
	tagged := func(r *Request) { r.Tags = map[string]string{"team": "red"} }
	guest := func(r *Request) { r.Guest, r.AMR = true, []string{"unauthenticated"} }
	for _, tc := range []struct {
		writtenName string
		trust       string
		change      func(*Request)
		want        []string // of the failed step
		secret      string   // shown nowhere
		is          error
	}{
		{
			writtenName: "unknown role", trust: trust(assumeOnly, ""),
			change: func(r *Request) { r.Role = ReadPoolRole("arn:aws:iam::123456789012:role/app") },
			want: []string{"a role that this server knows", "arn:aws:iam::123456789012:role/app",
				"create it (IAM CreateRole, or roles in the settings)"},
		},
		{
			writtenName: "no role's ARN", trust: trust(assumeOnly, ""),
			change: func(r *Request) { r.Role = ReadPoolRole("app") },
			want:   []string{"the ARN of a role", "app", "name it arn:aws:iam::123456789012:role/NAME"},
		},
		{
			writtenName: "another account", trust: trust(assumeOnly, ""),
			change: func(r *Request) { r.Role = ReadPoolRole("arn:aws:iam::999999999999:role/app") },
			want: []string{
				"the pool's account, 123456789012", "account 999999999999", "use a role in the pool's account",
			},
		},
		{
			writtenName: "another pool", trust: trust(assumeOnly, ""),
			change: func(r *Request) { r.PoolID = "us-east-1:other" },
			want: []string{`StringEquals cognito-identity.amazonaws.com:aud ` + testPool + ` (statement "pool")`,
				"us-east-1:other", "add us-east-1:other to this condition"},
		},
		{
			writtenName: "a guest on a role for users", trust: trust(assumeOnly, signedIn), change: guest,
			want: []string{"ForAnyValue:StringLike cognito-identity.amazonaws.com:amr authenticated",
				"unauthenticated", "the role is not for guests"},
		},
		{
			writtenName: "a user on a role for guests", trust: trust(assumeOnly, guestsOnly),
			want: []string{"cognito-identity.amazonaws.com:amr unauthenticated", "authenticated, accounts.google.com",
				"choose another role"},
		},
		{
			writtenName: "another identity",
			trust:       trust(assumeOnly, `,"StringLike":{"cognito-identity.amazonaws.com:sub":"us-east-1:0*"}`),
			want: []string{"cognito-identity.amazonaws.com:sub", testIdentity,
				"add " + testIdentity + " to this condition"},
		},
		{
			writtenName: "a guest that is not named",
			trust:       trust(assumeOnly, `,"StringLike":{"cognito-identity.amazonaws.com:sub":"us-east-1:0*"}`),
			change:      guest,
			want: []string{"cognito-identity.amazonaws.com:sub", "another value, of 46 bytes",
				"add the guest's identity ID"}, secret: testIdentity,
		},
		{
			writtenName: "tags without TagSession", trust: trust(assumeOnly, ""), change: tagged,
			want: []string{"allows sts:TagSession", "its Action does not match",
				"need sts:TagSession in addition to sts:AssumeRoleWithWebIdentity"},
		},
		{
			writtenName: "a tag of another value",
			trust:       trust(assumeAndTag, `,"StringLike":{"aws:RequestTag/team":"blue"}`), change: tagged,
			want: []string{"aws:RequestTag/team blue", "another value, of 3 bytes", "principal tag mapping"},
		},
		{
			writtenName: "a tag that is missing",
			trust:       trust(assumeOnly, `,"StringLike":{"aws:RequestTag/team":"blue"}`),
			want:        []string{"aws:RequestTag/team", "the request does not have that key"},
		},
		{
			writtenName: "a tag key too many",
			trust:       trust(assumeAndTag, `,"ForAllValues:StringEquals":{"aws:TagKeys":["name"]}`), change: tagged,
			want: []string{"ForAllValues:StringEquals aws:TagKeys name", "team"},
		},
		{
			writtenName: "another address", trust: trust(assumeOnly, `,"IpAddress":{"aws:SourceIp":"198.51.100.0/24"}`),
			want: []string{"IpAddress aws:SourceIp 198.51.100.0/24", "203.0.113.9", "change this condition"},
		},
		{
			writtenName: "no address known", trust: trust(assumeOnly, `,"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}`),
			change: func(r *Request) { r.client.IP = netip.Addr{} },
			want:   []string{"aws:SourceIp", "aws:SourceIp cannot be evaluated here"},
		},
		{
			writtenName: "no TLS", trust: trust(assumeOnly, `,"Bool":{"aws:SecureTransport":"true"}`),
			change: func(r *Request) { r.client.TLS = false },
			want:   []string{"Bool aws:SecureTransport true", "false"},
		},
		{
			writtenName: "too late",
			trust:       trust(assumeOnly, `,"DateLessThan":{"aws:CurrentTime":"2026-11-23T09:00:00Z"}`),
			want:        []string{"aws:CurrentTime", "2026-11-23T10:00:00Z"},
		},
		{
			writtenName: "another session name", trust: trust(assumeOnly, `,"StringLike":{"sts:RoleSessionName":"me"}`),
			want: []string{"sts:RoleSessionName me", "CognitoIdentityCredentials"},
		},
		{
			writtenName: "another provider",
			trust: strings.Replace(trust(assumeOnly, ""), "cognito-identity.amazonaws.com\"}",
				"accounts.google.com\"}", 1),
			want: []string{"a statement for cognito-identity.amazonaws.com", "its Principal does not match",
				`"StringEquals": {"cognito-identity.amazonaws.com:aud": "` + testPool + `"}`},
		},
		{
			writtenName: "nobody is trusted",
			trust: `{"Version":"2012-10-17","Statement":[{"Sid":"no","Effect":"Deny","Principal":"*",` +
				`"Action":"sts:SetContext"}]}`,
			want: []string{"no Allow statement", "add to the trust policy"},
		},
		{
			writtenName: "denied",
			trust: strings.Replace(trust(assumeOnly, ""), `"Statement":[`,
				`"Statement":[{"Sid":"no","Effect":"Deny",`+
					`"Principal":{"Federated":"cognito-identity.amazonaws.com"},"Action":"sts:*"},`, 1),
			want: []string{`an explicit Deny in statement "no"`, "change or remove that statement"},
		},
		{
			writtenName: "too many tags", trust: trust(assumeAndTag, ""), change: func(r *Request) {
				r.Tags = map[string]string{}
				for i := range 51 {
					r.Tags[strings.Repeat("k", i+1)] = "v"
				}
			}, want: []string{"51 tags", "up to 50"},
		},
		{writtenName: "a reserved tag", trust: trust(assumeAndTag, ""),
			change: func(r *Request) { r.Tags = map[string]string{"AWS:x": "v"} }, want: []string{"AWS:x", "reserved"}},
		{writtenName: "an empty tag key", trust: trust(assumeAndTag, ""),
			change: func(r *Request) { r.Tags = map[string]string{"": "v"} }, want: []string{"1 to 128"}},
		{writtenName: "a long tag key", trust: trust(assumeAndTag, ""),
			change: func(r *Request) { r.Tags = map[string]string{strings.Repeat("k", 129): "v"} },
			want:   []string{"1 to 128"}},
		{writtenName: "tag keys that differ by case", trust: trust(assumeAndTag, ""),
			change: func(r *Request) { r.Tags = map[string]string{"a": "v", "A": "v"} },
			want:   []string{"ignores the letter case"}},
		{writtenName: "a long tag value", trust: trust(assumeAndTag, ""),
			change: func(r *Request) { r.Tags = map[string]string{"a": strings.Repeat("v", 257)} },
			want:   []string{`the value of tag "a", 257 bytes`}},
		{writtenName: "a tag value with a comma", trust: trust(assumeAndTag, ""),
			change: func(r *Request) { r.Tags = map[string]string{"a": "v,w"} },
			want:   []string{`the value of tag "a"`}},
		{writtenName: "a session too long", trust: trust(assumeOnly, ""),
			change: func(r *Request) { r.Duration = time.Hour + 1 },
			want:   []string{"15m0s to 1h0m0s", "max_session_duration"}, is: ErrDuration},
		{writtenName: "a session too short", trust: trust(assumeOnly, ""),
			change: func(r *Request) { r.Duration = 15*time.Minute - 1 }, want: []string{"15m0s to 1h0m0s"},
			is: ErrDuration},
		{
			writtenName: "tags that do not fit", trust: trust(assumeAndTag, ""), change: func(r *Request) {
				r.Tags = map[string]string{}
				for i := range 50 {
					r.Tags[strings.Repeat("k", i+1)] = strings.Repeat("v", 256)
				}
			}, want: []string{"session token size", "up to 4096 bytes", "fewer or shorter"}, is: session.ErrTooLarge,
		},
	} {
		t.Run(tc.writtenName, func(t *testing.T) {
			s := newService(t, newSteppedClock(), iam.RoleConfig{ARN: roleARN, TrustPolicy: tc.trust})
			r := request()
			if tc.change != nil {
				tc.change(&r)
			}
			trace := &explain.Trace{}
			got, err := s.AssumeRoleForIdentity(explain.NewContext(t.Context(), trace), r)
			if want := cmpOr(tc.is, ErrDenied); !errors.Is(err, want) || got != (session.Credentials{}) {
				t.Fatalf("AssumeRoleForIdentity = %v, %v, want %v", got, err, want)
			}

			steps := trace.Steps()
			if !trace.Refused() || steps[len(steps)-1].OK {
				t.Fatalf("the trace does not say why: %+v", steps)
			}
			last := steps[len(steps)-1]
			if last.Fix == "" || last.Expected == "" || last.Got == "" {
				t.Errorf("the step is not complete: %+v", last)
			}

			line := strings.Join([]string{last.Check, last.Expected, last.Got, last.Fix}, " | ")
			for _, want := range tc.want {
				if !strings.Contains(line, want) {
					t.Errorf("%q is not in: %s", want, line)
				}
			}

			if tc.secret != "" &&
				(strings.Contains(fmt.Sprint(steps), tc.secret) || strings.Contains(err.Error(), tc.secret)) {
				t.Errorf("%s is shown: %+v, %v", tc.secret, steps, err)
			}
			if len(r.Tags) == 1 && r.Tags["team"] != "" && strings.Contains(line, r.Tags["team"]+" ") {
				t.Errorf("the trace shows a tag's value: %s", line)
			}
		})
	}
}

func cmpOr(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

func TestAssumeRoleRefusesContradictions(t *testing.T) {
	s := newService(t, newSteppedClock(), iam.RoleConfig{ARN: roleARN, TrustPolicy: trust(assumeOnly, "")})
	for name, change := range map[string]func(*Request){
		"no identity":                func(r *Request) { r.IdentityID = "" },
		"no pool":                    func(r *Request) { r.PoolID = "" },
		"a guest who signed in":      func(r *Request) { r.Guest = true },
		"a user who did not":         func(r *Request) { r.AMR = []string{"unauthenticated"} },
		"a user of both kinds":       func(r *Request) { r.AMR = []string{"authenticated", "unauthenticated"} },
		"a user with providers only": func(r *Request) { r.AMR = []string{"accounts.google.com"} },
	} {
		r := request()
		change(&r)
		if got, err := s.AssumeRoleForIdentity(t.Context(), r); err == nil || errors.Is(err, ErrDenied) ||
			got != (session.Credentials{}) {
			t.Errorf("%s: %v, %v, want an error of its own", name, got, err)
		}
	}
}

func TestUnknownRolesInDevelopment(t *testing.T) {
	c := newSteppedClock()
	var log bytes.Buffer
	d, err := iam.NewDirectory(
		iam.Config{Roles: []iam.RoleConfig{{ARN: roleARN, TrustPolicy: trust(assumeOnly, guestsOnly)}}},
	)
	if err != nil {
		t.Fatal(err)
	}

	s := NewService(ServiceOptions{
		Minter: newMemoryMinter(t, c), Roles: d, Now: c.Now, AcceptUnknownRoles: true,
		Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	r := request()
	r.Role, r.Tags = ReadPoolRole("arn:aws:iam::123456789012:role/later"), map[string]string{"team": "red"}

	var got session.Credentials
	for range 3 {
		if got, err = s.AssumeRoleForIdentity(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(log.String(), "unknown role accepted"); n != 1 ||
		!strings.Contains(log.String(), r.Role.text) {
		t.Errorf("three sessions warned %d times, want once for the role:\n%s", n, log.String())
	}

	opened, _, err := s.minter.Open(t.Context(), got.AccessKeyID, got.SessionToken)
	if err != nil {
		t.Fatal(err)
	}

	caller := opened.Caller(got.AccessKeyID)
	if caller.ARN != "arn:aws:sts::123456789012:assumed-role/later/CognitoIdentityCredentials" ||
		!strings.HasPrefix(caller.UserID, "AROA") {
		t.Errorf("caller = %+v", caller)
	}
	if err := iam.NewAuthorizer(d, c.Now).
		Authorize(t.Context(), caller, iam.Access{Action: "s3:GetObject", Resource: "*"}); !errors.Is(err,
		iam.ErrDenied) {
		t.Errorf("a session of an unknown role may act: %v", err)
	}

	// The switch is for roles that are not there, not for those that refuse.
	for name, arn := range map[string]string{
		"a known role that does not trust the user": roleARN,
		"a role in another account":                 "arn:aws:iam::999999999999:role/later",
		"no role":                                   "later",
	} {
		r.Role = ReadPoolRole(arn)
		if _, err := s.AssumeRoleForIdentity(t.Context(), r); !errors.Is(err, ErrDenied) {
			t.Errorf("%s: %v, want ErrDenied", name, err)
		}
	}
}

type brokenRoles struct{}

var errBroken = errors.New("no database")

func (brokenRoles) Role(context.Context, iam.RoleARN) (iam.Role, error) { return iam.Role{}, errBroken }

func TestAssumeRoleFailsClosedWithoutRoles(t *testing.T) {
	c := newSteppedClock()
	s := NewService(ServiceOptions{Minter: newMemoryMinter(t, c), Roles: brokenRoles{}, AcceptUnknownRoles: true})
	if _, err := s.AssumeRoleForIdentity(t.Context(), request()); !errors.Is(err, errBroken) ||
		errors.Is(err, ErrDenied) {
		t.Errorf("AssumeRoleForIdentity = %v, want the store's error", err)
	}
}

type bareRoles struct{}

func (bareRoles) Role(_ context.Context, arn iam.RoleARN) (iam.Role, error) {
	return iam.Role{ARN: arn, Account: testAccount, MaxSession: time.Hour}, nil
}

func TestRoleWithoutTrustPolicyIsDenied(t *testing.T) {
	s := NewService(ServiceOptions{
		Minter:             newMemoryMinter(t, newSteppedClock()),
		Roles:              bareRoles{},
		AcceptUnknownRoles: true,
	})
	trace := &explain.Trace{}
	if _, err := s.AssumeRoleForIdentity(explain.NewContext(t.Context(), trace), request()); !errors.Is(err,
		ErrDenied) || !trace.Refused() {
		t.Errorf("AssumeRoleForIdentity = %v, want ErrDenied with a reason", err)
	}
}

func BenchmarkAssumeRoleForIdentity(b *testing.B) {
	c := newSteppedClock()
	s := newService(b, c, iam.RoleConfig{ARN: roleARN, TrustPolicy: trust(assumeAndTag, signedIn)})
	r := request()
	r.Tags = map[string]string{"team": "red", "username": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"}
	b.ReportAllocs()

	for b.Loop() {
		if _, err := s.AssumeRoleForIdentity(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}

// roleOf reads the ARN of a role; the zero ARN if the text is none.
func roleOf(text string) iam.RoleARN {
	arn, _ := iam.ParseRoleARN(text)
	return arn
}
