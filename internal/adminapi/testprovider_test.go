package adminapi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/login/logintest"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

type testedProvider struct {
	Passed bool
	Found  struct {
		Issuer string
		Keys   []struct {
			KeyId, Type string
			Bits        int
		}
	}
	Steps []struct {
		Code, Check, Got, Fix string
		OK                    bool
	}
	Warnings []string
}

func TestTestProvider(t *testing.T) {
	eachAccounts(t, func(t *testing.T, w *wiretest.Accounts) {
		issuer := logintest.NewIssuer(t)
		arn := *wiretest.Must(w.Roles(wiretest.Stranger).CreateOpenIDConnectProvider(t.Context(),
			&iamclient.CreateOpenIDConnectProviderInput{Url: &issuer.URL, ClientIDList: []string{"app"}},
		))(t).OpenIDConnectProviderArn

		for _, body := range []string{
			fmt.Sprintf(`{"Issuer":%q}`, issuer.URL), fmt.Sprintf(`{"ProviderArn":%q}`, arn),
		} {
			got := asked[testedProvider](t, w, wiretest.Stranger, "TestProvider", body)
			if !got.Passed || len(got.Found.Keys) == 0 || got.Found.Keys[0].Bits < 256 || len(got.Steps) != 4 {
				t.Errorf("%s: %+v", body, got)
			}
			if len(got.Warnings) != 2 || !strings.Contains(got.Warnings[0], "this machine") {
				t.Errorf("warnings: %q", got.Warnings)
			}
		}

		slash := asked[testedProvider](t, w, wiretest.Stranger, "TestProvider",
			fmt.Sprintf(`{"Issuer":%q}`, issuer.URL+"/"))
		warned := func(text string) bool { return strings.Contains(text, "slash") }
		if slash.Passed || !slices.ContainsFunc(slash.Warnings, warned) {
			t.Errorf("another spelling: %+v", slash)
		}

		foreign := w.Administer(t, wiretest.HomeAccount, "TestProvider", fmt.Sprintf(`{"ProviderArn":%q}`, arn))
		missing := w.Administer(t, wiretest.HomeAccount, "TestProvider",
			`{"ProviderArn":"arn:aws:iam::000000000000:oidc-provider/nobody.example"}`)
		wiretest.Equal(t, "a foreign provider", foreign.Body, missing.Body)
		wantRefused(t, "a missing provider", missing, "ResourceNotFoundException", "No such provider")

		metadata := asked[testedProvider](t, w, wiretest.Stranger, "TestProvider", `{"SamlMetadata":"<x/>"}`)
		if metadata.Passed || metadata.Steps[0].Code != "tested-metadata" || metadata.Steps[0].Fix == "" ||
			metadata.Found.Issuer != "" {
			t.Errorf("metadata: %+v", metadata)
		}
	})
}

func TestTestProviderInputs(t *testing.T) {
	now := time.Now()
	w := wiretest.StartTenants(t, []string{wiretest.Stranger}, func(c *poolhouse.Config) {
		c.Now = func() time.Time { return now } // the rate gives nothing back, however slow the calls are
	})
	newKey(t, w, wiretest.Stranger, "robot", listPools)
	wantRefused(t, "no permission", w.Administer(t, "robot", "TestProvider", `{"Issuer":"https://a.example"}`),
		"AccessDenied", "")
	for _, test := range []struct{ body, code string }{
		{`{}`, "InvalidParameterException"},
		{`{"Issuer":"https://a.example","SamlMetadata":"x"}`, "InvalidParameterException"},
		{`{"Issuer":""}`, "ValidationException"},
		{`{"Issuer":"https://` + strings.Repeat("a", 250) + `"}`, "ValidationException"},
		{`{"Issuer":1}`, "SerializationException"},
		{`{"ProviderArn":"arn:aws:iam::` + wiretest.Stranger + `:role/x"}`, "ResourceNotFoundException"},
	} {
		wantRefused(t, test.body[:min(50, len(test.body))],
			w.Administer(t, wiretest.Stranger, "TestProvider", test.body), test.code, "")
	}

	got := asked[testedProvider](t, w, wiretest.HomeAccount, "TestProvider", `{"Issuer":"ftp://a.example"}`)
	if got.Passed || got.Steps[0].Code != "tested-issuer-form" {
		t.Errorf("not an issuer: %+v", got)
	}

	// An account cannot scan: the eleventh test in a row is refused.
	for n := range 12 {
		answer := w.Administer(t, wiretest.HomeAccount, "TestProvider", `{"Issuer":"ftp://a.example"}`)
		refused := strings.Contains(answer.Body+answer.Header.Get("X-Amzn-Errortype"), "TooManyRequests")
		if want := n+2 > 10; refused != want { // one test came before
			t.Errorf("test %d: %d %s, want refused: %t", n+2, answer.Status, answer.Body, want)
		}
	}
}
