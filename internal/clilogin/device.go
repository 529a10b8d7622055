package clilogin

import (
	"context"
	"errors"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

const (
	// maxUserCode bounds the code that a person types, in bytes.
	maxUserCode = 64
	// deviceTime bounds the wait for a person, however long the issuer would wait.
	deviceTime = 2 * signInTime
)

// deviceFlow signs in with the device authorization grant (RFC 8628), for machines without a browser.
func (c *Client) deviceFlow(ctx context.Context, p Profile, i issuer, secret string) (tokens, error) {
	if i.Device == "" {
		return tokens{}, untrusted("%s has no device flow: use --flow browser", hostOf(i.URL))
	}

	ctx, cancel := context.WithTimeout(ctx, deviceTime)
	defer cancel()

	config := p.oauth(i, secret, "")
	device, err := config.DeviceAuth(c.withWeb(ctx))
	if err != nil {
		return tokens{}, tokenError(i.Device, err)
	}

	address := device.VerificationURI
	if device.DeviceCode == "" || device.UserCode == "" || len(device.UserCode) > maxUserCode ||
		!explain.Printable(device.UserCode) {
		return tokens{}, untrusted("%s answers without a code to type", hostOf(i.Device))
	}
	if err := checkAddress(address); err != nil {
		return tokens{}, untrusted("the page to type the code at: %v", err)
	}

	text := "Open this page on any device, and enter the code " + device.UserCode + ":\n\n  " + address + "\n"
	if complete := device.VerificationURIComplete; complete != "" && checkAddress(complete) == nil {
		text += "\nOr open this one, and compare the code:\n\n  " + complete + "\n"
	}
	c.o.Notice(text)

	token, err := config.DeviceAccessToken(c.withWeb(ctx), device)
	if err != nil && ctx.Err() != nil {
		return tokens{}, waited(ctx)
	}
	if err != nil {
		err = tokenError(i.Token, err)
		if refused, is := errors.AsType[*RefusedError](err); is && refused.Code == "expired_token" {
			return tokens{}, errWaited
		}
		return tokens{}, err
	}

	return tokensOf(token), nil
}
