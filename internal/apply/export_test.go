package apply_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/poolhouse-id/poolhouse"
)

// Trust policies that were written when all regions had one partition are exported
// with the principals that may be written today.
func TestExportPartitions(t *testing.T) {
	const text = `{"Statement":[{"Principal":{"AWS":["arn:aws:iam::1:root","1"],` +
		`"Federated":"arn:aws:iam::1:saml-provider/S"},` +
		`"Condition":{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::1:role/*"}}},` +
		`{"NotPrincipal":{"AWS":"arn:aws:iam::1:role/R"}},{"Principal":"*"}]}`
	china := func(trust string) string {
		r := rigAt(t, oneRole(url.QueryEscape(trust)).with(
			"GetCallerIdentity", "<Arn>arn:aws-cn:iam::"+account+":user/a</Arn><Account>"+account+"</Account>"))
		return string(r.export(false).File)
	}
	equal(t, "file", china(text), `Resources:
  Roler:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement:
          - Condition:
              ArnLike:
                aws:PrincipalArn: arn:aws:iam::1:role/*
            Principal:
              AWS:
                - arn:aws-cn:iam::1:root
                - "1"
              Federated: arn:aws-cn:iam::1:saml-provider/S
          - NotPrincipal:
              AWS: arn:aws-cn:iam::1:role/R
          - Principal: "*"
      MaxSessionDuration: "3600"
      Path: /
      RoleName: r
`)

	for _, odd := range []string{`text`, ``, `null`, `[]`, `{"Statement":"x"}`, `{"Statement":[1]}`, `%ZZ`} {
		contains(t, china(odd), "RoleName: r")
	}
}

// Any text is read again as it was, whatever YAML could take it for.
func TestWrittenIsReadAgain(t *testing.T) {
	texts := []string{
		"true", "yes", "on", "null", "~", "<<", "=", "!Ref x", "!x", "*a", "&a", "? x", "- x", "-", "| x", "> x", "|",
		"2012-10-17", "2026-11-28T15:00:00Z", "1e3", "1.50", "0123", "0x10", "0o7", "0b1", "1_000", ".5",
		"5.", "+5", "-5",
		".inf", "-.Inf", ".NaN", "NaN", "12:30", "\ttab", "a\tb", "a: b", "a:", ":a", ":", "a #b", "#a",
		"{a", "{a}", "[a",
		"a]", "a,b", "'a'", "'", `"a"`, `"`, `\`, `a\nb`, "line\nline\n", "line\n\n", "\nlead", "a\n  b\n c", "  a\nb",
		"a\r\nb", "a\rb", "trailing ", " lead", "é", "\u2028", "\u0085", "\u00a0", "\ufeff", "😀", "a:b",
		"${x}", "${!x}",
		"\u202e", "\u200b", "\u009b", "\U000e0041",
		"\x07", "\x1b[2J", "\x7f", "@a", "`a", "%a", "---", "...", "--- a", "a\n---\nb", "a\n...\n", "Ref", "Fn::Sub",
		"Infinity", "<&>",
	}

	statement := map[string]any{
		"Number": json.Number("10"), "Float": json.Number("1.5"), "Big": json.Number("12345678901234567890"),
		"Yes": true,
	}
	statement[""] = ""
	values := map[string]string{"no text": ""}
	for _, text := range texts {
		values[text] = text
		statement[text] = []any{text, map[string]any{"StringEquals": map[string]any{text: text, "other": text}}}
	}

	document, _ := json.Marshal(map[string]any{"Statement": statement})
	tags, _ := json.Marshal(values)

	r := rigAt(t, onePool(`,"IdentityPoolTags":`+string(tags)).with(
		"ListRoles", oneRole("")["ListRoles"],
		"GetRole", oneRole(url.PathEscape(string(document)))["GetRole"],
	))
	file := r.export(false).File
	drives := func(c rune) bool { return c != '\n' && !unicode.IsPrint(c) } // a terminal
	if at := bytes.IndexFunc(file, drives); at >= 0 {
		t.Errorf("not escaped: %q", file[at:min(at+40, len(file))])
	}
	found := map[string]any{}
	for _, resource := range readFile(t, string(file)) {
		for name, v := range resource.Properties {
			found[name] = v
		}
	}

	want, got := map[string]any{}, found["IdentityPoolTags"]
	for key, text := range values {
		want[key] = text
	}
	equal(t, "tags", got, any(want))
	equal(t, "document", found["AssumeRolePolicyDocument"], any(map[string]any{"Statement": statement}))
}

// A map of principal tags that is set but empty is not one that was never set: files and copies keep it.
func TestEmptyPrincipalTagsAreKept(t *testing.T) {
	const file = `Resources:
  Pool:
    Type: AWS::Cognito::IdentityPool
    Metadata: {PoolhouseId: "` + poolOne + `"}
    Properties:
      AllowUnauthenticatedIdentities: true
      SupportedLoginProviders: {accounts.google.com: web, graph.facebook.com: app}
  Tags:
    Type: AWS::Cognito::IdentityPoolPrincipalTag
    Properties: {IdentityPoolId: !Ref Pool, IdentityProviderName: accounts.google.com, PrincipalTags: {}}
`
	r := newRig(t)
	r.must(file)
	contains(t, r.must(file, dryRun), "0 to create, 0 to update")

	exported := string(r.export(false).File)
	contains(t, exported, "IdentityProviderName: accounts.google.com\n      UseDefaults: false\n")
	lacks(t, exported, "IdentityProviderName: graph.facebook.com")

	elsewhere := newRig(t)
	elsewhere.must(exported)
	var got struct{ PrincipalTags map[string]string }
	elsewhere.pools("GetPrincipalTagAttributeMap",
		map[string]any{"IdentityPoolId": poolOne, "IdentityProviderName": "accounts.google.com"}, &got)
	equal(t, "tags", len(got.PrincipalTags), 0)
	equal(t, "exported again", string(elsewhere.export(false).File), exported)
}

// What a file cannot hold is told, and is not in it.
func TestExportNotes(t *testing.T) {
	const arn = "arn:aws:iam::" + account + ":"
	bad := url.PathEscape(`{"Version":"2012-10-17","Statement":[{"Effect":"Perhaps"}]}`)
	tag := func(key string) string { return "<Tags>" + member("<Key>"+key+"</Key><Value>v</Value>") + "</Tags>" }
	for _, test := range []struct {
		name   string
		server stub
		want   []string // notes
		lacks  string   // what is not in the file
	}{
		{"AWS's tags", onePool(`,"IdentityPoolTags":{"aws:x":"1","AWS:a":"2","mine":"3"}`),
			[]string{"pool " + poolOne + ": AWS's own tags AWS:a, aws:x"}, "aws:x"},
		{"Cognito Sync", onePool(`,"PushSync":{"a":"b"},"CognitoStreams":{},"Newest":1`), []string{
			"pool " + poolOne + ": CognitoStreams, which Poolhouse does not have",
			"pool " + poolOne + ": Newest, which Poolhouse does not have",
			"pool " + poolOne + ": PushSync, which Poolhouse does not have",
		}, "PushSync"},
		{"principal tags that nobody reads",
			onePool(`,"DeveloperProviderName":"login.shop"`).with("GetPrincipalTagAttributeMap",
				`{"PrincipalTags":{"a":"b"}}`),
			[]string{"pool " + poolOne + ": the principal tags under login.shop, which no login gets: " +
				"a user pool's are under its name alone, and a developer's users get theirs with their token"},
			"PrincipalTag"},
		{"principal tags of a client",
			onePool(`,"CognitoIdentityProviders":[{"ProviderName":"up","ClientId":"c"}]`).with(
				"GetPrincipalTagAttributeMap", `{"UseDefaults":true}`,
			),
			[]string{"pool " + poolOne + ": the principal tags under up:c, which no login gets: " +
				"a user pool's are under its name alone, and a developer's users get theirs with their token"}, "up:c"},
		{"documents that are refused", oneRole(bad), []string{
			`role r: AssumeRolePolicyDocument: Poolhouse refuses this document, and apply stops at it: `,
		}, "PoolhouseId"},
		{"the account in a document",
			oneRole(url.PathEscape(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` +
				account + `"},"Action":"sts:AssumeRole"}]}`)),
			[]string{"role r: AssumeRolePolicyDocument.Statement[0].Principal.AWS: the account " + account +
				` in "` + account +
				`" stays as it is: a server with another account needs another text`}, "Sub"},
		{"private keys", oneRole("").with("ListRoles", "",
			"ListSAMLProviders", "<SAMLProviderList>"+member("<Arn>"+arn+"saml-provider/S</Arn>")+"</SAMLProviderList>",
			"GetSAMLProvider", "<SAMLMetadataDocument>m</SAMLMetadataDocument>"+
				"<AssertionEncryptionMode>Required</AssertionEncryptionMode>"+tag("aws:a")),
			[]string{
				arn + "saml-provider/S: its private keys: encrypted assertions are refused",
				arn + "saml-provider/S: AWS's own tags aws:a",
				arn + "saml-provider/S: SamlMetadataDocument: Poolhouse refuses this document, and apply stops at it: ",
			}, "aws:a"},
		{"no TLS, unused", oneRole("").with("ListRoles", "",
			"ListOpenIDConnectProviders", "<OpenIDConnectProviderList>"+member("<Arn>"+arn+"oidc-provider/i</Arn>")+
				"</OpenIDConnectProviderList>",
			"GetOpenIDConnectProvider", "<Url>http://i</Url>"),
			[]string{arn +
				"oidc-provider/i: it has no TLS, which only poolhouse dev takes, and nothing uses it: it " +
				"is left out"}, "http://i"},
		{"no TLS, used", onePool(`,"OpenIdConnectProviderARNs":["`+arn+`oidc-provider/i"]`).with(
			"ListOpenIDConnectProviders", "<OpenIDConnectProviderList>"+member("<Arn>"+arn+"oidc-provider/i</Arn>")+
				"</OpenIDConnectProviderList>",
			"GetOpenIDConnectProvider", "<Url>http://i</Url>"),
			[]string{arn + "oidc-provider/i: it has no TLS: only poolhouse dev takes it"}, "arn:aws"},
		{"settings", onePool("").with("ListProviderSettings", `{"Providers":[{"Arn":"`+poolOne+
			`","Settings":[{"Name":"a","Value":"1"},{"Name":"b"}]},{"Arn":"other","Settings":[{"Name":"c"}]}]}`),
			[]string{poolOne + ": of the settings file: a (1), b"}, "other"},
	} {
		t.Run(test.name, func(t *testing.T) {
			out := rigAt(t, test.server).export(false)
			if len(out.Notes) != len(test.want) {
				t.Errorf("%d notes: %q", len(out.Notes), out.Notes)
			}

			for i, want := range test.want {
				if i < len(out.Notes) && !strings.HasPrefix(out.Notes[i], want) {
					t.Errorf("note %q, want %q", out.Notes[i], want)
				}
			}
			lacks(t, string(out.File), test.lacks)
			readFile(t, string(out.File))
		})
	}
}

// From AWS comes what a pool uses: what it names, and roles that trust it.
func TestExportFromAWS(t *testing.T) {
	const arn = "arn:aws:iam::" + account + ":"
	trusts := func(condition string) string {
		return url.PathEscape(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
			`"Principal":{"Federated":"cognito-identity.amazonaws.com"},` +
			`"Action":"sts:AssumeRoleWithWebIdentity","Condition":{` + condition + `}}]}`)
	}

	listed := func(name, trust string) string {
		return "<RoleName>" + name + "</RoleName><Arn>" + arn + "role/" + name + "</Arn><AssumeRolePolicyDocument>" +
			trust + "</AssumeRolePolicyDocument>"
	}
	server := onePool("").with(
		"GetIdentityPoolRoles", `{"Roles":{"authenticated":"`+arn+`role/named"}}`,
		"ListRoles", "<Roles>"+member(listed("any", trusts("")),
			listed("named", ""),
			listed("trusting", trusts(`"StringEquals":{"cognito-identity.amazonaws.com:aud":"`+poolOne+`"}`)),
			listed("other", trusts(`"StringEquals":{"cognito-identity.amazonaws.com:aud":"`+poolTwo+`"}`)),
			listed("unused", "%7B%7D"))+"</Roles>",
		"GetRole", "<Role>"+listed("seen", "%7B%7D")+"</Role>",
		"ListPolicies", "<Policies>"+member("<Arn>"+arn+"policy/unused</Arn>")+"</Policies>",
		"Get /identitypools/"+poolOne, `{"IdentityPoolUsage":{"SyncSessionsCount":0,"DataStorage":2048}}`,
	)
	r := rigAt(t, server)
	out := r.export(true)
	equal(t, "pools", out.Pools, []string{poolOne})
	equal(t, "calls of GetRole", strings.Count(strings.Join(r.calls, " ")+" ", "GetRole "), 2)
	lacks(t, strings.Join(r.calls, " "), "GetPolicy")
	equal(t, "notes", out.Notes[:2], []string{
		"role any: it trusts pools without naming one, and no pool names it: it is left out",
		"pool " + poolOne + ": its data of Cognito Sync (2048 bytes), with its streams and events",
	})

	// A region without Cognito Sync, and one where the pool has no data.
	r = rigAt(t, server)
	r.refuse = func(operation string) *http.Response {
		if strings.HasPrefix(operation, "Get /") {
			return answer(http.StatusForbidden, `{"message":"no"}`)
		}
		return nil
	}

	contains(t, strings.Join(r.export(true).Notes, "\n"),
		"Cognito Sync: whether pools have data there cannot be told: DescribeIdentityPoolUsage: the server "+
			"answered with status 403")
	lacks(t, strings.Join(rigAt(t, onePool("")).export(true).Notes, "\n"), "Cognito Sync")
}

// Names come from the mark of an earlier apply, else from the resource; no two are
// the same.
func TestExportNames(t *testing.T) {
	r := newRig(t)
	for range 2 {
		r.pools("CreateIdentityPool",
			map[string]any{"IdentityPoolName": "my shop", "AllowUnauthenticatedIdentities": true}, nil)
	}
	r.must("Resources:\n  Poolmyshop: {Type: AWS::IAM::OIDCProvider, Properties: {Url: \"https://a.example\"}}\n")

	var names []string
	for _, resource := range readFile(t, string(r.export(false).File)) {
		names = append(names, resource.Name)
	}
	slices.Sort(names)
	equal(t, "names", names, []string{"Poolmyshop", "Poolmyshop2", "Poolmyshop3"})
}

// Each call that export makes may fail; none is taken for an empty answer.
func TestExportFails(t *testing.T) {
	r := newRig(t)
	r.must(`Resources:
  Pool:
    Type: AWS::Cognito::IdentityPool
    Properties: {AllowUnauthenticatedIdentities: true, OpenIdConnectProviderARNs: [!Ref Issuer]}
  Issuer: {Type: AWS::IAM::OIDCProvider, Properties: {Url: "https://a.example"}}
  Corp: {Type: AWS::IAM::SAMLProvider, Properties: {SamlMetadataDocument: ` + metadata(t)[0] + `}}
  May:
    Type: AWS::IAM::ManagedPolicy
    Properties: {PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:*", Resource: "*"}]}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Principal: {AWS: "000000000000"}, Action: "sts:AssumeRole"}]
      Policies:
        - PolicyName: p
          PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:*", Resource: "*"}]}
`)

	r.calls = nil
	r.export(false)
	operations := slices.Compact(slices.Sorted(slices.Values(r.calls)))
	if len(operations) < 16 {
		t.Fatalf("only %v", operations)
	}

	for _, operation := range operations {
		failAt(r, operation, http.StatusServiceUnavailable)
		out, err := exportOf(r)
		if operation == "ListProviderSettings" {
			contains(t, out, "their settings in the settings file cannot be read")
			continue
		}
		wantError(t, err, operation+": the server answered with status 503")
	}

	// What goes away between the listing and the reading is left out.
	for _, operation := range []string{"DescribeIdentityPool", "GetIdentityPoolRoles", "GetRole", "GetPolicy",
		"GetOpenIDConnectProvider", "GetSAMLProvider"} {
		r.refuse = func(called string) *http.Response {
			if called == operation && strings.Contains(called, "Pool") {
				return answer(http.StatusBadRequest, `{"__type":"ResourceNotFoundException"}`)
			} else if called == operation {
				return answer(http.StatusNotFound, "<E><Error><Code>NoSuchEntity</Code></Error></E>")
			}
			return nil
		}

		if _, err := exportOf(r); err != nil {
			t.Errorf("%s: %v", operation, err)
		}
	}
}

// failAt answers an operation with a status and nothing else.
func failAt(r *rig, operation string, status int) {
	r.refuse = func(called string) *http.Response {
		if called == operation {
			return answer(status, "")
		}
		return nil
	}
}

func exportOf(r *rig) (notes string, err error) {
	r.t.Helper()
	out, err := applyExport(r)
	if err != nil {
		return "", err
	}

	return strings.Join(out.Notes, "\n"), nil
}

// A cancelled export ends with the reason.
func TestExportCancelled(t *testing.T) {
	r := rigAt(t, onePool(""))
	ctx, cancel := context.WithCancel(t.Context())
	r.refuse = func(operation string) *http.Response {
		if strings.HasPrefix(operation, "Get /") {
			cancel()
			return answer(http.StatusNotFound, "")
		}
		return nil
	}

	if _, err := exportWith(ctx, r, true); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// Roles of the settings file, which refer to each other, are exported without a
// circle of references, and make the same on another server.
func TestExportCircle(t *testing.T) {
	const base = "arn:aws:iam::" + account + ":role/"
	trust := func(role string) string {
		return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":%q},`+
			`"Action":"sts:AssumeRole"}]}`, base+role)
	}
	r := newRig(t, func(c *poolhouse.Config) {
		c.Roles = []poolhouse.RoleConfig{
			{ARN: base + "One", TrustPolicy: trust("Two")},
			{ARN: base + "Two", TrustPolicy: trust("One")},
		}
	})
	file := string(r.export(false).File)
	contains(t, file, `Fn::Sub: "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/One"`, "Fn::GetAtt: RoleTwo.Arn")

	target := newRig(t)
	target.must(file)

	equal(t, "exported again", string(target.export(false).File), file)
}

// What comes from Poolhouse was attached there, so that server has the content of AWS's policies.
func TestExportKeepsPoliciesOfAWS(t *testing.T) {
	one := oneRole(url.PathEscape(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*",` +
		`"Action":"sts:AssumeRole"}]}`))
	out := rigAt(t, one.with(
		"ListAttachedRolePolicies",
		"<AttachedPolicies>"+member("<PolicyArn>arn:aws:iam::aws:policy/Unheard</PolicyArn>")+"</AttachedPolicies>",
		"GetRole", strings.Replace(one["GetRole"], "</Role>", "<PermissionsBoundary>"+
			"<PermissionsBoundaryArn>arn:aws:iam::aws:policy/Bound</PermissionsBoundaryArn>"+
			"</PermissionsBoundary></Role>", 1),
	)).export(false)
	if len(out.Notes) > 0 || !strings.Contains(string(out.File), "policy/Unheard") ||
		!strings.Contains(string(out.File), "policy/Bound") {
		t.Errorf("notes %q, file:\n%s", out.Notes, out.File)
	}
}
