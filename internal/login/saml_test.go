package login_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/idtoken"
	"github.com/poolhouse-id/poolhouse/internal/login"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
	"github.com/poolhouse-id/poolhouse/internal/saml"
	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
)

const corpSAML = "arn:aws:iam::000000000000:saml-provider/Corp"

// samlVerifier returns a verifier at a fixed time, its log, a trusted provider
// and what is trusted of it.
func samlVerifier(t *testing.T) (*login.Verifier, *bytes.Buffer, *samltest.IdP, login.Trust) {
	t.Helper()
	now := time.Date(2030, 1, 31, 12, 0, 0, 0, time.UTC)
	log := &bytes.Buffer{}
	client := outbound.New(outbound.Options{})
	t.Cleanup(client.Close)
	v := login.New(client,
		login.Options{Now: func() time.Time { return now }, Logger: slog.New(slog.NewTextHandler(log, nil))})
	idp := samltest.New(t, now, 0)
	m, err := saml.ParseMetadata([]byte(idp.Metadata()))
	if err != nil {
		t.Fatal(err)
	}

	return v, log, idp, login.Trust{Kind: login.SAML, Rule: idtoken.Rule{Provider: corpSAML},
		SAML: &saml.Provider{Metadata: m}}
}

func TestSAMLClaims(t *testing.T) {
	v, log, idp, trust := samlVerifier(t)
	const a, b = "arn:aws:iam::000000000000:role/A", "arn:aws:iam::000000000000:role/B"
	claims, err := v.Verify(t.Context(), trust, idp.Response(t, samltest.Login{Attributes: []samltest.Attribute{
		samltest.Roles(a+","+corpSAML, corpSAML+","+b, a+", "+corpSAML,
			b+",arn:aws:iam::000000000000:saml-provider/Other", "x"),
		{Name: "mail", Values: []string{"alice@example.com"}}, {Name: "groups", Values: []string{"x", "y"}},
		{Name: "none"},
	}}))
	if err != nil {
		t.Fatal(err)
	}

	delete(claims.All, samltest.Role)
	want := login.Claims{Issuer: samltest.EntityID, Subject: "alice", Scope: "https://idp.example.com/saml",
		Audience: samltest.Audience, Expires: idp.Now.Add(5 * time.Minute), IssuedAt: idp.Now,
		Roles: []string{a, b}, All: map[string]any{"mail": "alice@example.com", "groups": []any{"x", "y"},
			"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier": "alice"}}
	if diff := cmp.Diff(want, claims); diff != "" {
		t.Error(diff)
	}
	if log.Len() > 0 {
		t.Errorf("logged %s", log)
	}

	claims, err = v.Verify(t.Context(), trust,
		idp.Response(t, samltest.Login{Format: "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"}))
	if err != nil || claims.Roles != nil {
		t.Errorf("claims = %+v, %v", claims, err)
	}
	if text := log.String(); !strings.Contains(text, "transient") || strings.Contains(text, "alice") {
		t.Errorf("logged %s", text)
	}
}

func TestSAMLRefused(t *testing.T) {
	v, _, idp, trust := samlVerifier(t)
	trace := &explain.Trace{}
	_, err := v.Verify(explain.NewContext(t.Context(), trace), trust,
		idp.Response(t, samltest.Login{NotOnOrAfter: "2030-01-31T11:00:00Z"}))
	refused, ok := errors.AsType[*login.Refused](err)
	if !ok || refused.Message != "Invalid login token. Token expired: 1896091200 >= 1896087600" || !trace.Refused() {
		t.Errorf("error = %v, %+v", err, refused)
	}
	trust.SAML = nil
	if _, err := v.Verify(t.Context(), trust, idp.Response(t, samltest.Login{})); err == nil {
		t.Error("a login without metadata is accepted")
	}
}
