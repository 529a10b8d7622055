package clilogin

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/sigv4"
)

const (
	identityService = "AWSCognitoIdentityService"
	stsVersion      = "2011-06-15"
	// sessionName names the role session of the basic flow, as the enhanced flow does.
	sessionName = "CognitoIdentityCredentials"
	mostSeconds = 1 << 40 // of an Expiration: far below what a time cannot hold
)

// identityID returns the ID of the identity of a login; that of a new guest without one.
func (c *Client) identityID(ctx context.Context, p Profile, logins map[string]string) (string, error) {
	var answer struct {
		IdentityID string `json:"IdentityId"`
	}
	err := c.web.call(ctx, p.Endpoint, identityService, "GetId", map[string]any{
		"IdentityPoolId": p.IdentityPool,
		"Logins":         logins,
	}, &answer)
	if err == nil && !identityPool.MatchString(answer.IdentityID) {
		err = untrusted("%s answers GetId without an identity ID", hostOf(p.Endpoint))
	}

	return answer.IdentityID, err
}

// credentialsFor returns credentials of an identity, in the flow of the profile.
func (c *Client) credentialsFor(
	ctx context.Context, p Profile, identityID string, logins map[string]string,
) (Credentials, error) {
	if p.BasicFlow {
		return c.basicFlow(ctx, p, identityID, logins)
	}

	input := map[string]any{"IdentityId": identityID, "Logins": logins}
	if p.RoleARN != "" {
		input["CustomRoleArn"] = p.RoleARN
	}

	var answer struct {
		Credentials struct {
			AccessKeyID  string `json:"AccessKeyId"`
			SecretKey    string
			SessionToken string
			Expiration   float64 // seconds since 1970
		}
	}
	if err := c.web.call(ctx, p.Endpoint, identityService, "GetCredentialsForIdentity", input, &answer); err != nil {
		return Credentials{}, err
	}

	got := answer.Credentials
	if got.Expiration < 0 || got.Expiration > mostSeconds || math.IsNaN(got.Expiration) {
		return Credentials{}, untrusted("%s answers with an impossible Expiration", hostOf(p.Endpoint))
	}

	return c.checkCredentials(p.Endpoint, Credentials{
		AccessKeyID:     got.AccessKeyID,
		SecretAccessKey: got.SecretKey,
		SessionToken:    got.SessionToken,
		Expires:         time.Unix(int64(got.Expiration), 0).UTC(),
		Issued:          c.o.Now().UTC(),
	})
}

// checkCredentials refuses credentials that no SDK could use.
func (c *Client) checkCredentials(endpoint string, got Credentials) (Credentials, error) {
	for _, text := range []string{got.AccessKeyID, got.SecretAccessKey, got.SessionToken} {
		if text == "" || !explain.Printable(text) {
			return Credentials{}, untrusted("%s answers without usable credentials", hostOf(endpoint))
		}
	}
	if !got.Expires.After(got.Issued) {
		return Credentials{}, untrusted("the new credentials expired at %s, and the clock of this machine shows %s: "+
			"set the clock", shownTime(got.Expires), shownTime(got.Issued))
	}

	return got, nil
}

// basicFlow gets a token of the identity pool, and assumes the profile's role with it.
func (c *Client) basicFlow(
	ctx context.Context, p Profile, identityID string, logins map[string]string,
) (Credentials, error) {
	var answer struct{ Token string }
	err := c.web.call(ctx, p.Endpoint, identityService, "GetOpenIdToken",
		map[string]any{"IdentityId": identityID, "Logins": logins}, &answer)
	if err != nil {
		return Credentials{}, err
	}

	form := formOf("Action", "AssumeRoleWithWebIdentity", "Version", stsVersion, "RoleArn", p.RoleARN,
		"RoleSessionName", sessionName, "WebIdentityToken", answer.Token)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.stsEndpoint(), strings.NewReader(form.Encode()))
	if err != nil {
		return Credentials{}, untrusted("the endpoint of STS is no URL")
	}
	r.Header.Set("Content-Type", formType)

	var assumed struct {
		Credentials struct {
			AccessKeyID     string `xml:"AccessKeyId"`
			SecretAccessKey string
			SessionToken    string
			Expiration      time.Time
		} `xml:"AssumeRoleWithWebIdentityResult>Credentials"`
	}
	if err := c.query(r, "AssumeRoleWithWebIdentity", &assumed); err != nil {
		return Credentials{}, err
	}

	return c.checkCredentials(p.stsEndpoint(), Credentials{
		AccessKeyID:     assumed.Credentials.AccessKeyID,
		SecretAccessKey: assumed.Credentials.SecretAccessKey,
		SessionToken:    assumed.Credentials.SessionToken,
		Expires:         assumed.Credentials.Expiration.UTC(),
		Issued:          c.o.Now().UTC(),
	})
}

// query sends a request in AWS's Query protocol, and reads the XML of the response.
func (c *Client) query(r *http.Request, operation string, output any) error {
	status, body, err := c.web.do(r)
	if err != nil {
		return err
	}
	if status == http.StatusOK {
		if xml.Unmarshal(body, output) != nil {
			return untrusted("%s answers %s with something that is no XML of AWS", r.URL.Host, operation)
		}
		return nil
	}

	var failed struct {
		Code    string `xml:"Error>Code"`
		Message string `xml:"Error>Message"`
	}
	if xml.Unmarshal(body, &failed) != nil || failed.Code == "" {
		return untrusted("%s answers %s with status %d and no error of AWS: is it the right endpoint?", r.URL.Host,
			operation, status)
	}

	return awsError(r.URL.Host, operation, failed.Code, failed.Message)
}

// callerARN asks STS whose credentials these are.
func (c *Client) callerARN(ctx context.Context, p Profile, k Credentials) (string, error) {
	body := []byte(formOf("Action", "GetCallerIdentity", "Version", stsVersion).Encode())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.stsEndpoint(), bytes.NewReader(body))
	if err != nil {
		return "", untrusted("the endpoint of STS is no URL")
	}
	r.Header.Set("Content-Type", formType)
	err = sigv4.Sign(r, body, sigv4.Credentials{
		AccessKeyID:     k.AccessKeyID,
		SecretAccessKey: k.SecretAccessKey,
		SessionToken:    k.SessionToken,
	}, p.Region(), "sts", c.o.Now())
	if err != nil {
		return "", fmt.Errorf("signing GetCallerIdentity: %w", err)
	}

	var answer struct {
		ARN string `xml:"GetCallerIdentityResult>Arn"`
	}
	if err := c.query(r, "GetCallerIdentity", &answer); err != nil {
		return "", err
	}

	return explain.OneLine(answer.ARN, maxQuoted), nil
}
