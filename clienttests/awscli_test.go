package clienttests

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// operations of the API, as the AWS CLI names them.
var operations = []string{
	"create-identity-pool", "delete-identities", "delete-identity-pool", "describe-identity", "describe-identity-pool",
	"get-credentials-for-identity", "get-id", "get-identity-pool-roles", "get-open-id-token",
	"get-open-id-token-for-developer-identity", "get-principal-tag-attribute-map", "list-identities",
	"list-identity-pools",
	"list-tags-for-resource", "lookup-developer-identity", "merge-developer-identities", "set-identity-pool-roles",
	"set-principal-tag-attribute-map", "tag-resource", "unlink-developer-identity", "unlink-identity", "untag-resource",
	"update-identity-pool",
}

const (
	userRole    = "arn:aws:iam::000000000000:role/User"
	guestRole   = "arn:aws:iam::000000000000:role/Guest"
	unknownPool = "us-east-1:00000000-0000-4000-8000-000000000000"
)

// keys are the credentials of a client.
type keys struct{ id, secret, token string }

var devKeys = keys{"test", "test", ""}

// awsCLI runs the AWS CLI against a server, one process for each call, and
// counts which operations were accepted and which refused.
type awsCLI struct {
	*server
	program     string
	environment []string

	mu                sync.Mutex
	accepted, refused map[string]int
}

func newAWSCLI(t *testing.T, s *server) *awsCLI {
	t.Helper()
	return &awsCLI{
		server:      s,
		program:     filepath.Join(forkedAWS(t), "aws"),
		environment: plainEnvironment(t),
		accepted:    map[string]int{},
		refused:     map[string]int{},
	}
}

// refusal is an error answer as the AWS CLI shows it.
type refusal struct{ code, message string }

var refusalLine = regexp.MustCompile(`(?s)An error occurred \((\w+)\) when calling the \w+ operation: (.*?)\n?$`)

// run calls the AWS CLI and returns both of its streams. The refusal is nil when
// the call was accepted; any other end of the CLI fails the test.
func (c *awsCLI) run(t *testing.T, k keys, arguments ...string) (stdout, stderr string, refused *refusal) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), c.program,
		append(arguments, "--endpoint-url", c.info.Endpoint, "--region", "us-east-1", "--output", "json")...)
	cmd.Env = append(slices.Clone(c.environment), "AWS_ACCESS_KEY_ID="+k.id, "AWS_SECRET_ACCESS_KEY="+k.secret)
	if k.token != "" {
		cmd.Env = append(cmd.Env, "AWS_SESSION_TOKEN="+k.token)
	}

	var out, messages bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &messages
	err := cmd.Run()
	count := func(m map[string]int) {
		c.mu.Lock()
		defer c.mu.Unlock()

		for _, argument := range arguments {
			if slices.Contains(operations, argument) {
				m[argument]++
			}
		}
	}

	var ended *exec.ExitError
	switch found := refusalLine.FindStringSubmatch(messages.String()); {
	case err == nil:
		count(c.accepted)
		return out.String(), messages.String(), nil
	case errors.As(err, &ended) && ended.ExitCode() == 254 && found != nil:
		count(c.refused)
		return out.String(), messages.String(), &refusal{found[1], found[2]}
	default:
		t.Fatalf("aws %s: %v\n%s", strings.Join(arguments, " "), err, tail(messages.String()))
		return "", "", nil
	}
}

// ci calls an operation of cognito-identity with the development keys, which
// must be accepted, and returns the output.
func (c *awsCLI) ci(t *testing.T, arguments ...string) output {
	t.Helper()
	stdout, _, refused := c.run(t, devKeys, append([]string{"cognito-identity"}, arguments...)...)
	if refused != nil {
		t.Fatalf("aws cognito-identity %s: %s: %s", strings.Join(arguments, " "), refused.code, refused.message)
	}
	return parse(t, stdout)
}

// refuses fails the test unless the call is refused so. An empty message is not compared.
func (c *awsCLI) refuses(t *testing.T, k keys, code, message string, arguments ...string) {
	t.Helper()

	stdout, _, refused := c.run(t, k, arguments...)
	switch {
	case refused == nil:
		t.Errorf("aws %s was accepted: %s", strings.Join(arguments, " "), stdout)
	case refused.code != code || message != "" && refused.message != message:
		t.Errorf("aws %s\n got %s: %s\nwant %s: %s", strings.Join(arguments, " "), refused.code, refused.message,
			code, message)
	}
}

// whoami asks STS who holds the keys.
func (c *awsCLI) whoami(t *testing.T, k keys) output {
	t.Helper()
	stdout, _, refused := c.run(t, k, "sts", "get-caller-identity")
	if refused != nil {
		t.Fatalf("get-caller-identity: %s: %s", refused.code, refused.message)
	}
	return parse(t, stdout)
}

// output is a parsed answer. Operations without output have a nil one.
type output map[string]any

func parse(t *testing.T, text string) output {
	t.Helper()
	if strings.TrimSpace(text) == "" {
		return nil
	}
	var o output
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatalf("%v: %s", err, text)
	}

	return o
}

func (o output) text(t *testing.T, name string) string {
	t.Helper()
	text, ok := o[name].(string)
	if !ok || text == "" {
		t.Fatalf("the answer has no %s: %v", name, o)
	}
	return text
}

// credentials are the keys in an answer of get-credentials-for-identity.
func (o output) credentials(t *testing.T) keys {
	t.Helper()
	c, _ := o["Credentials"].(map[string]any)
	inner := output(c)
	expires, err := time.Parse(time.RFC3339, inner.text(t, "Expiration"))
	if left := time.Until(expires); err != nil || left < 59*time.Minute || left > time.Hour {
		t.Errorf("credentials expire at %v, want in an hour", inner["Expiration"])
	}
	return keys{inner.text(t, "AccessKeyId"), inner.text(t, "SecretKey"), inner.text(t, "SessionToken")}
}

// same fails the test unless got is the wanted JSON.
func same(t *testing.T, what string, got any, want string) {
	t.Helper()
	var w any
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}

	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var g any
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(w, g); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// pool makes a pool that takes guests, the development issuer and developer
// identities, with both roles.
func (c *awsCLI) pool(t *testing.T) string {
	t.Helper()
	id := c.ci(t, "create-identity-pool", "--identity-pool-name", "pool", "--allow-unauthenticated-identities",
		"--open-id-connect-provider-arns", c.info.ProviderARN, "--developer-provider-name", "login.my.app").text(t,
		"IdentityPoolId")
	c.ci(t, "set-identity-pool-roles", "--identity-pool-id", id,
		"--roles", "authenticated="+userRole+",unauthenticated="+guestRole)
	return id
}

// login is a value for --logins of the development issuer.
func (c *awsCLI) login(t *testing.T, subject string) string {
	t.Helper()
	return c.info.LoginKey + "=" + c.token(t, subject)
}

func TestAWSCLI(t *testing.T) {
	c := newAWSCLI(t, startDev(t))
	t.Run("group", func(t *testing.T) {
		for name, test := range map[string]func(*testing.T, *awsCLI){
			"sign-in":              testCLISignIn,
			"developer identities": testCLIDevelopers,
			"pool operations":      testCLIPools,
			"identity operations":  testCLIIdentities,
			"forged keys":          testCLIForgedKeys,
			"classic flow":         testCLIClassicFlow,
			"refusals":             testCLIRefusals,
			"explain":              testCLIExplain,
			"own server, pages":    func(t *testing.T, _ *awsCLI) { testCLIPages(t) },
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, c)
			})
		}
	})

	if t.Failed() {
		return
	}

	for what, calls := range map[string]map[string]int{"accepted": c.accepted, "refused": c.refused} {
		if got := slices.Sorted(maps.Keys(calls)); !slices.Equal(got, operations) {
			t.Errorf("%s once at least: %q, want all of %q", what, got, operations)
		}
	}
}

// The main flow: a guest and a signed-in user get an identity, a token and keys,
// and the keys say whose they are.
func testCLISignIn(t *testing.T, c *awsCLI) {
	pool := c.pool(t)
	for name, test := range map[string]struct{ logins, role string }{
		"guest": {"", "Guest"},
		"user":  {c.login(t, "alice"), "User"},
	} {
		with := func(arguments ...string) []string {
			if test.logins != "" {
				arguments = append(arguments, "--logins", test.logins)
			}
			return arguments
		}

		id := c.ci(t, with("get-id", "--identity-pool-id", pool)...).text(t, "IdentityId")
		if again := c.ci(t, with("get-id", "--identity-pool-id", pool)...).text(t, "IdentityId"); (again == id) !=
			(name == "user") {
			t.Errorf("%s: a second get-id gave %s after %s", name, again, id)
		}
		token := c.ci(t, with("get-open-id-token", "--identity-id", id)...)
		if got := token.text(t, "IdentityId"); got != id || strings.Count(token.text(t, "Token"), ".") != 2 {
			t.Errorf("%s: token %v", name, token)
		}

		k := c.ci(t, with("get-credentials-for-identity", "--identity-id", id)...).credentials(t)
		who := c.whoami(t, k)
		if got, want := who.text(t, "Arn"),
			"arn:aws:sts::000000000000:assumed-role/"+test.role+"/CognitoIdentityCredentials"; got != want {
			t.Errorf("%s: caller %s, want %s", name, got, want)
		}

		if got := who.text(t, "Account"); got != "000000000000" {
			t.Errorf("%s: account %s", name, got)
		}
		if user := who.text(t, "UserId"); !strings.HasSuffix(user, ":CognitoIdentityCredentials") {
			t.Errorf("%s: user ID %s", name, user)
		}

		// The keys open what the role allows, which is nothing here.
		c.refuses(t, k, "AccessDeniedException",
			"User: "+who.text(t, "Arn")+
				" is not authorized to perform: cognito-identity:DescribeIdentityPool on resource: "+
				"arn:aws:cognito-identity:us-east-1:000000000000:identitypool/"+pool, "cognito-identity",
			"describe-identity-pool", "--identity-pool-id", pool)

		// One changed character, and they are nobody's.
		c.refuses(t, keys{k.id, flip(k.secret), k.token}, "SignatureDoesNotMatch", "", "sts", "get-caller-identity")
		c.refuses(t, keys{k.id, k.secret, flip(k.token)}, "InvalidClientTokenId",
			"The security token included in the request is invalid.", "sts", "get-caller-identity")
		c.refuses(t, keys{k.id, k.secret, ""}, "InvalidClientTokenId",
			"The security token included in the request is invalid.", "sts", "get-caller-identity")
	}
}

// flip changes a character in the middle of s.
func flip(s string) string {
	b := []byte(s)
	if b[len(b)/2] == 'A' {
		b[len(b)/2] = 'B'
	} else {
		b[len(b)/2] = 'A'
	}
	return string(b)
}

// The classic flow: the CLI takes its credentials from a role and a file with a
// token of the pool.
func testCLIClassicFlow(t *testing.T, c *awsCLI) {
	pool := c.pool(t)
	logins := c.login(t, "classic")
	id := c.ci(t, "get-id", "--identity-pool-id", pool, "--logins", logins).text(t, "IdentityId")
	token := c.ci(t, "get-open-id-token", "--identity-id", id, "--logins", logins).text(t, "Token")
	const roleARN = "arn:aws:iam::000000000000:role/User"
	stdout, _, refused := c.run(t, devKeys, "sts", "assume-role-with-web-identity", "--role-arn", roleARN,
		"--role-session-name", "app", "--web-identity-token", token)
	if refused != nil {
		t.Fatalf("%s: %s", refused.code, refused.message)
	}

	out := parse(t, stdout)
	if got, of := out.text(t, "SubjectFromWebIdentityToken"), out.text(t, "Audience"); got != id || of != pool {
		t.Errorf("the token is of %s in %s, want %s in %s", got, of, id, pool)
	}
	c.refuses(t, devKeys, "InvalidIdentityToken", "", "sts", "assume-role-with-web-identity", "--role-arn", roleARN,
		"--role-session-name", "app", "--web-identity-token", "opaque")

	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}

	// Debian's CLI does not know AWS_ENDPOINT_URL_STS: its model of STS is given
	// other rules for endpoints instead.
	home := t.TempDir()
	model := filepath.Join(home, ".aws", "models", "sts", "2011-06-15")
	rules := `{"version": "1.0", "parameters": {
		"Region": {"builtIn": "AWS::Region", "required": false, "type": "String", "documentation": ""},
		"UseDualStack": {"builtIn": "AWS::UseDualStack", "required": true, "default": false,
			"type": "Boolean", "documentation": ""},
		"UseFIPS": {"builtIn": "AWS::UseFIPS", "required": true, "default": false,
			"type": "Boolean", "documentation": ""},
		"Endpoint": {"builtIn": "SDK::Endpoint", "required": false, "type": "String", "documentation": ""},
		"UseGlobalEndpoint": {"builtIn": "AWS::STS::UseGlobalEndpoint", "required": true, "default": false,
			"type": "Boolean", "documentation": ""}},
		"rules": [{"conditions": [], "endpoint": {"url": "` + c.info.Endpoint +
		`", "properties": {}, "headers": {}}, "type": "endpoint"}]}`
	if err := os.MkdirAll(model, 0o700); err != nil {
		t.Fatal(err)
	}

	if err := os.WriteFile(filepath.Join(model, "endpoint-rule-set-1.json"), []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}

	cmd := exec.CommandContext(t.Context(), c.program, "sts", "get-caller-identity", "--output", "json")
	cmd.Env = append(slices.Clone(c.environment), "HOME="+home, "AWS_REGION=us-east-1",
		"AWS_ENDPOINT_URL_STS="+c.info.Endpoint,
		"AWS_ROLE_ARN="+roleARN, "AWS_ROLE_SESSION_NAME=file", "AWS_WEB_IDENTITY_TOKEN_FILE="+file)
	var messages bytes.Buffer
	cmd.Stderr = &messages
	text, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, tail(messages.String()))
	}

	if got := parse(t, string(text)).text(t, "Arn"); got != "arn:aws:sts::000000000000:assumed-role/User/file" {
		t.Errorf("caller %s", got)
	}
}

func testCLIDevelopers(t *testing.T, c *awsCLI) {
	pool := c.pool(t)
	token := func(user string) output {
		return c.ci(t, "get-open-id-token-for-developer-identity", "--identity-pool-id", pool,
			"--logins", "login.my.app="+user,
			"--principal-tags", "department=sales", "--token-duration", "300")
	}
	bob, carol := token("bob"), token("carol")
	bobID, carolID := bob.text(t, "IdentityId"), carol.text(t, "IdentityId")
	if bobID == carolID || token("bob").text(t, "IdentityId") != bobID {
		t.Errorf("bob is %s, carol %s", bobID, carolID)
	}

	k := c.ci(t, "get-credentials-for-identity", "--identity-id", bobID,
		"--logins", "cognito-identity.amazonaws.com="+bob.text(t, "Token")).credentials(t)
	if got := c.whoami(t, k).text(t, "Arn"); got !=
		"arn:aws:sts::000000000000:assumed-role/User/CognitoIdentityCredentials" {
		t.Errorf("bob's keys are of %s", got)
	}

	lookup := c.ci(t, "lookup-developer-identity", "--identity-pool-id", pool, "--developer-user-identifier", "bob")
	same(t, "look-up of bob", lookup, `{"IdentityId":"`+bobID+`","DeveloperUserIdentifierList":["bob"]}`)
	merged := c.ci(t, "merge-developer-identities", "--identity-pool-id", pool,
		"--developer-provider-name", "login.my.app",
		"--source-user-identifier", "bob", "--destination-user-identifier", "carol")
	same(t, "merge", merged, `{"IdentityId":"`+carolID+`"}`)

	lookup = c.ci(t, "lookup-developer-identity", "--identity-pool-id", pool, "--identity-id", carolID)
	same(t, "look-up after the merge", lookup,
		`{"IdentityId":"`+carolID+`","DeveloperUserIdentifierList":["bob","carol"]}`)
	c.refuses(t, devKeys, "NotAuthorizedException", "Access to Identity '"+bobID+"' is forbidden.",
		"cognito-identity", "get-credentials-for-identity",
		"--identity-id", bobID, "--logins", "cognito-identity.amazonaws.com="+bob.text(t, "Token"))

	if got := c.ci(t, "unlink-developer-identity", "--identity-pool-id", pool, "--identity-id", carolID,
		"--developer-provider-name", "login.my.app",
		"--developer-user-identifier", "bob"); got != nil {
		t.Errorf("unlink-developer-identity printed %v", got)
	}

	lookup = c.ci(t, "lookup-developer-identity", "--identity-pool-id", pool, "--identity-id", carolID)
	same(t, "look-up after unlinking", lookup, `{"IdentityId":"`+carolID+`","DeveloperUserIdentifierList":["carol"]}`)
}

// Every parameter of the pool operations goes in and comes out again.
func testCLIPools(t *testing.T, c *awsCLI) {
	created := c.ci(t, "create-identity-pool", "--identity-pool-name", "whole pool",
		"--allow-unauthenticated-identities", "--allow-classic-flow",
		"--supported-login-providers",
		"graph.facebook.com=7346241598935552,accounts.google.com=123456789012.apps.googleusercontent.com",
		"--developer-provider-name", "login.my.app",
		"--open-id-connect-provider-arns", c.info.ProviderARN,
		"--cognito-identity-providers",
		"ProviderName=cognito-idp.us-east-1.amazonaws.com/us-east-1_AbCdEf123,ClientId=abc123,"+
			"ServerSideTokenCheck=false",
		"--saml-provider-arns", "arn:aws:iam::000000000000:saml-provider/corp",
		"--identity-pool-tags", "team=web,stage=test")
	pool := created.text(t, "IdentityPoolId")
	want := `{"IdentityPoolId":"` + pool +
		`","IdentityPoolName":"whole pool","AllowUnauthenticatedIdentities":true,"AllowClassicFlow":true,
		"SupportedLoginProviders":{"graph.facebook.com":"7346241598935552",
			"accounts.google.com":"123456789012.apps.googleusercontent.com"},
		"DeveloperProviderName":"login.my.app","OpenIdConnectProviderARNs":["` + c.info.ProviderARN + `"],
		"CognitoIdentityProviders":[{"ProviderName":"cognito-idp.us-east-1.amazonaws.com/us-east-1_AbCdEf123",
			"ClientId":"abc123","ServerSideTokenCheck":false}],
		"SamlProviderARNs":["arn:aws:iam::000000000000:saml-provider/corp"],
		"IdentityPoolTags":{"team":"web","stage":"test"}}`
	same(t, "created pool", created, want)
	same(t, "described pool", c.ci(t, "describe-identity-pool", "--identity-pool-id", pool), want)

	listed, _ := c.ci(t, "list-identity-pools", "--max-results", "60")["IdentityPools"].([]any)
	if !slices.ContainsFunc(listed, func(p any) bool {
		return cmp.Equal(p, any(map[string]any{"IdentityPoolId": pool, "IdentityPoolName": "whole pool"}))
	}) {
		t.Errorf("the list lacks the pool: %v", listed)
	}

	// A full replacement, except for what Terraform relies on: developer provider and tags stay.
	updated := c.ci(t, "update-identity-pool", "--identity-pool-id", pool, "--identity-pool-name", "smaller pool",
		"--no-allow-unauthenticated-identities",
		"--open-id-connect-provider-arns", c.info.ProviderARN)
	want = `{"IdentityPoolId":"` + pool +
		`","IdentityPoolName":"smaller pool","AllowUnauthenticatedIdentities":false,
		"DeveloperProviderName":"login.my.app",
		"OpenIdConnectProviderARNs":["` + c.info.ProviderARN + `"],"IdentityPoolTags":{"team":"web","stage":"test"}}`
	same(t, "updated pool", updated, want)
	same(t, "pool after the update", c.ci(t, "describe-identity-pool", "--identity-pool-id", pool), want)

	arn := "arn:aws:cognito-identity:us-east-1:000000000000:identitypool/" + pool
	c.ci(t, "tag-resource", "--resource-arn", arn, "--tags", "stage=prod,owner=me")
	same(t, "tags", c.ci(t, "list-tags-for-resource", "--resource-arn", arn),
		`{"Tags":{"team":"web","stage":"prod","owner":"me"}}`)
	c.ci(t, "untag-resource", "--resource-arn", arn, "--tag-keys", "team", "never-there")
	same(t, "tags left", c.ci(t, "list-tags-for-resource", "--resource-arn", arn),
		`{"Tags":{"stage":"prod","owner":"me"}}`)

	mappings := `{"` + c.info.ProviderARN +
		`":{"Type":"Rules","AmbiguousRoleResolution":"Deny","RulesConfiguration":{"Rules":[
		{"Claim":"department","MatchType":"Equals","Value":"sales",
		 "RoleARN":"arn:aws:iam::000000000000:role/Sales"}]}}}`
	c.ci(t, "set-identity-pool-roles", "--identity-pool-id", pool, "--roles", "authenticated="+userRole,
		"--role-mappings", mappings)
	same(t, "roles", c.ci(t, "get-identity-pool-roles", "--identity-pool-id", pool),
		`{"IdentityPoolId":"`+pool+`","Roles":{"authenticated":"`+userRole+`"},"RoleMappings":`+mappings+`}`)

	sales := c.info.LoginKey + "=" + c.token(t, "dora", "--claim", "department=sales")
	id := c.ci(t, "get-id", "--identity-pool-id", pool, "--logins", sales).text(t, "IdentityId")
	k := c.ci(t, "get-credentials-for-identity", "--identity-id", id, "--logins", sales).credentials(t)
	if got := c.whoami(t, k).text(t, "Arn"); got !=
		"arn:aws:sts::000000000000:assumed-role/Sales/CognitoIdentityCredentials" {
		t.Errorf("the rule led to %s", got)
	}

	c.refuses(t, devKeys, "NotAuthorizedException", "The ambiguous role mapping rules for: "+c.info.ProviderARN+
		" denied this request.",
		"cognito-identity", "get-credentials-for-identity", "--identity-id", id,
		"--logins", c.info.LoginKey+"="+c.token(t, "dora"))

	tags := `{"IdentityPoolId":"` + pool + `","IdentityProviderName":"` + c.info.ProviderARN +
		`","UseDefaults":false,"PrincipalTags":{"department":"department"}}`
	same(t, "principal tags set",
		c.ci(t, "set-principal-tag-attribute-map", "--identity-pool-id", pool,
			"--identity-provider-name", c.info.ProviderARN,
			"--no-use-defaults", "--principal-tags", "department=department"), tags)
	same(t, "principal tags got",
		c.ci(t, "get-principal-tag-attribute-map", "--identity-pool-id", pool,
			"--identity-provider-name", c.info.ProviderARN), tags)

	if got := c.ci(t, "delete-identity-pool", "--identity-pool-id", pool); got != nil {
		t.Errorf("delete-identity-pool printed %v", got)
	}
	c.refuses(t, devKeys, "ResourceNotFoundException", "IdentityPool '"+pool+"' not found.", "cognito-identity",
		"delete-identity-pool", "--identity-pool-id", pool)
	c.refuses(t, devKeys, "ResourceNotFoundException", "Identity '"+id+"' not found.", "cognito-identity",
		"describe-identity", "--identity-id", id)
}

func testCLIIdentities(t *testing.T, c *awsCLI) {
	pool, alice := c.pool(t), c.login(t, "alice")
	guest := c.ci(t, "get-id", "--identity-pool-id", pool).text(t, "IdentityId")
	// The guest signs in and stays who she is.
	if got := c.ci(t, "get-credentials-for-identity", "--identity-id", guest, "--logins", alice).
		text(t, "IdentityId"); got != guest {
		t.Errorf("the guest became %s, was %s", got, guest)
	}
	described := c.ci(t, "describe-identity", "--identity-id", guest)
	same(t, "logins", described["Logins"], `["`+c.info.LoginKey+`"]`)

	for _, name := range []string{"CreationDate", "LastModifiedDate"} {
		if at, err := time.Parse(time.RFC3339, described.text(t, name)); err != nil ||
			time.Since(at).Abs() > time.Hour {
			t.Errorf("%s = %v", name, described[name])
		}
	}

	same(t, "list", c.ci(t, "list-identities", "--identity-pool-id", pool, "--max-results", "60", "--hide-disabled"),
		string(marshal(t, output{"IdentityPoolId": pool, "Identities": []output{described}})))
	c.refuses(t, devKeys, "NotAuthorizedException",
		"Logins don't match. Please include at least one valid login for this identity or identity pool.",
		"cognito-identity", "unlink-identity", "--identity-id", guest, "--logins", c.login(t, "mallory"),
		"--logins-to-remove", c.info.LoginKey)

	if got := c.ci(t, "unlink-identity", "--identity-id", guest, "--logins", alice,
		"--logins-to-remove", c.info.LoginKey); got != nil {
		t.Errorf("unlink-identity printed %v", got)
	}
	if got := c.ci(t, "get-id", "--identity-pool-id", pool, "--logins", alice).text(t, "IdentityId"); got == guest {
		t.Error("the unlinked login still leads to its identity")
	}

	same(t, "deletion", c.ci(t, "delete-identities", "--identity-ids-to-delete", guest),
		`{"UnprocessedIdentityIds":[]}`)
	c.refuses(t, devKeys, "ResourceNotFoundException", "Identity '"+guest+"' not found.", "cognito-identity",
		"describe-identity", "--identity-id", guest)
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func testCLIForgedKeys(t *testing.T, c *awsCLI) {
	list := []string{"cognito-identity", "list-identity-pools", "--max-results", "1"}
	c.refuses(t, keys{"nobody", "test", ""}, "UnrecognizedClientException",
		"The security token included in the request is invalid.", list...)
	c.refuses(t, keys{"test", "guessed", ""}, "InvalidSignatureException", "", list...)
	c.refuses(t, keys{"test", "test", "made-up"}, "UnrecognizedClientException",
		"The security token included in the request is invalid.", list...)
	c.refuses(t, keys{"ASIAQQQQQQQQQQQQQQQQ", "test", "made-up"}, "UnrecognizedClientException",
		"The security token included in the request is invalid.", list...)
	c.refuses(t, devKeys, "MissingAuthenticationTokenException", "Missing Authentication Token",
		append(list, "--no-sign-request")...)
	c.refuses(t, keys{"nobody", "test", ""}, "InvalidClientTokenId",
		"The security token included in the request is invalid.", "sts", "get-caller-identity")
	c.refuses(t, devKeys, "MissingAuthenticationToken", "Request is missing Authentication Token", "sts",
		"get-caller-identity", "--no-sign-request")

	// A stranger reads and changes nothing.
	pool := c.pool(t)
	for _, operation := range [][]string{
		{"delete-identity-pool", "--identity-pool-id", pool},
		{"set-identity-pool-roles", "--identity-pool-id", pool, "--roles", "authenticated=" + guestRole},
		{"get-open-id-token-for-developer-identity", "--identity-pool-id", pool, "--logins", "login.my.app=admin"},
	} {
		c.refuses(t, keys{"test", "guessed", ""}, "InvalidSignatureException", "",
			append([]string{"cognito-identity"}, operation...)...)
	}

	same(t, "roles", c.ci(t, "get-identity-pool-roles", "--identity-pool-id", pool)["Roles"],
		`{"authenticated":"`+userRole+`","unauthenticated":"`+guestRole+`"}`)
}

// Each operation refuses what is wrong in AWS's words.
func testCLIRefusals(t *testing.T, c *awsCLI) {
	const (
		notFound  = "IdentityPool '" + unknownPool + "' not found."
		noneSuch  = "Identity '" + unknownPool + "' not found."
		mustMatch = " failed to satisfy constraint: Member must satisfy regular expression pattern: "
		poolARN   = "arn:aws:cognito-identity:us-east-1:000000000000:identitypool/" + unknownPool
	)
	pool := c.pool(t)
	bare := c.ci(t, "create-identity-pool", "--identity-pool-name", "bare",
		"--no-allow-unauthenticated-identities", "--no-allow-classic-flow").text(t, "IdentityPoolId")
	guest := c.ci(t, "get-id", "--identity-pool-id", pool).text(t, "IdentityId")
	own := c.ci(t, "get-open-id-token-for-developer-identity", "--identity-pool-id", pool,
		"--logins", "login.my.app=bob")

	for _, test := range []struct {
		code, message string
		arguments     []string
	}{
		{"ValidationException", "1 validation error detected: Value 'no/slash' at 'identityPoolName'" + mustMatch +
			`[\w\s+=,.@-]+`,
			[]string{"create-identity-pool", "--identity-pool-name", "no/slash",
				"--no-allow-unauthenticated-identities"}},
		{"InvalidParameterException", "Invalid Cognito Identity Provider",
			[]string{"create-identity-pool", "--identity-pool-name", "p",
				"--no-allow-unauthenticated-identities", "--cognito-identity-providers",
				"ProviderName=example.com,ClientId=abc"}},
		{"ValidationException", "", []string{"delete-identities", "--identity-ids-to-delete", "not-an-id"}},
		{"ResourceNotFoundException", notFound, []string{"delete-identity-pool", "--identity-pool-id", unknownPool}},
		{"ResourceNotFoundException", noneSuch, []string{"describe-identity", "--identity-id", unknownPool}},
		{"ResourceNotFoundException", notFound, []string{"describe-identity-pool", "--identity-pool-id", unknownPool}},
		{"ResourceNotFoundException", noneSuch, []string{"get-credentials-for-identity", "--identity-id", unknownPool}},
		{"NotAuthorizedException", "Invalid login token. Not a Cognito token.",
			[]string{"get-credentials-for-identity", "--identity-id", own.text(t, "IdentityId"),
				"--logins", "cognito-identity.amazonaws.com=" + c.token(t, "bob")}},
		{"ResourceNotFoundException", notFound, []string{"get-id", "--identity-pool-id", unknownPool}},
		{"ValidationException", "1 validation error detected: Value 'pool' at 'identityPoolId'" + mustMatch +
			`[\w-]+:[0-9a-f-]+`, []string{"get-id", "--identity-pool-id", "pool"}},
		{"NotAuthorizedException", "Unauthenticated access is not supported for this identity pool.",
			[]string{"get-id", "--identity-pool-id", bare}},
		{"NotAuthorizedException", "Identity pool - " + bare + " does not have identity providers configured.",
			[]string{"get-id", "--identity-pool-id", bare, "--logins", c.login(t, "alice")}},
		{"NotAuthorizedException", "Invalid login token. Issuer doesn't match providerName",
			[]string{"get-id", "--identity-pool-id", pool, "--logins", "accounts.google.com=" + c.token(t, "alice")}},
		{"NotAuthorizedException", "Token is not from a supported provider of this identity pool.",
			[]string{"get-id", "--identity-pool-id", pool, "--logins", "graph.facebook.com=EAAx"}},
		{"NotAuthorizedException", "Invalid login token. Incorrect token audience.",
			[]string{"get-id", "--identity-pool-id", pool,
				"--logins", c.info.LoginKey + "=" + c.token(t, "alice", "--aud", "another-app")}},
		{"NotAuthorizedException", "Invalid login token. Couldn't verify signed token.",
			[]string{"get-id", "--identity-pool-id", pool,
				"--logins", c.info.LoginKey + "=" + forgeSignature(c.token(t, "alice"))}},
		{"InvalidParameterException", "Please provide a valid public provider",
			[]string{"get-id", "--identity-pool-id", pool, "--logins", "login.my.app=bob"}},
		{"NotAuthorizedException", "Invalid login token. Can't pass in a Cognito token.",
			[]string{"get-id", "--identity-pool-id", pool,
				"--logins", "cognito-identity.amazonaws.com=" + own.text(t, "Token")}},
		{"ResourceNotFoundException", notFound, []string{"get-identity-pool-roles", "--identity-pool-id", unknownPool}},
		{"ResourceNotFoundException", noneSuch, []string{"get-open-id-token", "--identity-id", unknownPool}},
		{"NotAuthorizedException",
			"Logins don't match. Please include at least one valid login for this identity or identity pool.",
			[]string{"get-open-id-token",
				"--identity-id", c.ci(t, "get-id", "--identity-pool-id", pool, "--logins", c.login(t, "alice")).
					text(t, "IdentityId"), "--logins", c.login(t, "mallory")}},
		{"InvalidParameterException", "This identity pool does not support the specified developer provider",
			[]string{"get-open-id-token-for-developer-identity", "--identity-pool-id", pool,
				"--logins", "login.other=bob"}},
		{"DeveloperUserAlreadyRegisteredException", "",
			[]string{"get-open-id-token-for-developer-identity", "--identity-pool-id", pool, "--identity-id", guest,
				"--logins", "login.my.app=bob"}},
		{"ResourceNotFoundException", notFound,
			[]string{"get-principal-tag-attribute-map", "--identity-pool-id", unknownPool,
				"--identity-provider-name", "accounts.google.com"}},
		{"ValidationException", "1 validation error detected: Value '61' at 'maxResults' failed to satisfy " +
			"constraint: Member must have value less than or equal to 60",
			[]string{"list-identities", "--identity-pool-id", pool, "--max-results", "61"}},
		{"InvalidParameterException", "",
			[]string{"list-identity-pools", "--max-results", "1", "--next-token", "made-up"}},
		{"ResourceNotFoundException", "", []string{"list-tags-for-resource", "--resource-arn", poolARN}},
		{"ResourceNotFoundException", "",
			[]string{"lookup-developer-identity", "--identity-pool-id", pool, "--developer-user-identifier", "nobody"}},
		{"ResourceConflictException", "",
			[]string{"lookup-developer-identity", "--identity-pool-id", pool, "--developer-user-identifier", "bob",
				"--identity-id", guest}},
		{"ResourceNotFoundException", "",
			[]string{"merge-developer-identities", "--identity-pool-id", pool,
				"--developer-provider-name", "login.my.app",
				"--source-user-identifier", "nobody", "--destination-user-identifier", "bob"}},
		{"NotAuthorizedException", "Access to Role 'User, the role with a name' is forbidden.",
			[]string{"set-identity-pool-roles", "--identity-pool-id", pool,
				"--roles", `{"authenticated":"User, the role with a name"}`}},
		{"InvalidParameterException",
			"(accounts.google.com) is not a valid RoleMapping ProviderName or is not a configured provider.",
			[]string{"set-identity-pool-roles", "--identity-pool-id", pool, "--roles", "{}",
				"--role-mappings", `{"accounts.google.com":{"Type":"Token","AmbiguousRoleResolution":"Deny"}}`}},
		{"ResourceNotFoundException", notFound,
			[]string{"set-principal-tag-attribute-map", "--identity-pool-id", unknownPool,
				"--identity-provider-name", "accounts.google.com", "--use-defaults"}},
		{"InvalidParameterException", "",
			[]string{"tag-resource", "--resource-arn", strings.Replace(poolARN, unknownPool, pool, 1),
				"--tags", "aws:owner=me"}},
		{"ResourceNotFoundException", "",
			[]string{"unlink-developer-identity", "--identity-pool-id", pool, "--identity-id", guest,
				"--developer-provider-name", "login.my.app", "--developer-user-identifier", "nobody"}},
		{"ResourceNotFoundException", noneSuch,
			[]string{"unlink-identity", "--identity-id", unknownPool, "--logins", c.login(t, "alice"),
				"--logins-to-remove", c.info.LoginKey}},
		{"ResourceNotFoundException", "", []string{"untag-resource", "--resource-arn", poolARN, "--tag-keys", "team"}},
		{"ResourceNotFoundException", notFound,
			[]string{"update-identity-pool", "--identity-pool-id", unknownPool, "--identity-pool-name", "p",
				"--no-allow-unauthenticated-identities"}},
		{"InvalidParameterException", "",
			[]string{"update-identity-pool", "--identity-pool-id", pool, "--identity-pool-name", "p",
				"--no-allow-unauthenticated-identities",
				"--developer-provider-name", "login.another.app"}},
	} {
		c.refuses(t, devKeys, test.code, test.message, append([]string{"cognito-identity"}, test.arguments...)...)
	}

	off := c.ci(t, "update-identity-pool", "--identity-pool-id", pool, "--identity-pool-name", "p",
		"--allow-unauthenticated-identities", "--no-allow-classic-flow")
	if off["AllowClassicFlow"] != false {
		t.Errorf("AllowClassicFlow = %v", off["AllowClassicFlow"])
	}
	c.refuses(t, devKeys, "InvalidParameterException",
		"Basic (classic) flow is not enabled, please use enhanced flow.", "cognito-identity", "get-open-id-token",
		"--identity-id", guest)
}

// forgeSignature changes a character of a token's signature.
func forgeSignature(token string) string {
	dot := strings.LastIndexByte(token, '.')
	return token[:dot+1] + flip(token[dot+1:])
}

var requestIDHeader = regexp.MustCompile(`(?i)'x-amzn-requestid': '([0-9a-f-]{36})'`)

// The CLI shows the request ID of a refused call; explain tells why, and names
// no secret.
func testCLIExplain(t *testing.T, c *awsCLI) {
	pool, token := c.pool(t), c.token(t, "alice", "--aud", "another-app")
	_, debug, refused := c.run(t, devKeys, "--debug", "cognito-identity", "get-id", "--identity-pool-id", pool,
		"--logins", c.info.LoginKey+"="+token)
	if refused == nil || refused.code != "NotAuthorizedException" {
		t.Fatalf("refusal = %v", refused)
	}
	found := requestIDHeader.FindStringSubmatch(debug)
	if found == nil {
		t.Fatalf("the CLI shows no request ID:\n%s", tail(debug))
	}

	why := c.poolhouse(t, "explain", found[1])
	for _, part := range []string{"GetId: NotAuthorizedException: Invalid login token. Incorrect token audience.",
		"refused", "expected", c.info.Audience, "another-app", "fix:"} {
		if !strings.Contains(why, part) {
			t.Errorf("the explanation lacks %q", part)
		}
	}

	for _, part := range strings.Split(token, ".") {
		if strings.Contains(why, part) || strings.Contains(c.server.text(), part) {
			t.Errorf("the explanation or the log holds a part of the token: %.20s...", part)
		}
	}
	if t.Failed() {
		t.Log(why)
	}
	if !strings.Contains(c.server.text(), found[1]) {
		t.Error("the terminal does not show the refusal")
	}
}

// The CLI's own paginator walks the list of pools.
func testCLIPages(t *testing.T) {
	c := newAWSCLI(t, startDev(t))
	var want []string
	for range 7 {
		want = append(want,
			c.ci(t, "create-identity-pool", "--identity-pool-name", "p", "--no-allow-unauthenticated-identities").
				text(t, "IdentityPoolId"))
	}

	ids := func(o output) (list []string) {
		pools, _ := o["IdentityPools"].([]any)
		for _, p := range pools {
			list = append(list, output(p.(map[string]any)).text(t, "IdentityPoolId"))
		}
		return list
	}

	whole := ids(c.ci(t, "list-identity-pools", "--max-results", "60"))
	// The CLI demands --max-results, which ends its own paging, unless JSON stands in for all parameters.
	list := func(more ...string) output {
		return c.ci(t, append([]string{"list-identity-pools", "--cli-input-json", "{}"}, more...)...)
	}

	before := strings.Count(c.text(), "operation=ListIdentityPools")
	paged := ids(list("--page-size", "3"))
	if pages := strings.Count(c.text(), "operation=ListIdentityPools") - before; pages != 3 {
		t.Errorf("the CLI fetched %d pages, want 3", pages)
	}
	if !slices.Equal(paged, whole) {
		t.Errorf("pages hold %q, the whole list %q", paged, whole)
	}

	first := list("--page-size", "2", "--max-items", "3")
	rest := list("--page-size", "2", "--starting-token", first.text(t, "NextToken"))
	if both := append(ids(first), ids(rest)...); !slices.Equal(both, whole) {
		t.Errorf("in two commands: %q, want %q", both, whole)
	}

	first = c.ci(t, "list-identity-pools", "--max-results", "4")
	rest = c.ci(t, "list-identity-pools", "--max-results", "4", "--next-token", first.text(t, "NextToken"))
	if both := append(ids(first), ids(rest)...); !slices.Equal(both, whole) || rest["NextToken"] != nil {
		t.Errorf("by hand: %q, want %q; then %v", both, whole, rest["NextToken"])
	}
	slices.Sort(whole)
	slices.Sort(want)

	if !slices.Equal(whole, want) {
		t.Errorf("list = %q, want %q", whole, want)
	}
}
