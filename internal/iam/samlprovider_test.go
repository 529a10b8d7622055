package iam

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
)

func TestSAMLProviders(t *testing.T) {
	idp := samltest.New(t, time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), 0)
	c := Config{Account: "000000000000", SAMLProviders: []SAMLProviderConfig{
		{Name: "One", Metadata: idp.Metadata(), Audiences: []string{"urn:a"}, Recipients: []string{"https://b"}},
		{Name: "Two", Metadata: idp.Metadata(), Account: "111111111111", AnyCertificateDate: true},
	}}
	d, err := NewDirectory(c)
	if err != nil {
		t.Fatal(err)
	}

	p, err := d.SAMLProvider(t.Context(), "arn:aws:iam::000000000000:saml-provider/One")
	if err != nil || p.Name != "One" || p.Document != idp.Metadata() || p.Provider.EntityID != samltest.EntityID ||
		len(p.Provider.Certificates) != 1 ||
		!slices.Equal(p.Provider.Audiences, []string{"urn:a"}) ||
		!slices.Equal(p.Provider.Recipients, []string{"https://b"}) || p.Provider.AnyCertificateDate {
		t.Errorf("provider = %+v, %v", p, err)
	}

	if p, err := d.SAMLProvider(
		t.Context(), "arn:aws:iam::111111111111:saml-provider/Two",
	); err != nil || !p.Provider.AnyCertificateDate {
		t.Errorf("provider = %+v, %v", p, err)
	}

	for _, arn := range []string{
		"arn:aws:iam::111111111111:saml-provider/One", "arn:aws:iam::000000000000:saml-provider/one", "",
	} {
		if _, err := d.SAMLProvider(t.Context(), arn); !errors.Is(err, ErrNotFound) {
			t.Errorf("provider %q: %v", arn, err)
		}
	}

	if w := strings.Join(d.Warnings(), "\n"); strings.Count(w, "enforce_certificate_dates") != 1 {
		t.Errorf("warnings = %s", w)
	}
}

func TestSAMLProviderLimits(t *testing.T) {
	idp := samltest.New(t, time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), 0)
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}

	var hundred []SAMLProviderConfig
	for i := range 101 {
		hundred = append(hundred, SAMLProviderConfig{Name: fmt.Sprint("p", i), Metadata: idp.Metadata()})
	}

	for name, test := range map[string]struct {
		providers []SAMLProviderConfig
		want      string
	}{
		"101 providers": {hundred, "more than 100 SAML providers"},
		"weak key": {
			[]SAMLProviderConfig{{Name: "a", Metadata: samltest.WithKey(t, idp.Now, weak).Metadata()}},
			"an RSA key of 1024 bits",
		},
		"21 audiences": {
			[]SAMLProviderConfig{{
				Name: "a", Metadata: idp.Metadata(), Audiences: slices.Repeat([]string{"urn:a"}, 21),
			}},
			"20 are allowed",
		},
		"long name": {
			[]SAMLProviderConfig{{Name: strings.Repeat("a", 129), Metadata: idp.Metadata()}}, "saml_providers[0].name",
		},
		"audience in CRLF": {
			[]SAMLProviderConfig{{Name: "a", Metadata: idp.Metadata(), Audiences: []string{"a\r\nb"}}},
			"saml_providers[0].audiences[0]",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewDirectory(Config{Account: "000000000000", SAMLProviders: test.providers})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error = %v", err)
			}
		})
	}

	if _, err := NewDirectory(Config{Account: "000000000000", SAMLProviders: hundred[:100]}); err != nil {
		t.Errorf("100 providers: %v", err)
	}
}
