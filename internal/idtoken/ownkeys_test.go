package idtoken_test

import (
	"errors"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
)

// With keys of this server, tokens are proved without a request, whatever addresses the rule
// has, and a key that is no longer in the set proves nothing from then on.
func TestOwnKeys(t *testing.T) {
	f := newFixture(t, nil)
	rule := f.trust
	rule.OwnKeys = f.issuer.KeySet()
	rule.JWKSURL = f.issuer.URL + logintest.KeysPath

	token := f.issuer.Token(nil)
	for range 2 { // the second time, what was remembered answers
		if c, _, err := f.verify(t, rule, token); err != nil || c.Subject == "" {
			t.Fatalf("%+v, %v", c, err)
		}
	}

	forged := token[:len(token)-8] + "AAAAAAAA"
	f.refuses(t, rule, forged, "token signature", idtoken.MessageBadSignature)

	f.issuer.Rotate()
	f.issuer.Withdraw()
	rule.OwnKeys = f.issuer.KeySet()
	refused := f.refusal(t, rule, token, "signing key", idtoken.MessageBadSignature)
	if code := refused.Reason.Code; code != "signing-key-former" {
		t.Errorf("refused because of %s", code)
	}
	if _, _, err := f.verify(t, rule, f.issuer.Token(nil)); err != nil {
		t.Errorf("the new key: %v", err)
	}

	if n := f.issuer.Requests(); n != 0 {
		t.Errorf("the provider got %d requests", n)
	}
	// The control: without keys of this server, the provider is asked.
	if _, _, err := f.verify(t, f.trust, f.issuer.Token(nil)); err != nil || f.issuer.Requests() == 0 {
		t.Errorf("%v after %d requests", err, f.issuer.Requests())
	}
}

// A key set that cannot be read lets nobody in, and still nobody is asked.
func TestOwnKeysUnreadable(t *testing.T) {
	f := newFixture(t, nil)
	for _, text := range []string{"", "{}", `{"keys":[]}`, "["} {
		rule := f.trust
		rule.OwnKeys = []byte(text)

		_, _, err := f.verify(t, rule, f.issuer.Token(nil))
		var refused *idtoken.Refused
		var unavailable *idtoken.Unavailable
		if !errors.As(err, &refused) && !errors.As(err, &unavailable) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if n := f.issuer.Requests(); n != 0 {
		t.Errorf("the provider got %d requests", n)
	}

	rule := f.trust
	rule.Issuers, rule.OwnKeys = []string{"http://plain.example"}, []byte(`{"keys":[]}`)
	rule.AllowHTTP = false
	if err := rule.Validate(); err != nil {
		t.Errorf("an address that nobody asks is a fault: %v", err)
	}
	rule.OwnKeys = nil
	if rule.Validate() == nil {
		t.Error("the control: without keys of this server, the address counts")
	}
}
