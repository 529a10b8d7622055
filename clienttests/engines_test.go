//go:build extended

package clienttests

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/poolhouse-id/poolhouse/internal/listentest"
)

// minioVersion is the last of MinIO's repository, which is archived.
const minioVersion = "v0.0.0-20260212201848-7aac2a2c5b7c"

const bucket = "files"

// builtOnce returns a program in Go of somebody else, built once into the user's cache folder; that
// takes minutes. path is that of its package.
func builtOnce(t *testing.T, path, version string) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Base(path)
	folder := filepath.Join(cache, "poolhouse", "engines", name+"-"+version)
	program := filepath.Join(folder, name)
	if _, err := os.Stat(program); err == nil {
		return program
	}

	// `go install` refuses modules with replacements: a module of our own ignores them.
	dir := t.TempDir()
	for _, arguments := range [][]string{
		{"mod", "init", "build"},
		{"get", path + "@" + version},
		{"build", "-ldflags=-s -w", "-o", program, path},
	} {
		build := exec.CommandContext(t.Context(), "go", arguments...)
		build.Dir = dir
		build.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("building %s: %v\n%s", name, err, out)
		}
	}

	return program
}

// storage signs requests to an S3 endpoint with AWS's own signer.
type storage struct{ endpoint string }

// send sends a signed request and returns status and body.
func (s storage) send(
	t *testing.T, c aws.Credentials, service, method, path string, header http.Header, body []byte,
) (int, string) {
	t.Helper()
	status, answer, err := s.try(t.Context(), c, service, method, path, header, body)
	if err != nil {
		t.Fatal(err)
	}
	return status, answer
}

func (s storage) try(
	ctx context.Context, c aws.Credentials, service, method, path string, header http.Header, body []byte,
) (int, string, error) {
	request, err := http.NewRequestWithContext(ctx, method, s.endpoint+path, bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	if header != nil {
		request.Header = header.Clone()
	}

	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	request.Header.Set("X-Amz-Content-Sha256", hash)
	err = v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }).SignHTTP(ctx, c, request, hash,
		service, "us-east-1", time.Now())
	if err != nil {
		return 0, "", err
	}

	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()

	answer, err := io.ReadAll(response.Body)

	return response.StatusCode, string(answer), err
}

// must is send for calls of S3 that have to succeed.
func (s storage) must(
	t *testing.T, c aws.Credentials, method, path string, header http.Header, body []byte,
) string {
	t.Helper()
	status, answer := s.send(t, c, "s3", method, path, header, body)
	if status/100 != 2 {
		t.Fatalf("%s %s: %d %s", method, path, status, answer)
	}
	return answer
}

// byID and byUUID are paths of an object in the private prefix of an identity.
func byID(identity string) string {
	return "/" + bucket + "/private/" + strings.ReplaceAll(identity, ":", "%3A") + "/note.txt"
}

func byUUID(identity string) string {
	_, id, _ := strings.Cut(identity, ":")
	return "/" + bucket + "/private/" + id + "/note.txt"
}

// enginePool is a pool with guests whose credentials come from an engine.
type enginePool struct {
	*server
	id string
}

func newEnginePool(t *testing.T, s *server) enginePool {
	t.Helper()
	admin := ci.New(ci.Options{BaseEndpoint: &s.info.Endpoint, Region: "us-east-1", RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(s.info.AccessKeyID, s.info.SecretAccessKey, "")})
	out, err := admin.CreateIdentityPool(t.Context(),
		&ci.CreateIdentityPoolInput{IdentityPoolName: aws.String("engines"),
			AllowUnauthenticatedIdentities: true, OpenIdConnectProviderARNs: []string{s.info.ProviderARN}})
	if err != nil {
		t.Fatal(err)
	}

	if _, err = admin.SetIdentityPoolRoles(t.Context(),
		&ci.SetIdentityPoolRolesInput{IdentityPoolId: out.IdentityPoolId,
			Roles: map[string]string{"authenticated": userRole, "unauthenticated": guestRole}}); err != nil {
		t.Fatal(err)
	}

	return enginePool{s, *out.IdentityPoolId}
}

// credentials signs a user in ("" is a guest).
func (p enginePool) credentials(ctx context.Context, token string) (string, aws.Credentials, error) {
	client := ci.New(ci.Options{
		BaseEndpoint:     &p.info.Endpoint,
		Region:           "us-east-1",
		RetryMaxAttempts: 1,
		Credentials:      aws.AnonymousCredentials{},
	})
	logins := map[string]string{}
	if token != "" {
		logins[p.info.LoginKey] = token
	}

	id, err := client.GetId(ctx, &ci.GetIdInput{IdentityPoolId: &p.id, Logins: logins})
	if err != nil {
		return "", aws.Credentials{}, err
	}
	out, err := client.GetCredentialsForIdentity(ctx,
		&ci.GetCredentialsForIdentityInput{IdentityId: id.IdentityId, Logins: logins})
	if err != nil {
		return *id.IdentityId, aws.Credentials{}, err
	}
	c := out.Credentials

	return *id.IdentityId, aws.Credentials{
		AccessKeyID:     *c.AccessKeyId,
		SecretAccessKey: *c.SecretKey,
		SessionToken:    *c.SessionToken,
		Expires:         *c.Expiration,
		CanExpire:       true,
	}, nil
}

var requestID = regexp.MustCompile(`RequestID: ([0-9a-f-]+)`)

// why returns the server's explanation of a refusal.
func (p enginePool) why(t *testing.T, err error) string {
	t.Helper()
	found := requestID.FindStringSubmatch(err.Error())
	if found == nil {
		t.Fatalf("no request ID: %v", err)
	}
	return p.poolhouse(t, "explain", found[1])
}

func (p enginePool) mustCredentials(t *testing.T, token string) (string, aws.Credentials) {
	t.Helper()
	id, c, err := p.credentials(t.Context(), token)
	if err != nil {
		t.Fatalf("%v\n%s", err, p.why(t, err))
	}
	if left := time.Until(c.Expires); left < 55*time.Minute || left > 61*time.Minute {
		t.Errorf("the credentials last %v, not an hour", left)
	}

	return id, c
}

// ownPrefixOnly checks what the credentials of an engine allow: a user may write and
// read only below their own identity ID, and a guest nowhere private.
func ownPrefixOnly(t *testing.T, p enginePool, s storage, object func(identity string) string) {
	t.Helper()
	alice, hers := p.mustCredentials(t, p.token(t, "alice"))
	bob, his := p.mustCredentials(t, p.token(t, "bob"))
	guest, guests := p.mustCredentials(t, "")
	if alice == bob || alice == guest {
		t.Fatal("identities are not told apart")
	}

	for _, u := range []struct {
		name, identity string
		c              aws.Credentials
	}{{"alice", alice, hers}, {"bob", bob, his}} {
		s.must(t, u.c, http.MethodPut, object(u.identity), nil, []byte(u.name))
		if got := s.must(t, u.c, http.MethodGet, object(u.identity), nil, nil); got != u.name {
			t.Errorf("%s reads %q back", u.name, got)
		}
	}

	for what, try := range map[string]struct {
		c              aws.Credentials
		method, object string
	}{
		"alice writes bob's":   {hers, http.MethodPut, object(bob)},
		"alice reads bob's":    {hers, http.MethodGet, object(bob)},
		"bob deletes alice's":  {his, http.MethodDelete, object(alice)},
		"a guest writes alice": {guests, http.MethodPut, object(alice)},
		"a guest reads bob's":  {guests, http.MethodGet, object(bob)},
		"a guest writes":       {guests, http.MethodPut, object(guest)},
	} {
		var body []byte
		if try.method == http.MethodPut {
			body = []byte("x")
		}
		if status, answer := s.send(t, try.c, "s3", try.method, try.object, nil, body); status !=
			http.StatusForbidden || !strings.Contains(answer, "AccessDenied") {
			t.Errorf("%s: %d %s, want AccessDenied", what, status, answer)
		}
	}

	if status, answer := s.send(t, guests, "s3", http.MethodGet, "/"+bucket+"/public/hello.txt", nil, nil); status !=
		http.StatusOK || answer != "hello" {
		t.Errorf("a guest reads what is public: %d %s", status, answer)
	}
	if strings.Contains(p.text(), hers.SecretAccessKey) || strings.Contains(p.text(), hers.SessionToken) ||
		strings.Contains(p.text(), "eyJ") {
		t.Error("the log holds a secret")
	}
}

// engineSettings are the settings of a default engine.
func engineSettings(t *testing.T, endpoint, more string) string {
	t.Helper()
	return settingsFile(t, fmt.Sprintf("credential_engine: storage\ncredential_engines:\n  storage:\n"+
		"    endpoint: %s\n    allow_http: true\n    allow_private: true\n%s", endpoint, more))
}

// MinIO: policies by the claim policy, one client ID for all pools, and the
// client secret that MinIO must have.
func TestEngineMinIO(t *testing.T) {
	program := builtOnce(t, "github.com/minio/minio", minioVersion)
	address, console := listentest.FreeAddress(t), listentest.FreeAddress(t)
	s := startDev(t, "--config", engineSettings(t, "http://"+address, `    roles: {"*": none}
    guest_policy: s3
    token: {audience: poolhouse, amr: short, tags: false, claims: {policy: "${role_name}"}}
`))

	secret := make([]byte, 32)
	rand.Read(secret)
	root := aws.Credentials{AccessKeyID: "minioroot", SecretAccessKey: base64.RawURLEncoding.EncodeToString(secret)}
	startPeer(t, t.TempDir(),
		[]string{"MINIO_ROOT_USER=" + root.AccessKeyID, "MINIO_ROOT_PASSWORD=" + root.SecretAccessKey,
			"MINIO_CALLHOME_ENABLE=off", "MINIO_UPDATE=off",
			"MINIO_IDENTITY_OPENID_CONFIG_URL=" + s.info.Endpoint + "/.well-known/openid-configuration",
			"MINIO_IDENTITY_OPENID_CLIENT_ID=poolhouse",
			"MINIO_IDENTITY_OPENID_CLIENT_SECRET=" + base64.StdEncoding.EncodeToString(secret)},
		"API: ", program, "server", "--address", address, "--console-address", console, "data")

	m := storage{"http://" + address}
	eventually(t, "MinIO is ready", func() bool {
		status, _, err := m.try(t.Context(), root, "s3", http.MethodPut, "/"+bucket, nil, nil)
		return err == nil && status == http.StatusOK
	})

	for name, statement := range map[string]string{
		"User": `{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject","s3:DeleteObject"],` +
			`"Resource":"arn:aws:s3:::files/private/${jwt:sub}/*"}`,
		"Guest": `{"Effect":"Allow","Action":["s3:GetObject"],"Resource":"arn:aws:s3:::files/public/*"}`,
	} {
		m.must(t, root, http.MethodPut, "/minio/admin/v3/add-canned-policy?name="+name, nil,
			[]byte(`{"Version":"2012-10-17","Statement":[`+statement+`]}`))
	}

	m.must(t, root, http.MethodPut, "/"+bucket+"/public/hello.txt", nil, []byte("hello"))
	p := newEnginePool(t, s)
	ownPrefixOnly(t, p, m, byID)

	// With a client secret, a token that anybody can make opens nothing.
	forged := forgedToken(t, "poolhouse",
		map[string]any{"iss": s.info.Endpoint, "sub": "x", "aud": "poolhouse", "policy": "User",
			"exp": time.Now().Add(time.Hour).Unix()})
	_, err := sts.New(sts.Options{
		BaseEndpoint:     aws.String(m.endpoint),
		Region:           "us-east-1",
		RetryMaxAttempts: 1,
		Credentials:      aws.AnonymousCredentials{},
	}).
		AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
			WebIdentityToken: &forged,
			RoleArn:          aws.String("arn:aws:iam::000000000000:role/User"),
			RoleSessionName:  aws.String("forged"),
		})
	if err == nil {
		t.Error("MinIO takes a token signed with the empty key")
	}

	// A policy that MinIO does not have is a refusal with a reason.
	m.must(t, root, http.MethodDelete, "/minio/admin/v3/remove-canned-policy?name=User", nil, nil)
	if _, _, err = p.credentials(t.Context(), p.token(t, "alice")); err == nil ||
		!strings.Contains(err.Error(), "InvalidIdentityPoolConfigurationException") ||
		strings.Contains(err.Error(), "MinIO") {
		t.Errorf("without its policy: %v", err)
	}
	if why := p.why(t, err); !strings.Contains(why, "credential engine storage") || strings.Contains(why, "eyJ") {
		t.Errorf("explain says %s", why)
	}
}

// forgedToken is a token signed with the empty key.
func forgedToken(t *testing.T, kid string, claims map[string]any) string {
	t.Helper()
	body, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	input := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT","kid":"`+kid+`"}`)) + "." +
		base64.RawURLEncoding.EncodeToString(body)
	mac := hmac.New(sha256.New, nil)
	mac.Write([]byte(input))

	return input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// ceph is a whole Ceph in a folder: one monitor, one OSD in memory, a gateway.
type ceph struct {
	folder, conf string
	storage
}

func (c ceph) run(t *testing.T, name string, arguments ...string) {
	t.Helper()

	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()

	cmd := exec.CommandContext(ctx, client(t, "/usr/bin/"+name, "ceph-common"),
		append([]string{"-c", c.conf}, arguments...)...)
	cmd.Env = plainEnvironment(t)
	_, err := cmd.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		t.Fatalf("%s %v: %v\n%s", name, arguments, err, tail(string(failed.Stderr)))
	}

	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func startCeph(t *testing.T) ceph {
	t.Helper()
	folder := t.TempDir()
	monitor, gateway := listentest.FreeAddress(t), listentest.FreeAddress(t)
	c := ceph{folder, filepath.Join(folder, "ceph.conf"), storage{"http://" + gateway}}
	const fsid, osd = "11111111-2222-3333-4444-555555555555", "66666666-7777-8888-9999-000000000000"
	conf := strings.NewReplacer("FOLDER", folder, "FSID", fsid, "MONITOR", monitor, "GATEWAY", gateway).
		Replace(`[global]
fsid = FSID
mon host = [v2:MONITOR/0]
mon initial members = a
keyring = FOLDER/keyring
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
ms bind msgr1 = false
osd pool default size = 1
osd pool default min size = 1
mon allow pool size one = true
osd crush chooseleaf type = 0
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
run dir = FOLDER
log file = FOLDER/$name.log
admin socket = FOLDER/$name.asok
pid file = FOLDER/$name.pid
crash dir = FOLDER
mon data = FOLDER/mon
mon cluster log file = FOLDER/cluster.log
mon data avail warn = 1
mon data avail crit = 0
osd data = FOLDER/osd
osd objectstore = memstore
memstore device bytes = 268435456
[client]
rgw frontends = beast endpoint=GATEWAY
rgw data = FOLDER
rgw s3 auth use sts = true
rgw sts key = abcdefghijklmnop
rgw enable apis = s3, sts, iam
rgw run sync thread = false
rgw thread pool size = 32
`)
	if err := errors.Join(os.WriteFile(c.conf, []byte(conf), 0o600),
		os.Mkdir(filepath.Join(folder, "osd"), 0o700)); err != nil {
		t.Fatal(err)
	}

	keyring, monmap := filepath.Join(folder, "keyring"), filepath.Join(folder, "monmap")
	c.run(t, "ceph-authtool", "--create-keyring", keyring, "--gen-key", "-n", "mon.", "--cap", "mon", "allow *")

	for _, name := range []string{"client.admin", "client.rgw", "osd.0"} {
		c.run(t, "ceph-authtool", keyring, "--gen-key", "-n", name, "--cap", "mon", "allow *",
			"--cap", "osd", "allow *")
	}
	c.run(t, "monmaptool", "--create", "--fsid", fsid, "--addv", "a", "[v2:"+monitor+"]", monmap)
	c.run(t, "ceph-mon", "-i", "a", "--mkfs", "--monmap", monmap, "--keyring", keyring)
	c.daemon(t, "ceph-mon", "-i", "a")
	c.run(t, "ceph", "osd", "new", osd)
	c.run(t, "ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
	c.daemon(t, "ceph-osd", "-i", "0")
	c.daemon(t, "radosgw", "-n", "client.rgw")
	eventually(t, "the gateway answers", func() bool {
		response, err := http.Get(c.endpoint)
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK
	})

	return c
}

// daemon runs a program of Ceph until the test ends.
func (c ceph) daemon(t *testing.T, name string, arguments ...string) {
	t.Helper()
	var output bytes.Buffer
	cmd := exec.Command(client(t, "/usr/bin/"+name, name), append([]string{"-f", "-c", c.conf}, arguments...)...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = plainEnvironment(t), c.folder, &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() {
		_ = cmd.Process.Kill() // its data is in memory
		_ = cmd.Wait()
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(c.folder, "client.rgw.log"))
			t.Logf("end of the output of %s:\n%s\n%s", name, tail(output.String()), tail(string(log)))
		}
	})
}

// Ceph's gateway: real trust policies on our issuer, which need the first
// published key and its x5c, and the own prefix by a session policy, since
// Ceph's policies know no variables.
func TestEngineCeph(t *testing.T) {
	c := startCeph(t)
	s := startDev(t, "--config",
		engineSettings(t, c.endpoint, `    roles: {"arn:aws:iam::000000000000:role/*": "arn:aws:iam:::role/*"}
    guest_policy: s3
    session_policy:
      Version: "2012-10-17"
      Statement:
        - {Effect: Allow, Action: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
           Resource: "arn:aws:s3:::files/private/${identity_uuid}/*"}
    token: {audience: poolhouse, typ: JWT, tags: false}
`))

	admin := aws.Credentials{AccessKeyID: "CEPHADMINKEY", SecretAccessKey: "cephadminsecret"}
	c.run(t, "radosgw-admin", "user", "create", "--uid", "admin", "--display-name", "admin",
		"--access-key", admin.AccessKeyID, "--secret", admin.SecretAccessKey,
		"--caps", "roles=*;oidc-provider=*")

	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	c.must(t, admin, http.MethodPost, "/", form,
		[]byte(url.Values{"Action": {"CreateOpenIDConnectProvider"}, "Version": {"2010-05-08"},
			"Url": {s.info.Endpoint}, "ClientIDList.member.1": {"poolhouse"},
			"ThumbprintList.member.1": {thumbprint(t, s)}}.Encode()))
	provider := strings.TrimPrefix(s.info.Endpoint, "http://")
	trust := fmt.Sprintf(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
		"Principal":{"Federated":["arn:aws:iam:::oidc-provider/%s"]},
		"Action":["sts:AssumeRoleWithWebIdentity"],"Condition":{"StringEquals":{"%s:aud":"poolhouse"}}}]}`,
		provider, provider)

	for name, resource := range map[string]string{"User": "arn:aws:s3:::files/*",
		"Guest": "arn:aws:s3:::files/public/*"} {
		c.run(t, "radosgw-admin", "role", "create", "--role-name", name, "--path", "/",
			"--assume-role-policy-doc", trust)
		c.run(t, "radosgw-admin", "role-policy", "put", "--role-name", name, "--policy-name", "files",
			"--policy-doc", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject",`+
				`"s3:PutObject","s3:DeleteObject"],"Resource":"`+resource+`"}]}`)
	}

	c.must(t, admin, http.MethodPut, "/"+bucket, nil, nil)
	c.must(t, admin, http.MethodPut, "/"+bucket+"/public/hello.txt", nil, []byte("hello"))
	p := newEnginePool(t, s)
	ownPrefixOnly(t, p, c.storage, byUUID)
}

// thumbprint is the SHA-1 of the first published key's certificate.
func thumbprint(t *testing.T, s *server) string {
	t.Helper()
	var set struct {
		Keys []struct {
			X5C []string `json:"x5c"`
		} `json:"keys"`
	}
	fetchJSON(t, http.MethodGet, s.info.Endpoint+"/.well-known/jwks_uri", nil, &set)
	der, err := base64.StdEncoding.DecodeString(set.Keys[0].X5C[0])
	if err != nil {
		t.Fatal(err)
	}

	return fmt.Sprintf("%X", sha1.Sum(der))
}
