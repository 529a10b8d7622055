package clienttests

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The calls that Terraform's AWS provider makes for aws_iam_role,
// aws_iam_openid_connect_provider and aws_iam_saml_provider, made by the AWS
// CLI: create, read as on every plan, update, delete. Every field that the
// provider reads is looked at.
func TestIAMThroughAWSCLI(t *testing.T) {
	s := startDev(t)
	const base = "arn:aws:iam::000000000000:"
	const trust = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",` +
		` "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "sts:AssumeRole"}]}`
	const document = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject",` +
		` "Resource": "arn:aws:s3:::bucket/a b+c/*"}]}`

	// call makes a call and returns the answer, without what differs each time.
	call := func(arguments ...string) map[string]any {
		t.Helper()
		text := s.aws(t, append([]string{"iam"}, arguments...)...)
		answer := map[string]any{}
		if strings.TrimSpace(text) != "" {
			if err := json.Unmarshal([]byte(text), &answer); err != nil {
				t.Fatal(err)
			}
		}

		drop := answer
		if role, ok := answer["Role"].(map[string]any); ok {
			drop = role
		}

		for _, name := range []string{"CreateDate", "RoleId", "ValidUntil", "SAMLProviderUUID"} {
			if v, ok := drop[name]; ok && v == "" {
				t.Errorf("%v: %s is empty", arguments, name)
			}
			delete(drop, name)
		}

		return answer
	}

	role := func(description, session, tags string) string {
		return `{"Role": {"Path": "/app/", "RoleName": "Web", "Arn": "` + base + `role/app/Web", "Description": "` +
			description + `", "MaxSessionDuration": ` + session +
			`, "AssumeRolePolicyDocument": ` + trust + `, "Tags": ` + tags + `, "RoleLastUsed": {}}}`
	}
	same(t, "CreateRole", call("create-role", "--role-name", "Web", "--path", "/app/", "--description", "first",
		"--max-session-duration", "3600",
		"--assume-role-policy-document", trust, "--tags", "Key=a,Value=1"),
		strings.Replace(role("first", "3600", `[{"Key": "a", "Value": "1"}]`), `, "RoleLastUsed": {}`, "", 1))
	call("put-role-policy", "--role-name", "Web", "--policy-name", "inline", "--policy-document", document)
	call("attach-role-policy", "--role-name", "Web", "--policy-arn", "arn:aws:iam::aws:policy/AdministratorAccess")

	read := func(want string) {
		t.Helper()
		same(t, "GetRole", call("get-role", "--role-name", "Web"), want)
		same(t, "ListRolePolicies", call("list-role-policies", "--role-name", "Web"), `{"PolicyNames": ["inline"]}`)
		same(t, "GetRolePolicy", call("get-role-policy", "--role-name", "Web", "--policy-name", "inline"),
			`{"RoleName": "Web", "PolicyName": "inline", "PolicyDocument": `+document+`}`)
		same(t, "ListAttachedRolePolicies", call("list-attached-role-policies", "--role-name", "Web"),
			`{"AttachedPolicies": [{"PolicyName": "AdministratorAccess",`+
				` "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}]}`)
	}

	read(role("first", "3600", `[{"Key": "a", "Value": "1"}]`))
	call("update-assume-role-policy", "--role-name", "Web", "--policy-document", trust)
	call("update-role-description", "--role-name", "Web", "--description", "second")
	call("update-role", "--role-name", "Web", "--max-session-duration", "7200")
	call("tag-role", "--role-name", "Web", "--tags", "Key=b,Value=2")
	call("untag-role", "--role-name", "Web", "--tag-keys", "a")
	read(role("second", "7200", `[{"Key": "b", "Value": "2"}]`))
	same(t, "ListInstanceProfilesForRole", call("list-instance-profiles-for-role", "--role-name", "Web"),
		`{"InstanceProfiles": []}`)
	call("detach-role-policy", "--role-name", "Web", "--policy-arn", "arn:aws:iam::aws:policy/AdministratorAccess")
	call("delete-role-policy", "--role-name", "Web", "--policy-name", "inline")
	call("delete-role", "--role-name", "Web")
	same(t, "ListRoles", call("list-roles"), `{"Roles": []}`)

	const provider = base + "oidc-provider/login.example.com/realm"
	first, second := strings.Repeat("0a", 20), strings.Repeat("f9", 20)
	same(t, "CreateOpenIDConnectProvider",
		call("create-open-id-connect-provider", "--url", "https://login.example.com/realm", "--client-id-list", "app",
			"--thumbprint-list", first, "--tags", "Key=a,Value=1"),
		`{"OpenIDConnectProviderArn": "`+provider+`", "Tags": [{"Key": "a", "Value": "1"}]}`)
	call("update-open-id-connect-provider-thumbprint", "--open-id-connect-provider-arn", provider,
		"--thumbprint-list", second)
	call("add-client-id-to-open-id-connect-provider", "--open-id-connect-provider-arn", provider, "--client-id", "new")
	call("remove-client-id-from-open-id-connect-provider", "--open-id-connect-provider-arn", provider,
		"--client-id", "app")
	same(t, "GetOpenIDConnectProvider",
		call("get-open-id-connect-provider", "--open-id-connect-provider-arn", provider),
		`{"Url": "login.example.com/realm", "ClientIDList": ["new"], "ThumbprintList": ["`+second+
			`"], "Tags": [{"Key": "a", "Value": "1"}]}`)
	call("delete-open-id-connect-provider", "--open-id-connect-provider-arn", provider)

	metadata := samlMetadata(t, "https://idp.example.com")
	file := filepath.Join(t.TempDir(), "metadata.xml")
	if err := os.WriteFile(file, []byte(metadata), 0o600); err != nil {
		t.Fatal(err)
	}

	const corp = base + "saml-provider/Corp"
	created := call("create-saml-provider", "--name", "Corp", "--saml-metadata-document", "file://"+file)
	if created["SAMLProviderArn"] != corp {
		t.Errorf("CreateSAMLProvider = %v", created)
	}
	if got := call("get-saml-provider", "--saml-provider-arn", corp); got["SAMLMetadataDocument"] != metadata {
		t.Errorf("GetSAMLProvider = %v", got)
	}

	same(t, "UpdateSAMLProvider",
		call("update-saml-provider", "--saml-provider-arn", corp, "--saml-metadata-document", "file://"+file),
		`{"SAMLProviderArn": "`+corp+`"}`)
	call("delete-saml-provider", "--saml-provider-arn", corp)

	same(t, "ListSAMLProviders", call("list-saml-providers"), `{"SAMLProviderList": []}`)
}

// samlMetadata is the metadata of an identity provider whose key nobody has.
func samlMetadata(t *testing.T, entity string) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}

	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}

	return `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="` + entity +
		`"><IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">` +
		`<KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data>` +
		`<X509Certificate>` + base64.StdEncoding.EncodeToString(certificate) +
		`</X509Certificate></X509Data></KeyInfo></KeyDescriptor>` +
		`<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="` + entity +
		`/sso"/></IDPSSODescriptor></EntityDescriptor>`
}

// aws runs the AWS CLI with the development keys and returns what it prints.
func (s *server) aws(t *testing.T, arguments ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(forkedAWS(t), "aws"),
		append(arguments, "--output", "json", "--endpoint-url", s.info.Endpoint)...)
	cmd.Env = s.environment(t)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("aws %s: %v\n%s", strings.Join(arguments, " "), err, tail(stderr.String()))
	}

	return string(out)
}

// The policy simulator, called by the AWS CLI, answers as AWS's own examples do (AWS CLI reference,
// simulate-custom-policy).
func TestSimulationThroughAWSCLI(t *testing.T) {
	s := startDev(t)
	call := func(arguments ...string) map[string]any {
		t.Helper()
		answer := map[string]any{}
		if err := json.Unmarshal([]byte(s.aws(t, append([]string{"iam"}, arguments...)...)), &answer); err != nil {
			t.Fatal(err)
		}
		return answer
	}

	const document = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*",` +
		`"Condition":{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}}`
	const action = "dynamodb:CreateBackup"
	entry := func(date string) string {
		return "ContextKeyName='aws:CurrentTime',ContextKeyValues='" + date + "',ContextKeyType=date"
	}
	result := func(decision, statements string) string {
		return `{"EvaluationResults": [{"EvalActionName": "` + action + `", "EvalResourceName": "*",` +
			`"EvalDecision": "` + decision + `", "MatchedStatements": [` + statements + `],` +
			`"MissingContextValues": []}]}`
	}

	same(t, "after the date", call("simulate-custom-policy", "--policy-input-list", document, "--action-names", action,
		"--context-entries", entry("2019-04-25T11:00:00Z")),
		result("allowed", `{"SourcePolicyId": "PolicyInputList.1", "SourcePolicyType": "IAM Policy",`+
			`"StartPosition": {"Line": 1, "Column": 38}, "EndPosition": {"Line": 1, "Column": 167}}`))
	same(t, "before the date", call("simulate-custom-policy", "--policy-input-list", document, "--action-names", action,
		"--context-entries", entry("2014-04-25T11:00:00Z")), result("implicitDeny", ""))
	same(t, "keys", call("get-context-keys-for-custom-policy", "--policy-input-list", document),
		`{"ContextKeyNames": ["aws:CurrentTime"]}`)

	const role = "arn:aws:iam::000000000000:role/App"
	call("create-role", "--role-name", "App", "--assume-role-policy-document",
		`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "000000000000"},`+
			` "Action": "sts:AssumeRole"}]}`)
	s.aws(t, "iam", "put-role-policy", "--role-name", "App", "--policy-name", "db", "--policy-document", document)
	same(t, "a role", call("simulate-principal-policy", "--policy-source-arn", role, "--action-names", action,
		"--context-entries", entry("2014-04-25T11:00:00Z")), result("implicitDeny", ""))
	same(t, "keys of a role", call("get-context-keys-for-principal-policy", "--policy-source-arn", role),
		`{"ContextKeyNames": ["aws:CurrentTime"]}`)
}
