package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	awsAccount = "123456789012"
	awsPool    = "us-east-1:11111111-2222-4333-8444-555555555555"
	awsGuest   = "us-east-1:99999999-2222-4333-8444-555555555555"
	awsARN     = "arn:aws:iam::" + awsAccount + ":"
)

// awsRole is a role of the account that stands in for AWS's.
type awsRole struct {
	trust, boundary string
	attached        []string
	inline, tags    map[string]string
}

// awsStub answers in the shapes of the API references: AWS JSON 1.1 for identity
// pools, AWS Query with XML for STS and IAM, REST with JSON for Cognito Sync.
type awsStub struct {
	t      *testing.T
	roles  map[string]awsRole
	denied bool // Cognito Sync
}

func cognitoTrust(condition string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
		`"Principal":{"Federated":"cognito-identity.amazonaws.com"},"Action":"sts:AssumeRoleWithWebIdentity"` +
		condition + `}]}`
}

func audience(operator, pool string) string {
	return `,"Condition":{"` + operator + `":{"cognito-identity.amazonaws.com:aud":"` + pool +
		`"},"ForAnyValue:StringLike":{"cognito-identity.amazonaws.com:amr":"authenticated"}}`
}

func newAWS(t *testing.T) (*awsStub, string) {
	s := &awsStub{t: t, roles: map[string]awsRole{
		"web-user": {trust: cognitoTrust(audience("StringEquals", awsPool)),
			attached: []string{"arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess",
				"arn:aws:iam::aws:policy/AdministratorAccess", awsARN + "policy/files"},
			inline: map[string]string{"own": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
				`"Action":"s3:GetObject","Resource":"arn:aws:s3:::files-` + awsAccount +
				`/${cognito-identity.amazonaws.com:sub}/*"}]}`},
			tags: map[string]string{"aws:cloudformation:stack-name": "web", "team": "web"}},
		"premium": {trust: cognitoTrust(audience("StringEquals", awsPool))},
		"any":     {trust: cognitoTrust(audience("StringLike", "us-east-1:*"))},
		"server": {trust: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
			`"Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`},
	}}
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)

	return s, h.URL
}

func (s *awsStub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}

	scope := r.Header.Get("Authorization")
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		_, operation, _ := strings.Cut(target, ".")
		isUserPools := strings.HasPrefix(target, "AWSCognitoIdentityProviderService.")
		if isUserPools || strings.HasPrefix(target, "PoolhouseAdmin.") {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"__type":"com.amazon#AccessDeniedException","message":"no"}`)
			return
		}

		var in map[string]any
		if err := json.Unmarshal(body, &in); err != nil ||
			!strings.Contains(scope, "/us-east-1/cognito-identity/aws4_request") {
			s.t.Errorf("%s: %s %s", target, body, scope)
		}
		status, text := s.pools(operation, in)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)

		return
	}

	if r.Method == http.MethodGet && strings.Contains(scope, "/us-east-1/cognito-sync/aws4_request") {
		w.Header().Set("Content-Type", "application/json")
		if s.denied {
			w.Header().Set("X-Amzn-Errortype", "NotAuthorizedException")
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"message":"not allowed"}`)
			return
		}

		if id := strings.TrimPrefix(r.URL.Path, "/identitypools/"); id != awsPool {
			w.Header().Set("X-Amzn-Errortype",
				"ResourceNotFoundException:http://internal.amazon.com/coral/com.amazonaws.cognito.sync/")
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprintf(w, `{"message":"IdentityPool '%s' not found."}`, id)
			return
		}

		_, _ = io.WriteString(w, `{"IdentityPoolUsage":{"DataStorage":2048,"IdentityPoolId":"`+awsPool+
			`","LastModifiedDate":1.4E9,"SyncSessionsCount":3}}`)

		return
	}

	form, err := url.ParseQuery(string(body))
	if err != nil {
		s.t.Error(err)
	}

	action := form.Get("Action")
	result := s.query(action, form)
	w.Header().Set("Content-Type", "text/xml")

	namespace := "https://iam.amazonaws.com/doc/2010-05-08/"
	if action == "GetCallerIdentity" {
		namespace = "https://sts.amazonaws.com/doc/2011-06-15/"
	}
	if result == "" {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprintf(w, `<ErrorResponse xmlns="%s"><Error><Type>Sender</Type><Code>NoSuchEntity</Code>`+
			`<Message>%s is not there.</Message></Error><RequestId>7a62c49f-347e-4fc4-9331-6e8eEXAMPLE</RequestId>`+
			`</ErrorResponse>`, namespace, action)
		return
	}

	fmt.Fprintf(w, "<%[1]sResponse xmlns=\"%[2]s\">\n  <%[1]sResult>\n%[3]s\n  </%[1]sResult>\n"+
		"  <ResponseMetadata><RequestId>7a62c49f-347e-4fc4-9331-6e8eEXAMPLE</RequestId></ResponseMetadata>\n"+
		"</%[1]sResponse>", action, namespace, result)
}

func (s *awsStub) pools(operation string, in map[string]any) (int, string) {
	id, _ := in["IdentityPoolId"].(string)
	switch operation {
	case "ListIdentityPools":
		if in["NextToken"] == nil {
			return 200, `{"IdentityPools":[{"IdentityPoolId":"` + awsPool +
				`","IdentityPoolName":"web"}],"NextToken":"bmV4dA=="}`
		}
		return 200, `{"IdentityPools":[{"IdentityPoolId":"` + awsGuest + `","IdentityPoolName":"guests"}]}`
	case "DescribeIdentityPool":
		if id == awsGuest {
			return 200, `{"AllowUnauthenticatedIdentities":true,"IdentityPoolId":"` + id +
				`","IdentityPoolName":"guests","IdentityPoolTags":{}}`
		}

		return 200, `{"AllowClassicFlow":true,"AllowUnauthenticatedIdentities":false,` +
			`"DeveloperProviderName":"login.web","IdentityPoolId":"` + id + `","IdentityPoolName":"web",` +
			`"IdentityPoolTags":{"AWS:cloudformation:logical-id":"Pool","aws:cloudformation:stack-name":"web",` +
			`"team":"web"},` +
			`"OpenIdConnectProviderARNs":["` + awsARN +
			`oidc-provider/idp.example.com"],` +
			`"SupportedLoginProviders":{"accounts.google.com":"123.apps.googleusercontent.com"}}`
	case "GetIdentityPoolRoles":
		if id == awsGuest {
			return 200, `{"IdentityPoolId":"` + id + `"}`
		}
		return 200, `{"IdentityPoolId":"` + id +
			`","RoleMappings":{"idp.example.com":{"AmbiguousRoleResolution":"AuthenticatedRole","Type":"Token"}},` +
			`"Roles":{"authenticated":"` + awsARN + `role/web-user"}}`
	case "GetPrincipalTagAttributeMap":
		name, _ := in["IdentityProviderName"].(string)
		if name == "accounts.google.com" || name == "login.web" {
			return 200, `{"IdentityPoolId":"` + id + `","IdentityProviderName":"` + name +
				`","PrincipalTags":{"plan":"plan"},"UseDefaults":false}`
		}
		return 400, `{"__type":"ResourceNotFoundException","message":"Resource not found."}`
	case "ListIdentities":
		identity := func(n int, logins string) string {
			return fmt.Sprintf(`{"CreationDate":1.700000000123E9,`+
				`"IdentityId":"us-east-1:%08d-2222-4333-8444-555555555555","LastModifiedDate":1.7000001E9,`+
				`"Logins":[%s]}`, n, logins)
		}
		switch {
		case id == awsGuest:
			return 200, `{"Identities":[` + identity(9, "") + `],"IdentityPoolId":"` + id + `"}`
		case in["NextToken"] == nil:
			return 200, `{"Identities":[` + identity(1, `"login.web"`) + `],"IdentityPoolId":"` + id +
				`","NextToken":"bmV4dA=="}`
		case in["HideDisabled"] == false:
			return 200, `{"Identities":[` + identity(2, `"accounts.google.com"`) + `,` + identity(3, "") +
				`],"IdentityPoolId":"` + id + `"}`
		}

		return 200, `{"Identities":[` + identity(2, `"accounts.google.com"`) + `],"IdentityPoolId":"` + id + `"}`
	case "LookupDeveloperIdentity":
		return 200, `{"DeveloperUserIdentifierList":["alice"],"IdentityId":"` + fmt.Sprint(in["IdentityId"]) + `"}`
	}

	s.t.Errorf("operation %s", operation)

	return 400, `{"__type":"UnknownOperationException"}`
}

// member puts texts into a list's members.
func member(texts ...string) string {
	if len(texts) == 0 {
		return ""
	}
	return "<member>" + strings.Join(texts, "</member><member>") + "</member>"
}

func (s *awsStub) query(action string, form url.Values) string {
	name := form.Get("RoleName")
	r, known := s.roles[name]
	if name != "" && !known {
		return ""
	}

	escaped := func(document string) string { return strings.ReplaceAll(url.QueryEscape(document), "+", "%20") }
	listed := func(name string) string {
		return "<Path>/</Path><RoleName>" + name + "</RoleName><RoleId>AROAEXAMPLE</RoleId><Arn>" + awsARN + "role/" +
			name + "</Arn><CreateDate>2020-05-09T15:45:35Z</CreateDate>" +
			"<AssumeRolePolicyDocument>" + escaped(s.roles[name].trust) +
			"</AssumeRolePolicyDocument><MaxSessionDuration>3600</MaxSessionDuration>"
	}

	tags := func(all map[string]string) string {
		var texts []string
		for _, key := range slices.Sorted(maps.Keys(all)) {
			texts = append(texts, "<Key>"+key+"</Key><Value>"+all[key]+"</Value>")
		}
		return "<Tags>" + member(texts...) + "</Tags>"
	}

	switch action {
	case "GetCallerIdentity":
		return "<Arn>arn:aws:iam::" + awsAccount + ":user/Alice</Arn><UserId>AIDAEXAMPLE</UserId><Account>" +
			awsAccount + "</Account>"
	case "ListRoles": // a page for each role
		names := slices.Sorted(maps.Keys(s.roles))
		i := 0
		if marker := form.Get("Marker"); marker != "" {
			i = slices.Index(names, marker)
		}
		end := "<IsTruncated>false</IsTruncated>"
		if i+1 < len(names) {
			end = "<IsTruncated>true</IsTruncated><Marker>" + names[i+1] + "</Marker>"
		}

		return "<Roles>" + member(listed(names[i])) + "</Roles>" + end
	case "GetRole":
		boundary := ""
		if r.boundary != "" {
			boundary = "<PermissionsBoundary><PermissionsBoundaryType>Policy</PermissionsBoundaryType>" +
				"<PermissionsBoundaryArn>" + r.boundary + "</PermissionsBoundaryArn></PermissionsBoundary>"
		}
		return "<Role>" + listed(name) + boundary + tags(r.tags) + "<RoleLastUsed>" +
			"<LastUsedDate>2026-11-20T00:00:00Z</LastUsedDate><Region>us-east-1</Region></RoleLastUsed></Role>"
	case "ListRolePolicies":
		return "<PolicyNames>" + member(slices.Sorted(maps.Keys(r.inline))...) +
			"</PolicyNames><IsTruncated>false</IsTruncated>"
	case "GetRolePolicy":
		return "<RoleName>" + name + "</RoleName><PolicyName>" + form.Get("PolicyName") +
			"</PolicyName><PolicyDocument>" + escaped(r.inline[form.Get("PolicyName")]) + "</PolicyDocument>"
	case "ListAttachedRolePolicies":
		var texts []string
		for _, arn := range r.attached {
			texts = append(texts, "<PolicyName>"+arn[strings.LastIndex(arn, "/")+1:]+"</PolicyName><PolicyArn>"+arn+
				"</PolicyArn>")
		}
		return "<AttachedPolicies>" + member(texts...) + "</AttachedPolicies><IsTruncated>false</IsTruncated>"
	case "ListPolicies":
		return "<Policies>" +
			member("<PolicyName>files</PolicyName><Arn>"+awsARN+"policy/files</Arn>",
				"<PolicyName>other</PolicyName><Arn>"+awsARN+"policy/other</Arn>") +
			"</Policies><IsTruncated>false</IsTruncated>"
	case "GetPolicy":
		return "<Policy><PolicyName>files</PolicyName><DefaultVersionId>v2</DefaultVersionId>" +
			"<PolicyId>ANPAEXAMPLE</PolicyId><Path>/</Path><Arn>" + form.Get("PolicyArn") +
			"</Arn><AttachmentCount>1</AttachmentCount>" + tags(nil) + "</Policy>"
	case "GetPolicyVersion":
		return "<PolicyVersion><Document>" +
			escaped(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListBucket",`+
				`"Resource":"*","Condition":{"NumericLessThan":{"s3:max-keys":10},`+
				`"Bool":{"aws:SecureTransport":true}}}]}`) +
			"</Document><IsDefaultVersion>true</IsDefaultVersion><VersionId>v2</VersionId>" +
			"<CreateDate>2020-05-09T15:45:35Z</CreateDate></PolicyVersion>"
	case "ListOpenIDConnectProviders":
		return "<OpenIDConnectProviderList>" +
			member("<Arn>"+awsARN+"oidc-provider/idp.example.com</Arn>",
				"<Arn>"+awsARN+"oidc-provider/token.actions.githubusercontent.com</Arn>") +
			"</OpenIDConnectProviderList>"
	case "GetOpenIDConnectProvider":
		return "<ThumbprintList>" + member("c3768084dfb3d2b68b7897bf5f565da8efEXAMPLE") +
			"</ThumbprintList><CreateDate>2014-10-09T03:32:51.398Z</CreateDate><ClientIDList>" + member("web") +
			"</ClientIDList><Url>idp.example.com</Url>"
	case "ListSAMLProviders":
		return "<SAMLProviderList/>"
	}

	s.t.Errorf("action %s", action)

	return ""
}

// What comes from AWS is applied as it is; what cannot come is listed.
func TestImportAWS(t *testing.T) {
	devKeys(t)
	_, source := newAWS(t)
	identities := filepath.Join(t.TempDir(), "identities.jsonl")
	imported, notes, err := commandOutputs(t, "import", "aws", "--endpoint", source, "--identities", identities)
	if err != nil {
		t.Fatal(err)
	}

	want := []string{
		"pool " + awsPool + ": AWS's own tags AWS:cloudformation:logical-id, aws:cloudformation:stack-name",
		"pool " + awsPool + ": its data of Cognito Sync (2048 bytes), with its streams and events",
		"role web-user: AWS's own tags aws:cloudformation:stack-name",
		"role web-user: AWS's policy arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess, whose content Poolhouse does " +
			"not know: without it the role may do less",
		"policies of AWS: to keep them, write them to a file (aws iam get-account-authorization-details --filter " +
			"AWSManagedPolicy), name it in the server's setting managed_policies_file and in --managed-policies " +
			"here, and run this command again",
		"role any: it trusts pools without naming one, and no pool names it: it is left out",
		`role web-user: Policies[0].PolicyDocument.Statement[0].Resource: the account 123456789012 in ` +
			`"arn:aws:s3:::files-123456789012/${cognito-identity.amazonaws.com:sub}/*" stays as it is: a server ` +
			`with another account needs another text`,
		"pool " + awsPool + ": the principal tags under login.web," +
			" which no login gets: a user pool's are under its name alone, and a developer's users get theirs with " +
			"their token",
		awsPool + ": about 1 disabled identities, which were merged into others",
		awsPool + ": the subjects of 1 logins of accounts.google.com cannot be read: without them these identities " +
			"are loaded, and nobody can use them",
	}

	got := strings.Split(strings.TrimSpace(strings.ReplaceAll(notes, "not carried over: ", "")), "\n")
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("notes:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	contains(t, imported, "RoleName: premium", "PolicyArn", "policy/AdministratorAccess", "Value: web")

	for _, out := range []string{"aws:cloudformation", "AmazonS3ReadOnlyAccess", "RoleName: server", "RoleName: any",
		"githubusercontent", "policy/other", "IdentityProviderName: login.web"} {
		if strings.Contains(imported, out) {
			t.Errorf("%s is in the file:\n%s", out, imported)
		}
	}

	// The provider's thumbprint in AWS's example is no thumbprint.
	file := written(t, "web.yaml",
		strings.ReplaceAll(imported, "c3768084dfb3d2b68b7897bf5f565da8efEXAMPLE", strings.Repeat("c", 40)))
	target := devServer(t)
	mustRun(t, "apply", "--endpoint", target, "-f", file)
	contains(t, mustRun(t, "apply", "--endpoint", target, "-f", file), "0 to create, 0 to update")
	contains(t, mustRun(t, "import", "identities", identities, "--endpoint", target), "3 loaded")
	contains(t,
		mustRun(t, "identity", "lookup", "--endpoint", target, "--pool", awsPool, "--provider", "login.web",
			"--subject", "alice"), "us-east-1:00000001-")
}

// What Poolhouse would refuse is said when it is imported, and apply stops at it
// rather than making something that allows more.
func TestImportAWSWhatIsRefused(t *testing.T) {
	devKeys(t)
	const file = "policy/files"

	tests := []struct {
		name   string
		change func(*awsRole)
		want   string
		apply  string
	}{
		{"trust without a pool", func(r *awsRole) { r.trust = cognitoTrust("") },
			"role web-user: AssumeRolePolicyDocument: Poolhouse refuses this document, and apply stops at it: ",
			"A condition block must be present"},
		{"unknown operator", func(r *awsRole) {
			r.inline = map[string]string{"odd": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
				`"Action":"*","Resource":"*","Condition":{"Odd":{"a":"b"}}}]}`}
		}, "role web-user: policy odd: Poolhouse refuses this document", "unknown condition operator"},
		{"AWS's boundary", func(r *awsRole) { r.boundary = "arn:aws:iam::aws:policy/PowerUserAccess" },
			"role web-user: its permissions boundary is AWS's policy arn:aws:iam::aws:policy/PowerUserAccess, " +
				"whose content Poolhouse does not know: it stays in the file, and apply stops at it", "is not there"},
		{"own boundary", func(r *awsRole) { r.boundary = awsARN + file }, "", ""},
	}

	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, source := newAWS(t)
			r := s.roles["web-user"]
			r.attached, r.inline, r.tags = nil, nil, nil
			tt.change(&r)
			s.roles["web-user"] = r
			imported, notes, err := commandOutputs(t, "import", "aws", "--endpoint", source)
			if err != nil {
				t.Fatal(err)
			}

			contains(t, notes, tt.want)
			imported = strings.ReplaceAll(imported, "c3768084dfb3d2b68b7897bf5f565da8efEXAMPLE",
				strings.Repeat("c", 40))

			out, err := command(t, "apply", "--endpoint", devServer(t), "-f", written(t, "web.yaml", imported))
			switch {
			case tt.apply == "" && err != nil:
				t.Errorf("%v\n%s", err, out)
			case tt.apply != "" && (err == nil || !strings.Contains(err.Error(), tt.apply)):
				t.Errorf("apply: %v", err)
			}
		})
	}
}

// What the key may not ask is not taken for nothing.
func TestExportWithoutPermission(t *testing.T) {
	devKeys(t)
	s, source := newAWS(t)
	s.denied = true
	_, notes, err := commandOutputs(t, "import", "aws", "--endpoint", source)
	if err != nil {
		t.Fatal(err)
	}

	contains(t, notes, "not carried over: Cognito Sync: whether pools have data there cannot be "+
		"told: DescribeIdentityPoolUsage: NotAuthorizedException: not allowed\n")
	_, notes, err = commandOutputs(t, "export", "--endpoint", source)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, notes, "not carried over: providers: their settings in the settings file cannot be read: "+
		"ListProviderSettings: AccessDeniedException: no\n")
}

// Identities of which none is disabled bring no note, and the file is not
// overwritten.
func TestImportAWSIdentitiesFile(t *testing.T) {
	devKeys(t)
	source := devServer(t)
	mustRun(t, "apply", "--endpoint", source, "-f", written(t, "shop.yaml", appliedFile(t)))
	path := filepath.Join(t.TempDir(), "identities.jsonl")
	_, notes, err := commandOutputs(t, "import", "aws", "--endpoint", source, "--identities", path)
	if err != nil || strings.Contains(notes, "disabled") {
		t.Errorf("%v\n%s", err, notes)
	}

	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if _, err := command(t, "import", "aws", "--endpoint", source, "--identities", path); err == nil {
		t.Error("a file was overwritten")
	}
}
