package clienttests

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// samplesFolder has the code that the console shows, a file for each flow and language.
const samplesFolder = consoleFolder + "/src/samples"

// sampleFlows are the flows, and the role that each leads to.
var sampleFlows = map[string]string{"guest": "Guest", "guestclassic": "Guest", "user": "User", "classic": "User",
	"developer": "User", "developerclassic": "User"}

const samplePool = "us-east-1:11111111-2222-4333-8444-555555555555"

// sampleSeed has a pool that accepts all of the samples.
const sampleSeed = `Resources:
  Pool:
    Type: AWS::Cognito::IdentityPool
    Metadata: {PoolhouseId: "` + samplePool + `"}
    Properties:
      IdentityPoolName: samples
      AllowUnauthenticatedIdentities: true
      AllowClassicFlow: true
      DeveloperProviderName: app.example
      OpenIdConnectProviderARNs: [!Ref Poolhouse::DevProviderArn]
  User:
    Type: AWS::IAM::Role
    Properties:
      RoleName: User
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: {Federated: cognito-identity.amazonaws.com}
            Action: sts:AssumeRoleWithWebIdentity
            Condition:
              StringEquals: {"cognito-identity.amazonaws.com:aud": !Ref Pool}
  Guest:
    Type: AWS::IAM::Role
    Properties:
      RoleName: Guest
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: {Federated: cognito-identity.amazonaws.com}
            Action: sts:AssumeRoleWithWebIdentity
            Condition:
              StringEquals: {"cognito-identity.amazonaws.com:aud": !Ref Pool}
  Roles:
    Type: AWS::Cognito::IdentityPoolRoleAttachment
    Properties:
      IdentityPoolId: !Ref Pool
      Roles: {authenticated: !GetAtt User.Arn, unauthenticated: !GetAtt Guest.Arn}
Users:
  ann: {}
`

// sampleLanguage runs the samples of one language.
type sampleLanguage struct {
	extension string
	prepare   func(t *testing.T, dir string) []string // of the folder; returns more of the environment
	command   string                                  // of a shell; $FILE is the sample
}

var sampleLanguages = []sampleLanguage{
	{"sh", debian("/usr/bin/aws", "awscli"), `sh "$FILE"`},
	{"mjs", nodeModules, `node "$FILE"`},
	{"py", debian("/usr/bin/python3", "python3-boto3"), `/usr/bin/python3 "$FILE"`},
	{"go", goModule, `go run "$FILE"`},
	{"java", javaSamples, `java -cp "$(cat classpath)" "$FILE"`},
}

// javaSamples finds the libraries that the page about Java names.
func javaSamples(t *testing.T, dir string) []string {
	t.Helper()
	p, err := readPage("java")
	if err != nil {
		t.Fatal(err)
	}

	p.write(t, dir)

	return javaClasspath(t, dir)
}

// The code that the console shows signs its users in as it stands: only what the console fills in is filled in here.
func TestConsoleSamples(t *testing.T) {
	seed := filepath.Join(t.TempDir(), "seed.yaml")
	if err := os.WriteFile(seed, []byte(sampleSeed), 0o600); err != nil {
		t.Fatal(err)
	}

	s := startDev(t, "--seed", seed)
	token := s.poolhouse(t, "dev", "token", "--user", "ann")

	for _, language := range sampleLanguages {
		t.Run(language.extension, func(t *testing.T) {
			dir := t.TempDir()
			environment := overlay(withProgram(plainEnvironment(t)), language.prepare(t, dir))
			environment = append(environment, "TOKEN="+token, "USER_ID=ann", "PYTHONDONTWRITEBYTECODE=1")

			for flow, role := range sampleFlows {
				t.Run(flow, func(t *testing.T) {
					name := flow + "." + language.extension
					values := map[string]string{"__POOL_ID__": samplePool, "__REGION__": s.info.Region,
						"__ENDPOINT__": s.info.Endpoint, "__LOGIN_KEY__": s.info.LoginKey,
						"__ROLE_ARN__": "arn:aws:iam::" + s.info.Account + ":role/" + role}
					// Only the backend has a key.
					more := []string{"FILE=" + name}
					if strings.HasPrefix(flow, "developer") {
						values["__LOGIN_KEY__"] = "app.example"
						more = append(more, "AWS_ACCESS_KEY_ID="+s.info.AccessKeyID,
							"AWS_SECRET_ACCESS_KEY="+s.info.SecretAccessKey)
					}

					writeSample(t, filepath.Join(dir, name), name, values)
					out := shell(t, dir, overlay(environment, more), language.command)
					if !sampleOutput(role).MatchString(color.ReplaceAllString(out, "")) {
						t.Errorf("%s printed:\n%s", name, out)
					}
				})
			}
		})
	}
}

// Each flow has a sample in each language, and the folder has nothing else that no test would run.
func TestConsoleSamplesAreComplete(t *testing.T) {
	want := []string{}
	for flow := range sampleFlows {
		for _, language := range sampleLanguages {
			want = append(want, flow+"."+language.extension)
		}
	}
	slices.Sort(want)

	entries, err := os.ReadDir(samplesFolder)
	if err != nil {
		t.Fatal(err)
	}

	got := []string{}
	for _, entry := range entries {
		got = append(got, entry.Name())
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s has %q, want %q", samplesFolder, got, want)
	}
}

// sampleOutput matches the output of a sample: the identity, and who its credentials are.
func sampleOutput(role string) *regexp.Regexp {
	return regexp.MustCompile(`(?m)^us-east-1:[0-9a-f-]{36}\n` +
		`arn:aws:sts::000000000000:assumed-role/` + role + `/[\w-]+$`)
}

// writeSample writes a sample with values in place of its placeholders.
func writeSample(t *testing.T, path, name string, values map[string]string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(samplesFolder, name))
	if err != nil {
		t.Fatal(err)
	}

	filled := string(text)
	for placeholder, value := range values {
		filled = strings.ReplaceAll(filled, placeholder, value)
	}
	if regexp.MustCompile(`__[A-Z_]+__`).MatchString(filled) {
		t.Errorf("%s has placeholders that nothing fills:\n%s", name, filled)
	}
	if err := os.WriteFile(path, []byte(filled), 0o600); err != nil {
		t.Fatal(err)
	}
}
