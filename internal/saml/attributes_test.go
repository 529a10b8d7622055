package saml_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/poolhouse-id/poolhouse/internal/saml"
	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
)

const (
	admin    = "arn:aws:iam::000000000000:role/Admin"
	reader   = "arn:aws:iam::000000000000:role/path/Reader"
	idpARN   = "arn:aws:iam::000000000000:saml-provider/idp"
	otherARN = "arn:aws:iam::000000000000:saml-provider/other"
)

func TestAttributes(t *testing.T) {
	idp := samltest.New(t, now, 0)
	provider := trusting(t, idp)
	login := samltest.Login{SessionEnd: "2030-01-31T20:00:00Z", Attributes: []samltest.Attribute{
		samltest.Roles(admin+","+idpARN, otherARN+" , "+reader, "\n "+admin+","+idpARN+" \n", "nonsense", "", admin,
			admin+","+admin, idpARN+","+idpARN, admin+","+idpARN+",x"),
		{Name: saml.RoleSessionNameAttribute, Values: []string{"alice@example.com"}},
		{Name: saml.SessionDurationAttribute, Values: []string{"1800"}},
		{Name: saml.SourceIdentityAttribute, Values: []string{"alice"}},
		{Name: saml.PrincipalTagPrefix + "Department", Values: []string{"R&amp;D"}},
		{Name: saml.PrincipalTagPrefix + "Empty", Values: []string{""}},
		{Name: saml.TransitiveTagsAttribute, Values: []string{"Department", "Empty"}},
		{Name: "groups", Values: []string{"a", "b"}},
		{Name: "twice", Values: []string{"a"}},
		{Name: "twice", Values: []string{"b"}},
		{Name: "eduPersonTargetedID", Values: []string{"<saml:NameID>x</saml:NameID>"}},
		{Name: "none", Values: nil},
	}}
	a, refused := provider.Read(idp.Response(t, login), now, skew)
	if refused != nil {
		t.Fatal(refused)
	}

	want := saml.AWSAttributes{
		Roles: []saml.RolePair{{admin, idpARN}, {reader, otherARN}}, HasRoles: true, NoPairs: 6,
		RoleSessionName: "alice@example.com", SessionDuration: 30 * time.Minute, SourceIdentity: "alice",
		PrincipalTags:     map[string]string{"Department": "R&D", "Empty": ""},
		TransitiveTagKeys: []string{"Department", "Empty"},
	}
	if diff := cmp.Diff(want, a.AWS); diff != "" {
		t.Error(diff)
	}

	for name, want := range map[string][]string{"groups": {"a", "b"}, "twice": {"a", "b"}, "eduPersonTargetedID": nil,
		"none": nil} {
		if diff := cmp.Diff(want, a.Attributes[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}

	if want := time.Date(2030, 1, 31, 20, 0, 0, 0, time.UTC); !a.SessionNotOnOrAfter.Equal(want) {
		t.Errorf("the session ends at %v", a.SessionNotOnOrAfter)
	}
	if want := now.Add(5 * time.Minute); !a.NotOnOrAfter.Equal(want) {
		t.Errorf("the assertion ends at %v", a.NotOnOrAfter)
	}
	if a.Audience != samltest.Audience || a.Recipient != samltest.Recipient || a.Transient() {
		t.Errorf("read %+v", a)
	}

	many := make([]string, 500)
	for i := range many {
		many[i] = fmt.Sprintf("arn:aws:iam::000000000000:role/R%d,x:saml-provider/i", i)
	}
	if a, refused := provider.Read(
		idp.Response(t, samltest.Login{Attributes: []samltest.Attribute{samltest.Roles(many...)}}), now,
		skew); refused != nil || a.AWS.NoPairs != 500 {
		t.Errorf("500 values: %v", refused)
	}
}

func TestRefusedAttributes(t *testing.T) {
	idp := samltest.New(t, now, 0)
	provider := trusting(t, idp)
	one := func(name string, values ...string) []samltest.Attribute {
		return []samltest.Attribute{{Name: name, Values: values}}
	}

	for name, attributes := range map[string][]samltest.Attribute{
		"Role twice":                  {samltest.Roles(admin + "," + idpARN), samltest.Roles(admin + "," + idpARN)},
		"Role with an element":        {samltest.Roles("<saml:b/>" + admin + "," + idpARN)},
		"501 roles":                   {samltest.Roles(make([]string, 501)...)},
		"two session names":           one(saml.RoleSessionNameAttribute, "ab", "cd"),
		"no session name":             one(saml.RoleSessionNameAttribute),
		"short session name":          one(saml.RoleSessionNameAttribute, "a"),
		"session name with blank":     one(saml.RoleSessionNameAttribute, "a b"),
		"long session name":           one(saml.RoleSessionNameAttribute, strings.Repeat("a", 65)),
		"short session":               one(saml.SessionDurationAttribute, "899"),
		"long session":                one(saml.SessionDurationAttribute, "43201"),
		"session that is no number":   one(saml.SessionDurationAttribute, "1h"),
		"empty session":               one(saml.SessionDurationAttribute, ""),
		"session with sign":           one(saml.SessionDurationAttribute, "+900"),
		"session of many digits":      one(saml.SessionDurationAttribute, "000000900"),
		"reserved source identity":    one(saml.SourceIdentityAttribute, "aws:x"),
		"source identity with blank":  one(saml.SourceIdentityAttribute, "a b"),
		"tag without key":             one(saml.PrincipalTagPrefix, "x"),
		"tag with two values":         one(saml.PrincipalTagPrefix+"a", "x", "y"),
		"attribute without name":      one("", "x"),
		"attribute with control name": one("a&#10;b", "x"),
	} {
		t.Run(name, func(t *testing.T) {
			if a, refused := provider.Read(idp.Response(t, samltest.Login{Attributes: attributes}), now,
				skew); refused == nil || refused.Kind != saml.Malformed {
				t.Errorf("read %+v, %v", a, refused)
			}
		})
	}
}

// The sign-in may be older than the response, and is never from the future.
func TestAuthnInstant(t *testing.T) {
	idp := samltest.New(t, now, 0)
	provider := trusting(t, idp)
	for name, test := range map[string]struct {
		at      time.Time
		refused bool
	}{
		"now":            {now, false},
		"an hour ago":    {now.Add(-time.Hour), false},
		"within skew":    {now.Add(skew), false},
		"in the future":  {now.Add(skew + time.Second), true},
		"in a long time": {now.AddDate(1, 0, 0), true},
	} {
		a, refused := provider.Read(idp.Response(t, samltest.Login{NameID: "alice", SignedIn: test.at}), now, skew)
		if (refused != nil) != test.refused {
			t.Errorf("%s: %v", name, refused)
		} else if refused == nil && !a.AuthnInstant.Equal(test.at) {
			t.Errorf("%s: AuthnInstant = %v", name, a.AuthnInstant)
		}
	}
}
