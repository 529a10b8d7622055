package clilogin

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

const (
	// maxUserCode bounds the code that a person types, in bytes.
	maxUserCode = 64
	// deviceTime bounds the wait for a person, however long the issuer would wait.
	deviceTime = 2 * signInTime

	defaultPoll = 5  // seconds (RFC 8628, section 3.2)
	longestPoll = 60 // seconds, after failures
)

// deviceFlow signs in with the device authorization grant (RFC 8628), for machines without a browser.
func (c *Client) deviceFlow(ctx context.Context, p Profile, i issuer, secret string) (tokens, error) {
	if i.Device == "" {
		return tokens{}, untrusted("%s has no device flow: use --flow browser", hostOf(i.URL))
	}

	ctx, cancel := context.WithTimeout(ctx, deviceTime)
	defer cancel()

	device, err := c.authorizeDevice(ctx, p, i)
	if err != nil {
		return tokens{}, err
	}
	if device.Lifetime > 0 && device.Lifetime < int64(deviceTime.Seconds()) {
		ctx, cancel = context.WithTimeout(ctx, time.Duration(device.Lifetime)*time.Second)
		defer cancel()
	}

	text := "Open this page on any device, and enter the code " + device.UserCode + ":\n\n  " + device.Page + "\n"
	if device.CompletePage != "" && checkAddress(device.CompletePage) == nil {
		text += "\nOr open this one, and compare the code:\n\n  " + device.CompletePage + "\n"
	}
	c.o.Notice(text)

	return c.pollDevice(ctx, p.oauth(i, secret, ""), device)
}

// deviceAnswer is the answer of a device authorization endpoint (RFC 8628, section 3.2). The library's own
// reading of it panics for null.
type deviceAnswer struct {
	DeviceCode   string `json:"device_code"`
	UserCode     string `json:"user_code"`
	Page         string `json:"verification_uri"`
	OldPage      string `json:"verification_url"` // of Google
	CompletePage string `json:"verification_uri_complete"`
	Lifetime     int64  `json:"expires_in"` // seconds
	Interval     int64  `json:"interval"`   // seconds; 0 = 5
}

// authorizeDevice gets a code for the person.
func (c *Client) authorizeDevice(ctx context.Context, p Profile, i issuer) (deviceAnswer, error) {
	form := formOf("client_id", p.ClientID, "scope", strings.Join(p.scopesAt(i), " "))
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, i.Device, strings.NewReader(form.Encode()))
	if err != nil {
		return deviceAnswer{}, untrusted("the device authorization endpoint is no URL")
	}
	r.Header.Set("Content-Type", formType)
	r.Header.Set("Accept", "application/json")
	status, body, err := c.web.do(r)
	if err != nil {
		return deviceAnswer{}, err
	}

	var device deviceAnswer
	var failed struct {
		Code        string `json:"error"`
		Description string `json:"error_description"`
	}
	if status != http.StatusOK {
		if json.Unmarshal(body, &failed) != nil || failed.Code == "" {
			return device, untrusted("%s answers with status %d", r.URL.Host+r.URL.Path, status)
		}
		return device, refusedBy(r.URL.Host, "the sign-in", failed.Code, failed.Description)
	}

	if json.Unmarshal(body, &device) != nil || device.DeviceCode == "" || device.UserCode == "" ||
		len(device.UserCode) > maxUserCode || !explain.Printable(device.UserCode) {
		return device, untrusted("%s answers without a code to type", hostOf(i.Device))
	}
	device.Page = cmp.Or(device.Page, device.OldPage)
	if err := checkAddress(device.Page); err != nil {
		return device, untrusted("the page to type the code at: %v", err)
	}

	return device, nil
}

// pollDevice waits for the person. The device code outlives an issuer that cannot be asked for a while: after
// each failure the wait is twice as long (RFC 8628, section 3.5).
func (c *Client) pollDevice(ctx context.Context, config *oauth2.Config, device deviceAnswer) (tokens, error) {
	poll := &oauth2.DeviceAuthResponse{DeviceCode: device.DeviceCode, Interval: device.Interval}
	if poll.Interval <= 0 {
		poll.Interval = defaultPoll
	}

	for {
		token, err := config.DeviceAccessToken(c.withWeb(ctx), poll)
		if err == nil {
			return tokensOf(token), nil
		}
		if ctx.Err() != nil {
			return tokens{}, waited(ctx)
		}

		err = tokenError(config.Endpoint.TokenURL, err)
		if refused, is := errors.AsType[*RefusedError](err); is && refused.Code == "expired_token" {
			return tokens{}, errWaited
		}
		if _, passes := errors.AsType[*UnavailableError](err); !passes {
			return tokens{}, err
		}
		poll.Interval = min(2*poll.Interval, max(poll.Interval, longestPoll))
	}
}
