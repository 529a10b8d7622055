package adminapi_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

func TestGetServerStatus(t *testing.T) {
	eachAccounts(t, func(t *testing.T, w *wiretest.Accounts) {
		asked[signingKeys](t, w, wiretest.HomeAccount, "RotateSigningKeys", `{"Now":true}`) // makes the first
		got := asked[struct {
			Nodes []struct {
				Started float64
				Store   struct {
					Engine                   string
					Reachable, Writable      bool
					SchemaVersion, SizeBytes int64
				}
				Engines []struct {
					Name    string
					Healthy bool
				}
				Load []struct{ Class string }
			}
			SigningKeys []struct{ KeyId, Algorithm, State string }
		}](t, w, wiretest.HomeAccount, "GetServerStatus", `{}`)

		if len(got.Nodes) != 1 || len(got.SigningKeys) == 0 {
			t.Fatalf("%+v", got)
		}
		node := got.Nodes[0]
		if s := node.Store; !s.Reachable || !s.Writable || s.SchemaVersion < 1 || s.SizeBytes < 1000 ||
			s.Engine != w.DB.Engine() {
			t.Errorf("the store is %+v", s)
		}
		if len(node.Engines) != 1 || node.Engines[0].Name != "builtin" || !node.Engines[0].Healthy {
			t.Errorf("the engines are %+v", node.Engines)
		}
		if len(node.Load) < 3 || node.Started < 1e9 {
			t.Errorf("the node is %+v", node)
		}
	})
}

// What belongs to the operator is for the home account alone.
func TestOperatorsOperations(t *testing.T) {
	w := wiretest.StartTenants(t, []string{wiretest.Stranger}, func(c *poolhouse.Config) {
		c.DevControlToken = "s3cret-of-the-control-API"
	})
	newKey(t, w, wiretest.HomeAccount, "robot", listPools)
	for operation, body := range map[string]string{
		"GetServerStatus":   `{}`,
		"ListSettings":      `{}`,
		"ListSigningKeys":   `{"Account":"` + wiretest.HomeAccount + `"}`,
		"RotateSigningKeys": `{"Account":"222222222222"}`,
		"RetireSigningKey":  `{"Account":"222222222222","KeyId":"x"}`,
	} {
		wantRefused(t, operation, w.Administer(t, wiretest.Stranger, operation, body),
			"AccessDeniedException", "Only the home account")
		wantRefused(t, operation, w.Administer(t, "robot", operation, body), "AccessDeniedException", "not authorized")
	}

	got := w.Administer(t, wiretest.HomeAccount, "ListSettings", `{}`)
	wiretest.Equal(t, "status", got.Status, 200)
	for _, want := range []string{
		`"Name":"issuer_url"`, `"Name":"limits.`, `"Source":"program"`, `"Source":"default"`,
	} {
		if !strings.Contains(got.Body, want) {
			t.Errorf("no %s in %s", want, got.Body)
		}
	}
	if strings.Contains(got.Body, "s3cret") || !strings.Contains(got.Body, `"Name":"dev.control_token"`) {
		t.Errorf("the secret is not masked: %s", got.Body)
	}
}

type signingKeys struct {
	SigningKeys []struct{ KeyId, Algorithm, State, Account string }
}

// signing returns the key that signs with an algorithm.
func (k signingKeys) signing(algorithm string) string {
	for _, key := range k.SigningKeys {
		if key.Algorithm == algorithm && key.State == "signing" {
			return key.KeyId
		}
	}
	return ""
}

func TestSigningKeysOverTheWire(t *testing.T) {
	eachAccounts(t, func(t *testing.T, w *wiretest.Accounts) {
		none := asked[signingKeys](t, w, wiretest.Stranger, "ListSigningKeys", `{}`)
		wiretest.Equal(t, "a stranger's keys", len(none.SigningKeys), 0)
		wantRefused(t, "nothing to rotate", w.Administer(t, wiretest.Stranger, "RotateSigningKeys", `{}`),
			"ResourceNotFoundException", "no signing keys")

		// A development server makes its keys when they are first needed.
		asked[signingKeys](t, w, wiretest.HomeAccount, "RotateSigningKeys", `{"Now":true}`)
		first := asked[signingKeys](t, w, wiretest.HomeAccount, "ListSigningKeys", `{}`).signing("ES256")
		retire := fmt.Sprintf(`{"KeyId":%q}`, first)
		wantRefused(t, "the key in use", w.Administer(t, wiretest.HomeAccount, "RetireSigningKey", retire),
			"InvalidParameterException", "signs tokens now")
		foreign := w.Administer(t, wiretest.Stranger, "RetireSigningKey", retire)
		missing := w.Administer(t, wiretest.Stranger, "RetireSigningKey", `{"KeyId":"us-east-1999"}`)
		wiretest.Equal(t, "a foreign key", foreign.Body, missing.Body)
		wantRefused(t, "a missing key", missing, "ResourceNotFoundException", "No such signing key.")

		rotated := asked[signingKeys](t, w, wiretest.HomeAccount, "RotateSigningKeys", `{"Now":true}`)
		if next := rotated.signing("ES256"); next == first || next == "" {
			t.Errorf("%q signs after %q", next, first)
		}
		asked[struct{}](t, w, wiretest.HomeAccount, "RetireSigningKey", retire)
		after := w.Administer(t, wiretest.HomeAccount, "ListSigningKeys", `{}`).Body
		if !strings.Contains(after, `"withdrawn"`) {
			t.Errorf("not retired: %s", after)
		}
	})
}

// An account rotates the keys of its own web identity tokens, and of no other.
func TestWebIdentityKeysOverTheWire(t *testing.T) {
	w := wiretest.StartTenants(t, []string{wiretest.Stranger, "222222222222"})
	for _, account := range []string{wiretest.Stranger, "222222222222"} {
		if _, err := w.Roles(account).EnableOutboundWebIdentityFederation(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
	other := asked[signingKeys](t, w, "222222222222", "ListSigningKeys", `{}`)

	own := asked[signingKeys](t, w, wiretest.Stranger, "RotateSigningKeys", `{"Now":true}`)
	for _, key := range own.SigningKeys {
		wiretest.Equal(t, "account", key.Account, wiretest.Stranger)
	}
	unchanged := asked[signingKeys](t, w, wiretest.HomeAccount, "ListSigningKeys", `{"Account":"222222222222"}`)
	wiretest.Equal(t, "keys of the other", fmt.Sprint(unchanged), fmt.Sprint(other))

	retire := fmt.Sprintf(`{"KeyId":%q}`, other.SigningKeys[0].KeyId)
	wantRefused(t, "the other's key", w.Administer(t, wiretest.Stranger, "RetireSigningKey", retire),
		"ResourceNotFoundException", "")
	for _, body := range []string{`{}`, `{"KeyId":""}`, `{"KeyId":"x","Account":"12"}`} {
		wantRefused(t, body, w.Administer(t, wiretest.Stranger, "RetireSigningKey", body), "ValidationException", "")
	}
}
