package apply_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/apply"
)

// identitiesPool has a developer provider and an issuer.
const identitiesPool = `Resources:
  Pool:
    Type: AWS::Cognito::IdentityPool
    Metadata: {PoolhouseId: "` + poolOne + `"}
    Properties:
      AllowUnauthenticatedIdentities: true
      DeveloperProviderName: login.shop
      OpenIdConnectProviderARNs: [!Ref Issuer]
  Issuer: {Type: AWS::IAM::OIDCProvider, Properties: {Url: "https://idp.example.com", ClientIdList: [web]}}
`

func identityID(n int) string { return fmt.Sprintf("us-east-1:%08d-2222-4333-8444-555555555555", n) }

func load(r *rig, lines string) (string, error) {
	r.t.Helper()
	var out strings.Builder
	err := apply.LoadIdentities(r.t.Context(), r.client, strings.NewReader(lines), &out)

	return out.String(), err
}

// What is written of a server is loaded into another one, once.
func TestIdentitiesRoundTrip(t *testing.T) {
	source := newRig(t)
	source.must(identitiesPool)
	lines := fmt.Sprintf(
		`{"IdentityPoolId":%[1]q,"IdentityId":%[2]q,"CreationDate":1700000000,"LastModifiedDate":1700000001,`+
			`"Logins":[{"ProviderName":"login.shop","Subject":"alice"}]}
{"IdentityPoolId":%[1]q,"IdentityId":%[3]q,"Guest":true}
{"IdentityPoolId":%[1]q,"IdentityId":%[4]q,"Logins":[{"ProviderName":"idp.example.com","Subject":"bob"}]}
`, poolOne, identityID(1), identityID(2), identityID(3))
	out, err := load(source, lines)
	equal(t, "loaded", out+fmt.Sprint(err), "3 loaded, 0 there already, 0 refused\n<nil>")

	out, err = load(source, lines)
	equal(t, "again", out+fmt.Sprint(err), "0 loaded, 3 there already, 0 refused\n<nil>")

	var written bytes.Buffer
	notes, err := apply.WriteIdentities(t.Context(), source.client, []string{poolOne, poolTwo}, &written)
	if err != nil {
		t.Fatal(err)
	}

	equal(t, "notes", notes, []string{poolOne + ": the subjects of 1 logins of idp.example.com cannot be read: " +
		"without them these identities are loaded, and nobody can use them"})
	contains(t, written.String(),
		`"CreationDate":1700000000,"LastModifiedDate":1700000001,"Logins":[{"ProviderName":"login.shop",`+
			`"Subject":"alice"}]`,
		`"IdentityId":"`+identityID(2)+`","CreationDate":`, `"Guest":true`, `"Unreadable":["idp.example.com"]`)
	lacks(t, written.String(), "bob")

	target := newRig(t)
	target.must(identitiesPool)
	out, err = load(target, written.String())
	equal(t, "loaded elsewhere", out+fmt.Sprint(err), "3 loaded, 0 there already, 0 refused\n<nil>")
	var again bytes.Buffer
	if _, err := apply.WriteIdentities(t.Context(), target.client, []string{poolOne}, &again); err != nil {
		t.Fatal(err)
	}
	contains(t, again.String(), `"Subject":"alice"`, identityID(2), identityID(3))
}

// Each call takes at most 500 identities, all of one pool.
func TestLoadIdentitiesInBatches(t *testing.T) {
	r := rigAt(t, stub{"LoadIdentities": `{"Loaded":2,"Present":1}`})

	var lines strings.Builder
	for n := range 501 {
		fmt.Fprintf(&lines, "{\"IdentityPoolId\":%q,\"IdentityId\":%q}\n", poolOne, identityID(n))
	}
	fmt.Fprintf(&lines, "{\"IdentityPoolId\":%q,\"IdentityId\":%q}\n", poolTwo, identityID(0))

	out, err := load(r, lines.String())
	equal(t, "output", out+fmt.Sprint(err), "6 loaded, 3 there already, 0 refused\n<nil>")
	equal(t, "calls", r.calls, []string{"LoadIdentities", "LoadIdentities", "LoadIdentities"})
	equal(t, "identities", strings.Count(r.transcript.String(), `"IdentityId"`), 502)
	equal(t, "of the second pool", strings.Count(r.transcript.String(), poolTwo), 1)
}

// What is refused is told, one line each; a file with a fault is loaded up to it.
func TestLoadIdentitiesRefused(t *testing.T) {
	one := fmt.Sprintf("{\"IdentityPoolId\":%q,\"IdentityId\":%q}\n", poolOne, identityID(1))
	r := rigAt(t, stub{"LoadIdentities": `{"Loaded":0,"Refused":[{"IdentityId":"a\u001b[2J","Message":"no"}]}`})
	out, err := load(r, one)
	equal(t, "output", out, "refused \"a\\x1b[2J\": no\n0 loaded, 0 there already, 1 refused\n")
	wantError(t, err, "1 identities were refused")

	for lines, want := range map[string]string{
		one + "{":                "line 2: unexpected EOF",
		one + `{"Identity":"a"}`: `line 2: json: unknown field "Identity"`,
		one + "[]":               "line 2: json: cannot unmarshal array",
	} {
		_, err := load(r, lines)
		wantError(t, err, want)
	}

	_, err = load(r, strings.Repeat("x", 2<<20))
	wantError(t, err, "token too long")

	r = rigAt(t, stub{})
	_, err = load(r, one)
	wantError(t, err, "LoadIdentities: ResourceNotFoundException: none; 0 identities were loaded before")
}

// An identity that is merged into another is counted, not written. No failure is
// taken for the end of a listing.
func TestWriteIdentitiesPages(t *testing.T) {
	server := onePool(`,"DeveloperProviderName":"d"`).with("LookupDeveloperIdentity",
		`{"DeveloperUserIdentifierList":["u"]}`)
	r := rigAt(t, server)
	pages := 0
	r.refuse = func(operation string) *http.Response {
		if operation != "ListIdentities" {
			return nil
		}
		pages++
		body := fmt.Sprintf(`{"Identities":[{"IdentityId":%q,"Logins":["d"]}]}`, identityID(pages))
		if pages == 1 || pages == 3 || pages == 4 {
			body = strings.Replace(body, "{", `{"NextToken":"t",`, 1)
		}

		return answer(http.StatusOK, body)
	}

	var out bytes.Buffer
	notes, err := apply.WriteIdentities(t.Context(), r.client, []string{poolOne}, &out)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "lines", strings.Count(out.String(), "\n"), 2)
	equal(t, "notes", notes, []string{poolOne + ": about 1 disabled identities, which were merged into others"})

	for _, operation := range []string{"DescribeIdentityPool", "ListIdentities", "LookupDeveloperIdentity"} {
		r := rigAt(t, server.with("ListIdentities", `{"Identities":[{"IdentityId":"i","Logins":["d"]}]}`))
		failAt(r, operation, http.StatusBadGateway)
		_, err := apply.WriteIdentities(t.Context(), r.client, []string{poolOne}, &out)
		wantError(t, err, operation+": the server answered with status 502")
	}

	r = rigAt(t, server.with("ListIdentities", `{"Identities":[{"IdentityId":"i"}]}`))
	full := errors.New("full")
	if _, err := apply.WriteIdentities(t.Context(), r.client, []string{poolOne}, failing{full}); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
