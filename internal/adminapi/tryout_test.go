package adminapi_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/ratelimit"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// tried is the answer of TryRoles, or a result of ExplainToken.
type tried struct {
	IdentityPoolId, ProviderName, Reason, Error, Message, RoleArn string

	Accepted bool
	Trust    *struct {
		Allowed   bool
		Statement string
	}
	Tags  map[string]string
	Steps []struct {
		Code, Check, Fix string
		OK               bool
		Link             *struct{ Kind, Id, Field, Add string }
	}
	Rules []struct {
		Matched, LookedAt bool
		Why               string
	}
}

// verdict is the outcome of a sign-in: a refusal, or a role with tags.
type verdict struct{ reason, message, role, tags string }

var expiredAt = regexp.MustCompile(`Token expired: \d+ >=`)

// timeless leaves the present out of a message: two calls may be made in different seconds.
func timeless(message string) string {
	return expiredAt.ReplaceAllString(message, "Token expired: now >=")
}

func (r *tried) verdict() verdict {
	if !r.Accepted {
		return verdict{reason: r.Reason, message: timeless(r.Message)}
	}
	return verdict{role: r.RoleArn, tags: shownTags(r.Tags)}
}

func shownTags(tags map[string]string) string {
	var list []string
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, key+"="+tags[key])
	}
	return strings.Join(list, ",")
}

// decoded reads a JSON answer, which must be a success.
func decoded[T any](t *testing.T, a wiretest.Answer) T {
	t.Helper()
	var out T
	if err := json.Unmarshal([]byte(a.Body), &out); err != nil || a.Status != http.StatusOK {
		t.Fatalf("answer %d: %s", a.Status, a.Body)
	}
	return out
}

func encoded(t *testing.T, value any) string {
	t.Helper()
	return string(wiretest.Must(json.Marshal(value))(t))
}

// realVerdict signs a user in at a pool: GetId, then GetCredentialsForIdentity.
func realVerdict(t *testing.T, s *wiretest.Server, pool, custom string, logins map[string]string) verdict {
	t.Helper()
	in := map[string]any{"IdentityPoolId": pool}
	if logins != nil {
		in["Logins"] = logins
	}
	got := s.Raw(t, "GetId", encoded(t, in), false)
	if got.Status != http.StatusOK {
		return refusedVerdict(t, s, got)
	}
	id := decoded[struct{ IdentityId string }](t, got).IdentityId

	return credentialsOf(t, s, id, custom, logins)
}

// credentialsOf asks for an identity's credentials, and who they belong to.
func credentialsOf(t *testing.T, s *wiretest.Server, id, custom string, logins map[string]string) verdict {
	t.Helper()
	in := map[string]any{"IdentityId": id}
	if logins != nil {
		in["Logins"] = logins
	}
	if custom != "" {
		in["CustomRoleArn"] = custom
	}
	got := s.Raw(t, "GetCredentialsForIdentity", encoded(t, in), false)
	if got.Status != http.StatusOK {
		return refusedVerdict(t, s, got)
	}

	c := decoded[struct {
		Credentials struct{ AccessKeyId, SessionToken string }
	}](t, got).Credentials
	session := decoded[struct {
		Principal struct {
			RoleARN string            `json:"roleArn"`
			Tags    map[string]string `json:"tags"`
		}
	}](t, s.AdminCall(t, "VerifySession", encoded(t, map[string]string{
		"AccessKeyId":  c.AccessKeyId,
		"SessionToken": c.SessionToken,
		"Date":         time.Now().UTC().Format("20060102"),
		"Region":       wiretest.Region,
		"Service":      "execute-api",
	})))

	return verdict{role: session.Principal.RoleARN, tags: shownTags(session.Principal.Tags)}
}

// refusedVerdict asks Explain for the reason of a refused call.
func refusedVerdict(t *testing.T, s *wiretest.Server, a wiretest.Answer) verdict {
	t.Helper()
	id := a.Header.Get("X-Amzn-RequestId")
	explained := s.AdminCall(t, "Explain", encoded(t, map[string]string{"RequestId": id}))
	message := ""
	var said struct{ Message string }
	if json.Unmarshal([]byte(a.Body), &said) == nil {
		message = said.Message
	}

	return verdict{reason: decoded[struct{ Reason string }](t, explained).Reason, message: timeless(message)}
}

// noRates lifts the rates of the operations that tests call often.
func noRates(c *poolhouse.Config) {
	c.RateLimits.Operations = map[string]ratelimit.Rate{
		"poolhouse:ExplainToken": {}, "poolhouse:TryRoles": {}, "poolhouse:ListRefusals": {},
	}
}

// trustPolicy lets the identities of pools assume a role by actions. amr is the entry that their
// sessions must have; "" = any.
func trustPolicy(actions, amr string, pools ...string) string {
	condition := map[string]any{"StringEquals": map[string]any{"cognito-identity.amazonaws.com:aud": pools}}
	if amr != "" {
		condition["ForAnyValue:StringLike"] = map[string]string{"cognito-identity.amazonaws.com:amr": amr}
	}
	text, _ := json.Marshal(condition) // of texts only

	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
		"Principal":{"Federated":"cognito-identity.amazonaws.com"},"Action":%s,"Condition":%s}]}`, actions, text)
}

// testRoles makes roles whose trust policies differ, and returns the ARNs of these and of roles
// that nobody made.
func testRoles(t *testing.T, s *wiretest.Server, pools ...string) []string {
	t.Helper()
	const (
		both  = `["sts:AssumeRoleWithWebIdentity","sts:TagSession"]`
		other = "us-east-1:00000000-0000-4000-8000-000000000000"
	)
	trusts := map[string]string{
		"Tagged":    trustPolicy(both, "", pools...),
		"Untagged":  trustPolicy(`"sts:AssumeRoleWithWebIdentity"`, "", pools...),
		"Guests":    trustPolicy(both, "unauthenticated", pools...),
		"Users":     trustPolicy(both, "authenticated", pools...),
		"OtherPool": trustPolicy(both, "", other),
		"Nobody":    strings.Replace(trustPolicy(both, "", pools...), "Allow", "Deny", 1),
	}

	arns := []string{wiretest.AuthenticatedRole, "arn:aws:iam::000000000000:role/Unknown"}
	for _, name := range slices.Sorted(maps.Keys(trusts)) {
		arns = append(arns, *s.NewIAMRole(t, name, trusts[name]).Arn)
	}

	return arns
}

// choices draws the members of generated cases.
type choices struct {
	*rand.Rand
	roles    []string
	provider string // ARN
}

func (c choices) of(list ...string) string { return list[c.IntN(len(list))] }

func (c choices) role() string { return c.of(c.roles...) }

// claims draws claims beside those of every token.
func (c choices) claims() map[string]any {
	claims := map[string]any{}
	if c.IntN(3) > 0 {
		claims["plan"] = c.of("pro", "free", "professional")
	}
	switch c.IntN(4) {
	case 0:
		claims["groups"] = []any{c.of("admin", "staff"), c.of("not-admin", "x")}
	case 1:
		claims["groups"] = c.of("admin", "not-admin")
	}
	if c.IntN(4) == 0 {
		claims["level"] = c.IntN(3)
	}
	if c.IntN(4) == 0 {
		claims["object"] = map[string]any{"a": 1}
	}
	if c.IntN(5) == 0 {
		claims["odd"] = "a#b" // no value of a tag
	}
	if c.IntN(3) == 0 {
		list := []any{c.role()}
		if c.IntN(2) == 0 {
			list = append(list, c.role())
		}
		claims["cognito:roles"] = list
		if c.IntN(2) == 0 {
			claims["cognito:preferred_role"] = c.role()
		}
	}

	return claims
}

// draft draws roles, role mappings and principal tags of a pool.
func (c choices) draft() map[string]any {
	draft := map[string]any{"Roles": map[string]string{"unauthenticated": c.role()}}
	if c.IntN(6) > 0 {
		draft["Roles"] = map[string]string{"authenticated": c.role(), "unauthenticated": c.role()}
	}

	mapping := map[string]any{"AmbiguousRoleResolution": c.of("Deny", "AuthenticatedRole"), "Type": "Token"}
	switch c.IntN(4) {
	case 0:
		draft["RoleMappings"] = map[string]any{}
	case 1:
		draft["RoleMappings"] = map[string]any{c.provider: mapping}
	default:
		rules := make([]map[string]string, 1+c.IntN(4))
		for i := range rules {
			rules[i] = map[string]string{
				"Claim":     c.of("plan", "groups", "level", "object", "absent"),
				"MatchType": c.of("Equals", "NotEqual", "Contains", "StartsWith"),
				"Value":     c.of("pro", "admin", "1", "free"),
				"RoleARN":   c.role(),
			}
		}
		mapping["Type"], mapping["RulesConfiguration"] = "Rules", map[string]any{"Rules": rules}
		draft["RoleMappings"] = map[string]any{c.provider: mapping}
	}

	tags := map[string]any{"IdentityProviderName": c.provider, "UseDefaults": c.IntN(4) == 0}
	if tags["UseDefaults"] == false {
		tags["PrincipalTags"] = map[string]string{}
		if c.IntN(2) == 0 {
			tags["PrincipalTags"] = map[string]string{"plan": "plan", "group": c.of("groups", "odd")}
		}
	}
	draft["PrincipalTags"] = []any{tags}

	return draft
}

// storeDraft gives a pool the draft by the operations of AWS.
func storeDraft(t *testing.T, s *wiretest.Server, pool string, draft map[string]any) {
	t.Helper()
	roles := map[string]any{
		"IdentityPoolId": pool, "Roles": draft["Roles"], "RoleMappings": draft["RoleMappings"],
	}
	decoded[struct{}](t, withBody(s.Raw(t, "SetIdentityPoolRoles", encoded(t, roles), true)))

	for _, one := range draft["PrincipalTags"].([]any) {
		tags := maps.Clone(one.(map[string]any))
		tags["IdentityPoolId"] = pool
		decoded[struct{}](t, s.Raw(t, "SetPrincipalTagAttributeMap", encoded(t, tags), true))
	}
}

// withBody gives an empty answer the body {}.
func withBody(a wiretest.Answer) wiretest.Answer {
	if a.Body == "" {
		a.Body = "{}"
	}
	return a
}

const generated = 200

// TestTryRolesAgrees compares TryRoles on drafts with a sign-in after the drafts were stored.
func TestTryRolesAgrees(t *testing.T) {
	wiretest.EachStore(t, func(t *testing.T, s *wiretest.Server) {
		info := wiretest.DevInfo(s)
		pool := s.NewPool(t)
		c := choices{Rand: rand.New(rand.NewPCG(15, 2)), roles: testRoles(t, s, pool), provider: info.OIDCProviderARN}
		outcomes := map[string]int{}

		for n := range generated {
			claims, draft, custom := c.claims(), c.draft(), ""
			if c.IntN(4) == 0 {
				custom = c.role()
			}
			guest := c.IntN(8) == 0

			in := maps.Clone(draft)
			in["IdentityPoolId"] = pool
			if custom != "" {
				in["CustomRoleArn"] = custom
			}

			var logins map[string]string
			if !guest {
				subject := fmt.Sprintf("user-%d", n)
				logins = s.Logins(t, subject, func(r *poolhouse.DevTokenRequest) { r.Claims = claims })
				said := maps.Clone(claims)
				said["sub"] = subject
				in["ProviderName"], in["Claims"] = info.LoginKey, said
			}

			got := decoded[tried](t, s.AdminCall(t, "TryRoles", encoded(t, in)))
			storeDraft(t, s, pool, draft)
			want := realVerdict(t, s, pool, custom, logins)
			if got.verdict() != want {
				t.Errorf("case %d: %s\nTryRoles %+v\nsign-in  %+v", n, encoded(t, in), got.verdict(), want)
			}
			outcomes[want.reason]++
		}

		t.Log(outcomes)
		if len(outcomes) < 6 || outcomes[""] < generated/10 {
			t.Errorf("the cases have too few outcomes: %v", outcomes)
		}
	}, noRates)
}
