package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse"
)

// profiles writes AWS's shared files and chooses a profile of them.
func profiles(t *testing.T, name, config, credentials string) {
	t.Helper()
	t.Setenv("AWS_CONFIG_FILE", written(t, "config", config))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", written(t, "credentials", credentials))
	t.Setenv("AWS_PROFILE", name)
	for _, variable := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION",
		"AWS_DEFAULT_REGION"} {
		t.Setenv(variable, "")
	}
}

const (
	testConfig = `
# comment
[default]
region = eu-west-1
[profile  shop ]
region=eu-north-1 # north
s3 =
  region = not-this
output = json
[profile sso]
sso_session = company
[profile process]
credential_process = echo '{"Version": 1, "AccessKeyId": "AKIAPROCESS", "SecretAccessKey": "from-process"}'
[profile role]
role_arn = arn:aws:iam::123456789012:role/r
[shop]
region = wrong
`
	testCredentials = `[default]
aws_access_key_id = AKIADEFAULT
aws_secret_access_key = default-secret
[shop]
aws_access_key_id=AKIASHOP
aws_secret_access_key = a+b/c=
aws_session_token = token
; comment
[half]
aws_access_key_id = AKIAHALF
`
)

func TestProfiles(t *testing.T) {
	for _, test := range []struct{ profile, key, secret, token, region, fault string }{
		{profile: "shop", key: "AKIASHOP", secret: "a+b/c=", token: "token", region: "eu-north-1"},
		{profile: "default", key: "AKIADEFAULT", secret: "default-secret", region: "eu-west-1"},
		{profile: "process", key: "AKIAPROCESS", secret: "from-process", region: poolhouse.DevRegion},
		{profile: "sso", fault: "the settings of the AWS SDKs: failed to find SSO session section, company"},
		{
			profile: "role",
			fault:   "or AWS_PROFILE: failed to refresh cached credentials, operation error STS: AssumeRole",
		},
		{profile: "half", fault: "half, Error using profile: 2, partial credentials found for profile half"},
		{profile: "none", fault: "failed to get shared config profile, none"},
		{profile: "", key: "AKIADEFAULT", secret: "default-secret", region: "eu-west-1"},
	} {
		profiles(t, test.profile, testConfig, testCredentials)

		client, err := apiClient(t.Context(), func(string) string { return "" })
		if test.fault != "" {
			if err == nil || !strings.Contains(err.Error(), test.fault) || strings.Contains(err.Error(), "secret-") {
				t.Errorf("%s: got %v, want %q", test.profile, err, test.fault)
			}
			continue
		}

		if err != nil {
			t.Fatal(err)
		}

		keys := client.Credentials
		if keys.AccessKeyID != test.key || keys.SecretAccessKey != test.secret || keys.SessionToken != test.token ||
			client.Region != test.region {
			t.Errorf("%s: %s, %s, region %s", test.profile, keys.AccessKeyID, keys.SessionToken, client.Region)
		}
	}
}

// What a credential_process prints may hold a secret, and is not told.
func TestCredentialProcessIsNotQuoted(t *testing.T) {
	for _, test := range []struct {
		process, want string
		status        int
	}{
		{`echo 'AKIA/hidden'`, "did not print keys", statusFailed},
		{`echo '{"Version": 1, "SecretAccessKey": "hidden", }'`, "did not print keys", statusFailed},
		{`echo '{"Version": 1, "SecretAccessKey": "hidden", "Expiration": "no"}'`, "did not print keys", statusFailed},
		{`echo '{"Version": 1, "SecretAccessKey": "hidden"}'`, "did not print keys", statusFailed},
		{`echo '{"Version": "hidden"}'`, "did not print keys", statusFailed},
		{`echo hidden; exit 3`, "the credential_process failed: exit status 3", statusFailed},
		{`echo hidden; exit 5`, "the credential_process failed: exit status 5", statusSignIn},
	} {
		profiles(t, "process", "[profile process]\ncredential_process = "+test.process+"\n", "")
		_, err := clientKeys(t.Context())
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "hidden") ||
			exitStatus(err) != test.status {
			t.Errorf("%s: status %d, %v", test.process, exitStatus(err), err)
		}
	}
}

// The environment comes before the profile, and files that are not there are none.
func TestProfileAndEnvironment(t *testing.T) {
	profiles(t, "shop", testConfig, testCredentials)
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	client, err := apiClient(t.Context(), func(string) string { return "" })
	if err != nil || client.Credentials.AccessKeyID != "test" || client.Region != "eu-north-1" {
		t.Errorf("%+v, %v", client, err)
	}
	t.Setenv("AWS_REGION", "us-west-2")
	if region, err := clientRegion(t.Context()); region != "us-west-2" || err != nil {
		t.Errorf("%s, %v", region, err)
	}

	profiles(t, "", "", "")
	if _, err := clientKeys(t.Context()); err == nil || !strings.Contains(err.Error(), "or AWS_PROFILE") {
		t.Errorf("without a profile: %v", err)
	}
	profiles(t, "shop", testConfig, testCredentials)
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	if keys, err := clientKeys(t.Context()); err != nil || keys.AccessKeyID != "AKIASHOP" {
		t.Errorf("without a config file: %+v, %v", keys, err)
	}

	// In the home folder.
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("AWS_CONFIG_FILE", "")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "")
	_, err = clientKeys(t.Context())
	if err == nil || !strings.Contains(err.Error(), "failed to get shared config profile, shop") {
		t.Errorf("with an empty home: %v", err)
	}
}

// A profile's keys sign calls.
func TestApplyWithProfile(t *testing.T) {
	endpoint := devServer(t)
	profiles(t, "dev", "[profile dev]\nregion = us-east-1\n",
		"[dev]\naws_access_key_id = test\naws_secret_access_key = test\n")
	contains(t, mustRun(t, "apply", "--endpoint", endpoint, "-f", written(t, "shop.json", stackOf("Shop", "shop"))),
		"1 to create")
	profiles(t, "dev", "", "[dev]\naws_access_key_id = test\naws_secret_access_key = wrong\n")
	if _, err := command(t, "export", "--endpoint", endpoint); err == nil {
		t.Error("a wrong secret was accepted")
	}
}
