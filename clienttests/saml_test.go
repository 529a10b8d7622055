package clienttests

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

const (
	corpARN      = "arn:aws:iam::000000000000:saml-provider/Corp"
	roleAttr     = "https://aws.amazon.com/SAML/Attributes/Role"
	sessionAttr  = "https://aws.amazon.com/SAML/Attributes/RoleSessionName"
	samlEntityID = "https://idp.example.com/saml"
)

// samlRequest is the input of the identity providers' scripts.
type samlRequest struct {
	EntityID        string              `json:"entity_id"`
	KeyFile         string              `json:"key_file"`
	CertificateFile string              `json:"certificate_file"`
	Audience        string              `json:"audience"`
	Recipient       string              `json:"recipient"`
	Subject         string              `json:"subject"`
	Sign            []string            `json:"sign"`
	Attributes      map[string][]string `json:"attributes"`
}

// samlAnswer is their output.
type samlAnswer struct{ Metadata, Response string }

// identityProviders are programs that nobody here wrote, each behind a script.
func identityProviders(t *testing.T) map[string][]string {
	t.Helper()
	node, python := client(t, "node", "nodejs"), client(t, "/usr/bin/python3", "python3-pysaml2")
	if err := exec.Command(python, "-c", "import saml2").Run(); err != nil {
		missing(t, python+" has no saml2: install the Debian package python3-pysaml2")
	}
	return map[string][]string{"samlify": {node, "js/saml-idp.mjs"}, "pysaml2": {python, "python/saml_idp.py"}}
}

// keyPair writes an identity provider's key and certificate.
func keyPair(t *testing.T) (keyFile, certificateFile string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "idp"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()

	keyFile, certificateFile = filepath.Join(dir, "key.pem"), filepath.Join(dir, "cert.pem")
	for path, block := range map[string]*pem.Block{
		keyFile:         {Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)},
		certificateFile: {Type: "CERTIFICATE", Bytes: certificate},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	return keyFile, certificateFile
}

// signIn asks an identity provider's script for metadata and a response.
func signIn(t *testing.T, script []string, r samlRequest) samlAnswer {
	t.Helper()
	request, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}

	cmd := exec.CommandContext(t.Context(), script[0], script[1:]...)
	cmd.Env = append(plainEnvironment(t), "PYTHONDONTWRITEBYTECODE=1")
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(request), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script[1], err, stderr.String())
	}
	var a samlAnswer
	if err := json.Unmarshal(out, &a); err != nil || a.Metadata == "" || a.Response == "" {
		t.Fatalf("%s printed %q: %v", script[1], out, err)
	}

	return a
}

// A user of each identity provider gets credentials of the role that the
// provider offers, through the AWS SDK for Go; a changed response gets none.
func TestSAML(t *testing.T) {
	for name, script := range identityProviders(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keyFile, certificateFile := keyPair(t)
			login := func(change ...func(*samlRequest)) samlAnswer {
				r := samlRequest{EntityID: samlEntityID, KeyFile: keyFile, CertificateFile: certificateFile,
					Audience: "urn:amazon:webservices", Recipient: "https://signin.aws.amazon.com/saml",
					Subject: "carol", Sign: []string{"assertion"},
					Attributes: map[string][]string{
						roleAttr:    {"arn:aws:iam::000000000000:role/Ops," + corpARN},
						sessionAttr: {"carol"},
					}}
				for _, f := range change {
					f(&r)
				}

				return signIn(t, script, r)
			}

			first := login()
			dir := t.TempDir()
			for path, text := range map[string]string{"idp.xml": first.Metadata, "poolhouse.yaml": "saml_providers:\n" +
				"  - {name: Corp, metadata_file: idp.xml, audiences: [\"https://pools.example.com\"], " +
				"recipients: [\"https://pools.example.com/saml\"]}\n"} {
				if err := os.WriteFile(filepath.Join(dir, path), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}

			w := samlClient{startDev(t, "--config", filepath.Join(dir, "poolhouse.yaml"))}
			pool := w.newPool(t)
			carol, role := w.credentials(t, pool, first.Response, "")
			if role != "Ops" {
				t.Errorf("role = %s", role)
			}

			for kind, change := range map[string]func(*samlRequest){
				"response signed": func(r *samlRequest) { r.Sign = []string{"response"} },
				"both signed":     func(r *samlRequest) { r.Sign = []string{"assertion", "response"} },
				"our own application": func(r *samlRequest) {
					r.Audience, r.Recipient = "https://pools.example.com", "https://pools.example.com/saml"
				},
			} {
				if id, role := w.credentials(t, pool, login(change).Response, ""); id != carol || role != "Ops" {
					t.Errorf("%s: identity %s, role %s; want %s, Ops", kind, id, role, carol)
				}
			}

			several := login(func(r *samlRequest) {
				r.Attributes[roleAttr] = []string{"arn:aws:iam::000000000000:role/Ops," + corpARN,
					corpARN + ",arn:aws:iam::000000000000:role/Audit"}
			}).Response
			if _, role := w.credentials(t, pool, several, "arn:aws:iam::000000000000:role/Audit"); role != "Audit" {
				t.Errorf("the role of CustomRoleArn is %s", role)
			}
			if dave, _ := w.credentials(t, pool,
				login(func(r *samlRequest) { r.Subject = "dave@example.com" }).Response, ""); dave == carol {
				t.Error("two users share an identity")
			}

			for kind, response := range map[string]string{
				"changed":        changed(t, first.Response),
				"wrong audience": login(func(r *samlRequest) { r.Audience = "https://other.example" }).Response,
				"another's key": login(func(r *samlRequest) {
					r.KeyFile, r.CertificateFile = keyPair(t)
				}).Response,
			} {
				_, err := w.client().GetId(t.Context(),
					&ci.GetIdInput{IdentityPoolId: &pool, Logins: map[string]string{corpARN: response}})
				if err == nil || !strings.Contains(err.Error(), "NotAuthorizedException") {
					t.Errorf("%s: error = %v", kind, err)
				}
			}
		})
	}
}

// pageExample is the example in JavaScript of the page about SAML.
var pageExample = regexp.MustCompile("(?s)```js\n(.*?)```")

// The documented example goes through a bundler for browsers as it stands, and signs a
// user in with nothing but what a web page has.
func TestSAMLInBrowsers(t *testing.T) {
	page, err := os.ReadFile("../docs/providers/saml.md")
	if err != nil {
		t.Fatal(err)
	}
	found := pageExample.FindAllSubmatch(page, -1)
	if len(found) != 1 {
		t.Fatalf("the page has %d examples in JavaScript, not one", len(found))
	}

	node := client(t, "node", "nodejs")
	keyFile, certificateFile := keyPair(t)
	login := signIn(t, []string{node, "js/saml-idp.mjs"}, samlRequest{
		EntityID:        samlEntityID,
		KeyFile:         keyFile,
		CertificateFile: certificateFile,
		Audience:        "urn:amazon:webservices",
		Recipient:       "https://signin.aws.amazon.com/saml",
		Subject:         "carol",
		Sign:            []string{"assertion"},
		Attributes: map[string][]string{roleAttr: {
			"arn:aws:iam::000000000000:role/Ops," + corpARN,
			"arn:aws:iam::000000000000:role/Auditor," + corpARN,
		}},
	})

	dir := t.TempDir()
	const settings = "saml_providers: [{name: Corp, metadata_file: idp.xml}]\n"
	for path, text := range map[string]string{"idp.xml": login.Metadata, "poolhouse.yaml": settings} {
		if err := os.WriteFile(filepath.Join(dir, path), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w := samlClient{startDev(t, "--config", filepath.Join(dir, "poolhouse.yaml"))}

	example := string(found[0][1])
	for shown, own := range map[string]string{
		"https://id.example.com":                         w.info.Endpoint,
		"us-east-1:11111111-2222-3333-4444-555555555555": w.newPool(t),
	} {
		if strings.Count(example, shown) != 1 {
			t.Fatalf("the example does not have %s once", shown)
		}
		example = strings.Replace(example, shown, own, 1)
	}

	out := w.script(t, "js", []string{"EXAMPLE=" + example, "RESPONSE=" + login.Response}, node, "saml-page.mjs")
	if !strings.Contains(out, ":assumed-role/Auditor/") {
		t.Errorf("the page's user is %s", out)
	}
}

// changed is a response with another user in it.
func changed(t *testing.T, response string) string {
	t.Helper()
	document, err := base64.StdEncoding.DecodeString(response)
	if err != nil || !bytes.Contains(document, []byte(">carol<")) {
		t.Fatalf("the response does not name the user: %v", err)
	}
	return base64.StdEncoding.EncodeToString(bytes.Replace(document, []byte(">carol<"), []byte(">admin<"), 1))
}

// samlClient signs in with the AWS SDK for Go.
type samlClient struct{ *server }

func (c samlClient) client() *ci.Client {
	return ci.New(ci.Options{
		BaseEndpoint:     &c.info.Endpoint,
		Region:           "us-east-1",
		RetryMaxAttempts: 1,
		Credentials:      aws.AnonymousCredentials{},
	})
}

func (c samlClient) newPool(t *testing.T) string {
	t.Helper()
	admin := ci.New(ci.Options{BaseEndpoint: &c.info.Endpoint, Region: "us-east-1", RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(c.info.AccessKeyID, c.info.SecretAccessKey, "")})
	out, err := admin.CreateIdentityPool(t.Context(),
		&ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("saml"), SamlProviderARNs: []string{corpARN}})
	if err != nil {
		t.Fatal(err)
	}

	return *out.IdentityPoolId
}

// credentials returns the identity of a login and the role of its credentials.
func (c samlClient) credentials(t *testing.T, pool, response, custom string) (id, role string) {
	t.Helper()
	logins := map[string]string{corpARN: response}
	got, err := c.client().GetId(t.Context(), &ci.GetIdInput{IdentityPoolId: &pool, Logins: logins})
	if err != nil {
		t.Fatal(err)
	}
	in := &ci.GetCredentialsForIdentityInput{IdentityId: got.IdentityId, Logins: logins}
	if custom != "" {
		in.CustomRoleArn = &custom
	}

	out, err := c.client().GetCredentialsForIdentity(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}

	who, err := sts.New(sts.Options{BaseEndpoint: &c.info.Endpoint, Region: "us-east-1", RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId,
			*out.Credentials.SecretKey, *out.Credentials.SessionToken)}).
		GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	_, role, _ = strings.Cut(*who.Arn, ":assumed-role/")
	role, _, _ = strings.Cut(role, "/")

	return *got.IdentityId, role
}
