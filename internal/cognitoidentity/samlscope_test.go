package cognitoidentity_test

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"database/sql"
	"encoding/json"
	"encoding/pem"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/iam"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
	"github.com/poolhouse-id/poolhouse/internal/store"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// idps are two identity providers with different entity IDs.
func idps(t *testing.T) (one, two *samltest.IdP) {
	t.Helper()
	now := time.Now().Truncate(time.Second)
	one, two = samltest.New(t, now, 0), samltest.New(t, now, 1)
	two.EntityID = "https://other.example.com/saml"
	return one, two
}

// A SAML provider's ARN does not hand one identity provider's users to another:
// whichever way the metadata changes, the same NameID of another entity ID is
// somebody else, in every operation that takes a login. The first provider's users
// are themselves again once its metadata is back.
func TestSAMLUsersStayWithTheirIdentityProvider(t *testing.T) {
	one, two := idps(t)
	rolled, _ := idps(t)
	rolled.Key, rolled.Certificate = two.Key, two.Certificate // the same entity ID, another key
	both := func(test func(t *testing.T, s *wiretest.Server)) {
		t.Run("sqlite", func(t *testing.T) { test(t, wiretest.Start(t)) })
		t.Run("postgresql", func(t *testing.T) {
			test(t, wiretest.Start(t,
				func(c *poolhouse.Config) { c.DatabaseURL, c.MasterKey = pgtest.URL(t), bytes.Repeat([]byte{7}, 32) }))
		})
	}

	both(func(t *testing.T, s *wiretest.Server) {
		client, arn := s.IAM(), wiretest.SAMLARN
		create := func(idp *samltest.IdP) {
			wiretest.Must(client.CreateSAMLProvider(t.Context(),
				&iamclient.CreateSAMLProviderInput{Name: aws.String("Corp"),
					SAMLMetadataDocument: aws.String(idp.Metadata())}))(t)
		}

		update := func(idp *samltest.IdP) {
			wiretest.Must(client.UpdateSAMLProvider(t.Context(),
				&iamclient.UpdateSAMLProviderInput{SAMLProviderArn: &arn,
					SAMLMetadataDocument: aws.String(idp.Metadata())}))(t)
		}
		remake := func(idp *samltest.IdP) {
			wiretest.Must(client.DeleteSAMLProvider(t.Context(),
				&iamclient.DeleteSAMLProviderInput{SAMLProviderArn: &arn}))(t)
			create(idp)
		}

		create(one)
		pool := s.NewPool(t, func(in *ci.CreateIdentityPoolInput) { in.SamlProviderARNs = []string{arn} })
		by := func(idp *samltest.IdP) map[string]string {
			return map[string]string{arn: idp.Response(t, samltest.Login{})}
		}
		alice := s.GetID(t, pool, by(one))
		developer := wiretest.Must(s.Admin().GetOpenIdTokenForDeveloperIdentity(t.Context(),
			&ci.GetOpenIdTokenForDeveloperIdentityInput{IdentityPoolId: &pool, IdentityId: &alice,
				Logins: map[string]string{"login.my.app": "dev", arn: by(one)[arn]}}))(t)
		own := map[string]string{"cognito-identity.amazonaws.com": *developer.Token}
		use := func(id string, logins map[string]string) error {
			_, err := s.Public().GetCredentialsForIdentity(t.Context(),
				&ci.GetCredentialsForIdentityInput{IdentityId: &id, Logins: logins})
			return err
		}

		lookUp := func() string {
			var out struct{ IdentityId string }
			got := s.AdminCall(t, "LookupIdentity",
				`{"IdentityPoolId":"`+pool+`","ProviderName":"`+arn+`","Subject":"alice"}`)
			_ = json.Unmarshal([]byte(got.Body), &out)
			return out.IdentityId
		}
		wiretest.Equal(t, "looked up", lookUp(), alice)

		other := ""
		for name, change := range map[string]func(*samltest.IdP){"updated": update, "deleted and made again": remake} {
			change(two)
			if found := lookUp(); found == alice {
				t.Errorf("%s: an administrator finds the old user", name)
			}
			if err := use(alice, by(two)); err == nil {
				t.Errorf("%s: the new provider's alice gets the old one's credentials", name)
			}
			if err := use(alice, own); err == nil {
				t.Errorf("%s: a token from before is still good for the SAML login", name)
			}

			if _, err := s.Public().UnlinkIdentity(t.Context(),
				&ci.UnlinkIdentityInput{IdentityId: &alice, Logins: by(two),
					LoginsToRemove: []string{arn}}); err == nil {
				t.Errorf("%s: the new provider's alice unlinks the old one", name)
			}
			if _, err := s.Admin().GetOpenIdTokenForDeveloperIdentity(t.Context(),
				&ci.GetOpenIdTokenForDeveloperIdentityInput{IdentityPoolId: &pool, IdentityId: &alice,
					Logins: map[string]string{"login.my.app": "dev", arn: by(two)[arn]}}); err == nil ||
				strings.Contains(err.Error(), "500") {
				t.Errorf("%s: a developer links the new provider's alice to the old one: %v", name, err)
			}

			id := s.GetID(t, pool, by(two))
			if id == alice || other != "" && id != other {
				t.Errorf("%s: the new provider's alice is %s; the old one is %s, she was %s", name, id, alice, other)
			}
			other = id
			if err := use(id, by(two)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			wiretest.Equal(t, "looked up, "+name, lookUp(), other)

			change(one)
			wiretest.Equal(t, "after the old metadata came back", s.GetID(t, pool, by(one)), alice)
			if err := use(alice, own); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			change(rolled)
			wiretest.Equal(t, "with another key of the same provider", s.GetID(t, pool, by(rolled)), alice)
			change(one)
		}

		// Loaded users are of the provider that is registered.
		load := func(n, subject string) string {
			return s.AdminCall(t, "LoadIdentities",
				`{"IdentityPoolId":"`+pool+`","Identities":[{"IdentityId":"us-east-1:0000000`+n+
					`-0000-4000-8000-000000000000",
				"Logins":[{"ProviderName":"`+arn+`","Subject":"`+subject+`"}]}]}`).Body
		}

		bob := func(idp *samltest.IdP) string {
			return s.GetID(t, pool, map[string]string{arn: idp.Response(t, samltest.Login{NameID: "bob"})})
		}

		for range 2 {
			if got := load("1", "bob"); !strings.Contains(got, `"Refused":[]`) {
				t.Errorf("load: %s", got)
			}
		}
		if got := load("2", "alice"); strings.Contains(got, `"Refused":[]`) {
			t.Errorf("a login is loaded that another identity has: %s", got)
		}

		update(two)
		if bob(two) == "us-east-1:00000001-0000-4000-8000-000000000000" {
			t.Error("a loaded user goes to the new provider")
		}

		update(one)
		wiretest.Equal(t, "loaded", bob(one), "us-east-1:00000001-0000-4000-8000-000000000000")
		wiretest.Must(client.DeleteSAMLProvider(t.Context(),
			&iamclient.DeleteSAMLProviderInput{SAMLProviderArn: &arn}))(t)
		if got := load("3", "carol"); !strings.Contains(got, "register it first") {
			t.Errorf("a user of a provider that is not registered: %s", got)
		}
	})
}

// previous_entity_ids move users to the new entity ID, for good.
func TestSAMLUsersMove(t *testing.T) {
	one, two := idps(t)
	dir, key := t.TempDir(), bytes.Repeat([]byte{9}, 32)
	var pool, id string
	run := func(idp *samltest.IdP, previous []string, want func(got string) bool, name string) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			s := wiretest.Start(t, func(c *poolhouse.Config) {
				c.DataDir, c.MasterKey = dir, key
				c.SAMLProviders = []poolhouse.SAMLProviderConfig{{Name: "Corp", Metadata: idp.Metadata(),
					PreviousEntityIDs: previous}}
			})
			if pool == "" {
				pool = s.NewPool(t,
					func(in *ci.CreateIdentityPoolInput) { in.SamlProviderARNs = []string{wiretest.SAMLARN} })
			}

			got := s.GetID(t, pool, map[string]string{wiretest.SAMLARN: idp.Response(t, samltest.Login{})})
			if id == "" {
				id = got
			}

			if !want(got) {
				t.Errorf("alice is %s, was %s", got, id)
			}
		})
	}

	same := func(got string) bool { return got == id }
	run(one, nil, same, "at first")
	run(two, []string{"https://third.example.com/saml", one.EntityID}, same, "moved")
	run(two, nil, same, "moved, without the setting")
	run(one, nil, func(got string) bool { return got != id }, "the former entity ID is another provider by now")
}

// NameIDs are compared with their qualifiers, which default to the identity
// provider and to us (SAML Core 8.3.7).
func TestNameIDQualifiers(t *testing.T) {
	w := startSAML(t)
	for _, format := range []string{"", "-", "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
		"urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"} {
		seen := map[string]string{}
		for _, c := range []struct{ qualifier, sp, person string }{
			{"", "", "default"},
			{w.idp.EntityID, "", "default"},
			{"", samltest.Audience, "default"},
			{"", w.URL, "default"},
			{w.idp.EntityID, samltest.Audience, "default"},
			{"https://third.example.com", "", "other provider"},
			{"https://third.example.com", samltest.Audience, "other provider"},
			{"", "https://affiliation.example.com", "affiliation"},
			{w.idp.EntityID, "https://affiliation.example.com", "affiliation"},
			{"https://third.example.com", "https://affiliation.example.com", "both"},
			{"https://affiliation.example.com", "https://third.example.com", "both, the other way round"},
		} {
			id := w.GetID(t, wiretest.SAMLPool,
				map[string]string{wiretest.SAMLARN: w.idp.Response(t,
					samltest.Login{Format: format, NameID: "alice" + format, Qualifier: c.qualifier,
						SPQualifier: c.sp})})
			if seen[c.person] == "" {
				seen[c.person] = id
			}
			wiretest.Equal(t, c.person+" of "+c.qualifier+" and "+c.sp, id, seen[c.person])
		}

		people := map[string]bool{}
		for _, id := range seen {
			people[id] = true
		}
		wiretest.Equal(t, "people", len(people), 5)
	}

	for _, bad := range []string{"a&#10;b", " a", "a\u202eb", strings.Repeat("x", 1025)} {
		for _, l := range []samltest.Login{{Qualifier: bad}, {SPQualifier: bad}} {
			_, err := w.Public().GetId(t.Context(),
				&ci.GetIdInput{IdentityPoolId: aws.String(wiretest.SAMLPool),
					Logins: map[string]string{wiretest.SAMLARN: w.idp.Response(t, l)}})
			wiretest.WantError(t, err, "NotAuthorizedException", "")
		}
	}
}

// upgraded unpacks the database of commit 758e3b7, lets change edit it, and returns
// its folder, its facts, and its identity provider.
func upgraded(t *testing.T, change ...string) (dir string, facts map[string]string, idp *samltest.IdP) {
	t.Helper()
	dir = t.TempDir()
	wiretest.OldDatabase(t, dir)
	if len(change) > 0 {
		db := wiretest.Must(sql.Open("sqlite", filepath.Join(dir, poolhouse.DatabaseFile)))(t)
		for _, statement := range change {
			wiretest.Must(db.ExecContext(t.Context(), statement))(t)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	facts, idp = fixture(t)

	return dir, facts, idp
}

// fixture returns the facts about that database.
func fixture(t *testing.T) (facts map[string]string, idp *samltest.IdP) {
	t.Helper()
	read := func(name string) []byte {
		block, _ := pem.Decode(wiretest.OldFile(t, name))
		return block.Bytes
	}
	key := wiretest.Must(x509.ParsePKCS8PrivateKey(read("saml-idp-key.pem")))(t)

	return wiretest.OldFacts(t), &samltest.IdP{
		EntityID:    samltest.EntityID,
		Key:         key.(crypto.Signer),
		Certificate: wiretest.Must(x509.ParseCertificate(read("saml-idp-cert.pem")))(t),
		Now:         time.Now().Truncate(time.Second),
	}
}

// The SAML logins of an older database belong to the identity provider that is
// registered when it is upgraded, or to nobody.
func TestUpgradedSAMLLogins(t *testing.T) {
	const forgetProvider = `DELETE FROM iam_resources WHERE kind = 'saml-provider'`
	production := func(dir string, previous ...string) func(*poolhouse.Config) {
		return func(c *poolhouse.Config) {
			facts, _ := fixture(t)
			c.Dev, c.AcceptUnknownRoles, c.DataDir, c.MasterKey = false, false, dir, bytes.Repeat([]byte{0x42}, 32)
			if previous != nil {
				c.SAMLPreviousEntityIDs = map[string][]string{facts["saml_arn"]: previous}
			}
		}
	}

	signIn := func(t *testing.T, s *wiretest.Server, idp *samltest.IdP, change ...func(*samltest.Login)) string {
		t.Helper()
		facts, _ := fixture(t)

		l := samltest.Login{NameID: facts["saml_name_id"]}
		for _, f := range change {
			f(&l)
		}
		return s.GetID(t, facts["living_a"], map[string]string{facts["saml_arn"]: idp.Response(t, l)})
	}

	other := func(t *testing.T) *samltest.IdP {
		_, two := idps(t)
		return two
	}

	t.Run("the present identity provider", func(t *testing.T) {
		dir, facts, idp := upgraded(t)
		s := wiretest.Start(t, production(dir))
		for range 2 {
			wiretest.Equal(t, "identity", signIn(t, s, idp), facts["saml_identity"])
		}
		a := s.IAMBy(facts["key_a"], facts["secret_a"], "")
		update := func(idp *samltest.IdP) {
			wiretest.Must(a.UpdateSAMLProvider(t.Context(),
				&iamclient.UpdateSAMLProviderInput{SAMLProviderArn: aws.String(facts["saml_arn"]),
					SAMLMetadataDocument: aws.String(idp.Metadata())}))(t)
		}
		update(other(t))
		if signIn(t, s, other(t)) == facts["saml_identity"] {
			t.Error("the user goes to another identity provider")
		}
		update(idp)

		wiretest.Equal(t, "identity", signIn(t, s, idp), facts["saml_identity"])
	})

	t.Run("another one before the first sign-in", func(t *testing.T) {
		dir, facts, idp := upgraded(t)
		s := wiretest.Start(t, production(dir))
		a := s.IAMBy(facts["key_a"], facts["secret_a"], "")
		wiretest.Must(a.DeleteSAMLProvider(t.Context(),
			&iamclient.DeleteSAMLProviderInput{SAMLProviderArn: aws.String(facts["saml_arn"])}))(t)
		wiretest.Must(a.CreateSAMLProvider(t.Context(),
			&iamclient.CreateSAMLProviderInput{Name: aws.String("Corp"),
				SAMLMetadataDocument: aws.String(other(t).Metadata())}))(t)
		if signIn(t, s, other(t)) == facts["saml_identity"] {
			t.Error("the user goes to another identity provider")
		}

		wiretest.Must(a.UpdateSAMLProvider(t.Context(),
			&iamclient.UpdateSAMLProviderInput{SAMLProviderArn: aws.String(facts["saml_arn"]),
				SAMLMetadataDocument: aws.String(idp.Metadata())}))(t)

		wiretest.Equal(t, "identity", signIn(t, s, idp), facts["saml_identity"])
	})

	t.Run("a NameID with a qualifier", func(t *testing.T) {
		dir, facts, idp := upgraded(t)
		s := wiretest.Start(t, production(dir))
		named := func(name string) string {
			return signIn(t, s, idp, func(l *samltest.Login) { l.Qualifier = name })
		}
		wiretest.Equal(t, "the first who signs in", named("https://one.example.com"), facts["saml_identity"])
		if id := named("https://two.example.com"); id == facts["saml_identity"] ||
			id != named("https://two.example.com") || id == signIn(t, s, idp) {
			t.Error("people of different qualifiers share an identity")
		}

		wiretest.Equal(t, "the first again", named("https://one.example.com"), facts["saml_identity"])
	})

	t.Run("moved with the upgrade", func(t *testing.T) {
		dir, facts, idp := upgraded(t)
		s := wiretest.Start(t, production(dir, samltest.EntityID))
		a := s.IAMBy(facts["key_a"], facts["secret_a"], "")
		idp.EntityID = "https://new.example.com/saml"
		wiretest.Must(a.UpdateSAMLProvider(t.Context(),
			&iamclient.UpdateSAMLProviderInput{SAMLProviderArn: aws.String(facts["saml_arn"]),
				SAMLMetadataDocument: aws.String(idp.Metadata())}))(t)

		wiretest.Equal(t, "identity", signIn(t, s, idp), facts["saml_identity"])
	})

	for _, previous := range [][]string{nil, {"https://third.example.com/saml"}, {samltest.EntityID},
		{iam.UnrecordedEntityID}} {
		t.Run("deleted before the upgrade/"+strings.Join(previous, ""), func(t *testing.T) {
			dir, facts, _ := upgraded(t, forgetProvider)
			s := wiretest.Start(t, production(dir, previous...))
			a := s.IAMBy(facts["key_a"], facts["secret_a"], "")
			wiretest.Must(a.CreateSAMLProvider(t.Context(),
				&iamclient.CreateSAMLProviderInput{Name: aws.String("Corp"),
					SAMLMetadataDocument: aws.String(other(t).Metadata())}))(t)

			got, want := signIn(t, s, other(t)) == facts["saml_identity"], len(previous) == 1 &&
				previous[0] == iam.UnrecordedEntityID
			if got != want {
				t.Errorf("the user gets the stored identity: %t, want %t", got, want)
			}
		})
	}

	t.Run("a restored dump", func(t *testing.T) {
		facts, idp := fixture(t)
		dir := t.TempDir()
		wiretest.RestoreOld(t, store.Options{Path: filepath.Join(dir, poolhouse.DatabaseFile)})
		wiretest.Equal(t, "identity", signIn(t, wiretest.Start(t, production(dir)), idp), facts["saml_identity"])
	})
}
