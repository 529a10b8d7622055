package devissuer_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/poolhouse-id/poolhouse/internal/devapi"
	"github.com/poolhouse-id/poolhouse/internal/devissuer"
	"github.com/poolhouse-id/poolhouse/internal/devuser"
)

// Whatever sign-ins leave in their file loads again: it has as many sessions and grants as there may be, each
// as large as it may be, and is written once more.
func TestLargestGrantsFileLoads(t *testing.T) {
	w := newWorld(t, t.TempDir())
	user := devuser.User{Name: strings.Repeat("u", 128), Subject: strings.Repeat("\x01", 255)}
	w.put(user)

	zone := time.FixedZone("", 5*60*60+30*60)
	now, until := w.now.Add(time.Nanosecond).In(zone), w.now.Add(time.Hour+time.Nanosecond).In(zone)
	hash, id := strings.Repeat("h", 43), strings.Repeat("I", 22)
	client := strings.Repeat("c", 128)
	clients := make([]string, devissuer.MaxClients)
	for n := range clients {
		clients[n] = client
	}
	scopes := []string{"openid", "profile", "email", "phone", "address", "offline_access"}
	access := make([]map[string]any, 10)
	for n := range access {
		access[n] = map[string]any{"hash": hash, "scopes": scopes, "issued": now, "expires": until}
	}
	sessions, grants := make([]map[string]any, 500), make([]map[string]any, 1000)
	for n := range sessions {
		sessions[n] = map[string]any{
			"sid": fmt.Sprint(id, 1000+n), "cookie": hash, "replaced": true, "user": user.Name, "sub": user.Subject,
			"auth_time": now, "clients": clients, "expires": until,
		}
	}
	for n := range grants {
		grants[n] = map[string]any{
			"id": fmt.Sprint(id, 1000+n), "client": client, "user": user.Name, "sub": user.Subject, "sid": id,
			"scopes": scopes, "auth_time": now, "refresh": hash, "family": hash, "access": access, "expires": until,
		}
	}

	text, err := json.Marshal(map[string]any{"sessions": sessions, "grants": grants})
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, w.folder+"/grants", string(text))
	w.start()
	w.deviceFor("alice") // writes the file
	w.start()
	if text := readFile(t, w.folder+"/grants"); !strings.Contains(text, `"user": "alice"`) {
		t.Error("the file was not written")
	}
}

// A scope that is sent often is kept once.
func TestRepeatedScopes(t *testing.T) {
	w := newWorld(t, t.TempDir())
	got := w.refresh(w.signedIn("alice").Refresh, "scope", strings.Repeat("email openid ", 4000)+"email")
	if got.Scope != "openid email" {
		t.Errorf("the scopes are %.100s, %+v", got.Scope, got.Error)
	}
	if text := readFile(t, w.folder+"/grants"); len(text) > 4<<10 {
		t.Errorf("the file has %d bytes", len(text))
	}
}

// certificate returns a certificate of so many bytes and more.
func certificate(t *testing.T, key *rsa.PrivateKey, size int) *x509.Certificate {
	t.Helper()
	template := x509.Certificate{
		SerialNumber:    big.NewInt(1),
		Subject:         pkix.Name{CommonName: "key"},
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Value: make([]byte, size)}},
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}

	return made
}

// A key of the developer's own can be so large that another one, or another name of the issuer, has no room
// in the file: that is refused, and the file stays as it was.
func TestKeyFileWithoutRoom(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ size, want int }{"room": {40_000, 200}, "no room": {46_900, 409}} {
		key := jose.JSONWebKey{Key: private, KeyID: "own", Certificates: []*x509.Certificate{
			certificate(t, private, test.size),
		}}
		text, err := key.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		w := &world{T: t, now: time.Unix(1e9, 0), folder: t.TempDir(), clients: &devissuer.Clients{}}
		writeFile(t, w.folder+"/key", string(text[:len(text)-1])+`,"poolhouse_issuer":"`+base+devissuer.Path+`"}`)
		w.start()
		before := readFile(t, w.folder+"/key")

		api := &devissuer.Control{Issuer: w.issuer, Users: w.users, Clients: w.clients}
		answer := httptest.NewRecorder()
		rotate := httptest.NewRequest(http.MethodPost, devissuer.RotatePath, nil)
		mounted(devapi.Handlers(api.Routes())).ServeHTTP(answer, rotate)
		refused := test.want != 200
		if answer.Code != test.want || strings.Contains(answer.Body.String(), "more than 65536 bytes") != refused {
			t.Errorf("%s: %d %s", name, answer.Code, answer.Body)
		}
		if after := readFile(t, w.folder+"/key"); (after == before) != refused {
			t.Errorf("%s: the file was written: %v", name, !refused)
		}
		w.start() // loads again

		long := base + "/" + strings.Repeat("a", 4000)
		_, err = devissuer.New(long, "poolhouse-dev", w.folder+"/key", time.Now, nil)
		if errors.Is(err, devissuer.ErrKey) != refused {
			t.Errorf("%s, another name: %v", name, err)
		}
	}
}
