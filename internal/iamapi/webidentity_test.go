package iamapi_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

type (
	enableInput  = iamclient.EnableOutboundWebIdentityFederationInput
	disableInput = iamclient.DisableOutboundWebIdentityFederationInput
	infoInput    = iamclient.GetOutboundWebIdentityFederationInfoInput
)

func TestOutboundWebIdentityFederation(t *testing.T) {
	wiretest.EachStore(t, func(t *testing.T, s *wiretest.Server) {
		roles := s.IAM()
		isDisabled := func(step string, err error) {
			t.Helper()
			var refused *types.FeatureDisabledException
			if !errors.As(err, &refused) || !strings.Contains(*refused.Message, "disabled for your AWS account") {
				t.Errorf("%s: %v", step, err)
			}
		}
		info := func() (*iamclient.GetOutboundWebIdentityFederationInfoOutput, error) {
			return roles.GetOutboundWebIdentityFederationInfo(t.Context(), &infoInput{})
		}

		_, err := info()
		isDisabled("info at first", err)
		_, err = roles.DisableOutboundWebIdentityFederation(t.Context(), &disableInput{})
		isDisabled("disable at first", err)

		made := wiretest.Must(roles.EnableOutboundWebIdentityFederation(t.Context(), &enableInput{}))(t)
		first := *made.IssuerIdentifier
		if got := wiretest.Must(info())(t); *got.IssuerIdentifier != first || !got.JwtVendingEnabled {
			t.Errorf("info: %s, %t", *got.IssuerIdentifier, got.JwtVendingEnabled)
		}
		var enabled *types.FeatureEnabledException
		if _, err := roles.EnableOutboundWebIdentityFederation(t.Context(), &enableInput{}); !errors.As(err, &enabled) {
			t.Errorf("enable again: %v", err)
		}

		wiretest.Must(roles.DisableOutboundWebIdentityFederation(t.Context(), &disableInput{}))(t)
		_, err = info()
		isDisabled("info once disabled", err)
		_, err = roles.DisableOutboundWebIdentityFederation(t.Context(), &disableInput{})
		isDisabled("disable again", err)
		again := wiretest.Must(roles.EnableOutboundWebIdentityFederation(t.Context(), &enableInput{}))(t)
		if *again.IssuerIdentifier != first {
			t.Errorf("the issuer %s became %s", first, *again.IssuerIdentifier)
		}
	})
}

// The status of each answer is the API model's.
func TestOutboundWebIdentityFederationStatuses(t *testing.T) {
	s := wiretest.Start(t)
	ask := func(operation string) wiretest.Answer {
		body := "Action=" + operation + "&Version=2010-05-08"
		r := wiretest.Must(http.NewRequest(http.MethodPost, s.URL, strings.NewReader(body)))(t)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		wiretest.Sign(t, r, body, "iam")
		return wiretest.Do(t, r)
	}

	for _, step := range []struct {
		operation string
		status    int
		text      string
	}{
		{"DisableOutboundWebIdentityFederation", http.StatusNotFound, "<Code>FeatureDisabled</Code>"},
		{"EnableOutboundWebIdentityFederation", http.StatusOK, "<IssuerIdentifier>" + s.URL},
		{"EnableOutboundWebIdentityFederation", http.StatusConflict, "<Code>FeatureEnabled</Code>"},
		{"GetOutboundWebIdentityFederationInfo", http.StatusOK, "<JwtVendingEnabled>true</JwtVendingEnabled>"},
		{"DisableOutboundWebIdentityFederation", http.StatusOK, "<RequestId>"},
		{"GetOutboundWebIdentityFederationInfo", http.StatusNotFound, "<Code>FeatureDisabled</Code>"},
	} {
		if got := ask(step.operation); got.Status != step.status || !strings.Contains(got.Body, step.text) {
			t.Errorf("%s: %d %s", step.operation, got.Status, got.Body)
		}
	}
}

// Each account has a switch and an issuer of its own, and the switch needs its permission.
func TestOutboundWebIdentityFederationOfOthers(t *testing.T) {
	s := wiretest.StartTenants(t, []string{wiretest.Stranger})
	home := wiretest.Must(s.IAM().EnableOutboundWebIdentityFederation(t.Context(), &enableInput{}))(t)
	stranger := s.Roles(wiretest.Stranger)
	if _, err := stranger.GetOutboundWebIdentityFederationInfo(t.Context(), &infoInput{}); err == nil {
		t.Error("one account enabled another")
	}
	others := wiretest.Must(stranger.EnableOutboundWebIdentityFederation(t.Context(), &enableInput{}))(t)
	if *home.IssuerIdentifier == *others.IssuerIdentifier {
		t.Error("two accounts have one issuer")
	}
	wiretest.Must(stranger.DisableOutboundWebIdentityFederation(t.Context(), &disableInput{}))(t)
	wiretest.Must(s.IAM().GetOutboundWebIdentityFederationInfo(t.Context(), &infoInput{}))(t)
}

func TestOutboundWebIdentityFederationPermissions(t *testing.T) {
	s := wiretest.StartBound(t)
	for name, allowed := range map[string]bool{
		`"s3:*"`: false, `"iam:*"`: true, `"iam:*OutboundWebIdentityFederation*"`: true, `"sts:*"`: false,
	} {
		statement := `{"Effect":"Allow","Action":` + name + `,"Resource":"*"}`
		for kind, key := range s.Callers(t, statement) {
			client := s.IAMBy(key.AccessKeyID, key.SecretAccessKey, key.SessionToken)
			_, enable := client.EnableOutboundWebIdentityFederation(t.Context(), &enableInput{})
			_, info := client.GetOutboundWebIdentityFederationInfo(t.Context(), &infoInput{})
			_, disable := client.DisableOutboundWebIdentityFederation(t.Context(), &disableInput{})
			for _, err := range []error{enable, info, disable} {
				if allowed != (err == nil) || !allowed && !strings.Contains(err.Error(), "AccessDenied") {
					t.Errorf("%s, %s: %v, want allowed = %t", name, kind, err, allowed)
				}
			}
		}
	}
}
