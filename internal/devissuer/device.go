package devissuer

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// pollInterval is how long a device waits between two requests for its tokens.
const pollInterval = time.Second

// userCodeLetters is the length of the code that people type: consonants, which make no words
// (RFC 8628, section 6.1).
const userCodeLetters = 8

// device is a device that waits until a person has entered its code (RFC 8628).
type device struct {
	client  string
	scopes  []string
	polled  time.Time
	done    bool
	denied  bool
	session session // in which a person signed in
	grant   string  // ID of the grant that it becomes
}

// DeviceAuthorization gives a device its codes.
func (s *server) DeviceAuthorization(
	_ context.Context, r *op.ClientRequest[oidc.DeviceAuthorizationRequest],
) (*op.Response, error) {
	scopes := withoutUnknown(r.Data.Scopes)
	if !slices.Contains(scopes, oidc.ScopeOpenID) {
		return nil, oidc.ErrInvalidScope().WithDescription("scope must have openid")
	}

	deviceCode := rand.Text()
	userCode, err := op.NewUserCode([]rune(op.CharSetBase20), userCodeLetters, userCodeLetters/2)
	if err != nil {
		return nil, err
	}
	s.p.devices.put(userCode, device{client: r.Client.GetID(), scopes: scopes, grant: rand.Text()})
	s.p.byDevice.put(deviceCode, userCode)

	page := s.p.o.Issuer.URL + devicePath

	return op.NewResponse(&oidc.DeviceAuthorizationResponse{
		DeviceCode:              deviceCode,
		UserCode:                userCode,
		VerificationURI:         page,
		VerificationURIComplete: page + "?user_code=" + userCode,
		ExpiresIn:               int(deviceLifetime / time.Second),
		Interval:                int(pollInterval / time.Second),
	}), nil
}

// DeviceToken gives a device its tokens once a person has signed in for it.
func (s *server) DeviceToken(
	ctx context.Context, r *op.ClientRequest[oidc.DeviceAccessTokenRequest],
) (*op.Response, error) {
	s.p.exchange.Lock()
	defer s.p.exchange.Unlock()

	userCode, found := s.p.byDevice.get(r.Data.DeviceCode)
	if !found {
		return nil, oidc.ErrExpiredDeviceCode()
	}

	now, early := s.p.o.Now(), false
	d, found := s.p.devices.change(userCode, func(d device) device {
		early = now.Sub(d.polled) < pollInterval
		d.polled = now

		return d
	})
	switch {
	case !found:
		return nil, oidc.ErrExpiredDeviceCode()
	case d.client != r.Client.GetID():
		return nil, invalidGrant("the device code was issued to another client")
	case d.denied:
		return nil, oidc.ErrAccessDenied()
	case d.done:
	case early:
		return nil, oidc.ErrSlowDown()
	default:
		return nil, oidc.ErrAuthorizationPending()
	}

	s.p.byDevice.take(r.Data.DeviceCode)
	s.p.devices.take(userCode)

	return s.p.issue(ctx, grant{
		ID:       d.grant,
		Client:   d.client,
		User:     d.session.User,
		Subject:  d.session.Subject,
		Session:  d.session.ID,
		Scopes:   d.scopes,
		AuthTime: d.session.AuthTime,
	}, d.scopes, rand.Text(), "")
}

// askUserCode shows the page on which a person enters the code of a device.
func (p *Provider) askUserCode(w http.ResponseWriter, r *http.Request) {
	p.show(w, http.StatusOK, "device", view{Title: "Sign in a device", UserCode: shortened(r.Form.Get("user_code"))})
}

// readUserCode shows the page to sign in for the device whose code a person entered.
func (p *Provider) readUserCode(w http.ResponseWriter, r *http.Request) {
	userCode := canonical(r.PostForm.Get("user_code"))
	d, found := p.devices.get(userCode)
	if !found || d.done || d.denied {
		p.show(w, http.StatusUnprocessableEntity, "device", view{
			Title:    "Sign in a device",
			UserCode: shortened(r.PostForm.Get("user_code")),
			Problem:  "No device waits with this code. Codes are good for ten minutes.",
		})

		return
	}

	c, _ := p.o.Clients.find(d.client)
	secret := rand.Text()
	a := authRequest{client: c, scopes: d.scopes, userCode: userCode, maxAge: -1}
	p.requests.put(secret, a)
	p.showSignIn(w, r, http.StatusOK, secret, a, made{})
}

// finishDevice tells a device's next request that a person has signed in, or would not. Only the first of
// two answers counts.
func (p *Provider) finishDevice(w http.ResponseWriter, a authRequest, s session, denied bool) {
	p.exchange.Lock()
	defer p.exchange.Unlock()

	if d, _ := p.devices.get(a.userCode); d.done || d.denied {
		p.showProblem(w, http.StatusBadRequest,
			"this device has its answer, by another browser or page: if that was not you, begin again on the device")
		return
	}
	if !denied {
		err := p.remember(s, a.client.GetID())
		if ended, ok := errors.AsType[*fault](err); ok {
			p.showProblem(w, http.StatusBadRequest, ended.text)
			return
		}
		if err != nil {
			p.failed(w, err)
			return
		}
	}

	_, found := p.devices.change(a.userCode, func(d device) device {
		d.done, d.denied, d.session = !denied, denied, s

		return d
	})
	switch {
	case !found:
		p.showProblem(w, http.StatusBadRequest, "the code of the device has expired: begin again on the device")
	case denied:
		p.showMessage(w, "Cancelled", "The device was told that you did not sign in.")
	default:
		p.showMessage(w, "Signed in", "Go back to your device. It signs in by itself within seconds.")
	}
}

// canonical returns a user code as it was issued, however a person typed it.
func canonical(text string) string {
	if len(text) > 64 {
		return ""
	}
	letters := strings.Map(func(r rune) rune {
		if strings.ContainsRune(op.CharSetBase20, r) {
			return r
		}
		return -1
	}, strings.ToUpper(text))
	if len(letters) != userCodeLetters {
		return ""
	}

	return letters[:userCodeLetters/2] + "-" + letters[userCodeLetters/2:]
}

func shortened(text string) string { return text[:min(len(text), 64)] }
