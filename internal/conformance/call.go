package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/sigv4"
)

// maxAnswer bounds the bytes of an answer that are read.
const maxAnswer = 1 << 20

// publicOperations are those that the API model marks as needing no signature.
var publicOperations = map[string]bool{
	"GetId":                     true,
	"GetOpenIdToken":            true,
	"GetCredentialsForIdentity": true,
	"UnlinkIdentity":            true,
	"AssumeRoleWithWebIdentity": true,
	"AssumeRoleWithSAML":        true,
}

// protocol is how a service is called.
type protocol struct {
	service string // in the signature
	target  string // in front of the operation, of AWS JSON 1.1
	version string // of AWS Query
}

var protocols = map[string]protocol{
	"":     {service: "cognito-identity", target: "AWSCognitoIdentityService."},
	"idp":  {service: "cognito-idp", target: "AWSCognitoIdentityProviderService."},
	"sts":  {service: "sts", version: "2011-06-15"},
	"iam":  {service: "iam", version: "2010-05-08"},
	"http": {service: "cognito-identity"},
}

// Answer is the server's response.
type Answer struct {
	Status  int
	Header  http.Header
	Body    string
	Members map[string]any // of JSON; of XML the elements by name
	Code    string         // as SDKs read it
	Message string
	At      time.Time // of the call
}

// split returns the service and the operation of a call.
func (s Step) split() (service, operation string) {
	if s.Call == "http" {
		return "http", ""
	}
	if service, operation, is := strings.Cut(s.Call, ":"); is {
		return service, operation
	}

	return "", s.Call
}

// do sends a call and reads its answer, both within the kit's bounds.
func (k *run) do(ctx context.Context, step Step, s scope) (Answer, error) {
	if err := k.pace(ctx); err != nil {
		return Answer{}, err
	}

	// A call that was sent is heard out: nobody could delete what it made without its answer.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), k.Timeout)
	defer cancel()

	now := k.Now()
	request, err := k.request(ctx, step, s, now)
	if err != nil {
		return Answer{}, err
	}
	client := http.Client{
		Transport:     k.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		k.lose(step, s, err)
		return Answer{}, unreachable{err}
	}
	defer response.Body.Close()

	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		k.lose(step, s, err)
		return Answer{}, unreachable{err}
	}
	if len(body) > maxAnswer {
		k.lose(step, s, nil)
		return Answer{}, fmt.Errorf("the answer has more than %d bytes", maxAnswer)
	}

	a := Answer{Status: response.StatusCode, Header: response.Header, Body: string(body), At: now}
	a.read()
	k.remember(step, s, a)

	return a, nil
}

// unreachable is an error of the network, not an answer.
type unreachable struct{ error }

func (u unreachable) Unwrap() error { return u.error }

// request makes the HTTP request of a call.
func (k *run) request(ctx context.Context, step Step, s scope, now time.Time) (*http.Request, error) {
	service, operation := step.split()
	p, known := protocols[service]
	if !known {
		return nil, fmt.Errorf("%q is a call of no known service", step.Call)
	}

	header, body := http.Header{}, ""
	switch {
	case p.target != "":
		text, err := json.Marshal(orEmpty(s.fillAll(step.Request)))
		if err != nil {
			return nil, err
		}
		body = string(text)
		header.Set("Content-Type", "application/x-amz-json-1.1")
		header.Set("X-Amz-Target", p.target+operation)
	case p.version != "":
		form := url.Values{"Action": {operation}, "Version": {p.version}}
		for name, value := range step.Request {
			form.Set(name, fmt.Sprint(s.fillAll(value)))
		}
		body = form.Encode()
		header.Set("Content-Type", "application/x-www-form-urlencoded")
	}

	if step.Body != nil {
		body = s.fill(*step.Body)
	}
	method := step.Method
	if method == "" {
		method = http.MethodPost
	}
	address := strings.TrimSuffix(k.Endpoint(p.service), "/") + "/" + strings.TrimPrefix(s.fill(step.Path), "/")
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return nil, err
	}

	request.Header = header
	for name, value := range step.Headers {
		request.Header.Del(name)
		if value != "" {
			request.Header.Set(name, s.fill(value))
		}
	}

	return request, k.sign(request, []byte(body), step, s, now)
}

func orEmpty(request any) any {
	if members, is := request.(map[string]any); is && members == nil {
		return map[string]any{}
	}
	return request
}

// sign signs as an SDK does, or as step.Sign tells:
//
//	none          without a signature
//	caller        also a public operation
//	as:NAME       with the credentials of the variables NAMEKEY, NAMESECRET, NAMESESSION
//	unknown-key   with a key that nobody has
//	wrong-secret  with another secret
//	old, ahead    as one hour ago, or in one hour
//	other-service for another service
//	changed       and then changes the body
func (k *run) sign(request *http.Request, body []byte, step Step, s scope, now time.Time) error {
	service, operation := step.split()
	if step.Sign == "none" || step.Sign == "" && (publicOperations[operation] || service == "http") {
		return nil
	}

	keys, name, region := k.Credentials, protocols[service].service, k.Region
	if name == "iam" {
		region = k.IAMRegion
	}

	switch step.Sign {
	case "", "caller", "changed":
	case "unknown-key":
		keys = sigv4.Credentials{AccessKeyID: "AKIAPOOLHOUSE0NOBODY", SecretAccessKey: strings.Repeat("n", 40)}
	case "wrong-secret":
		keys.SecretAccessKey = strings.Repeat("w", 40)
	case "old":
		now = now.Add(-time.Hour)
	case "ahead":
		now = now.Add(time.Hour)
	case "other-service":
		name = "sqs"
	default:
		who, is := strings.CutPrefix(step.Sign, "as:")
		if !is {
			return fmt.Errorf("%q is no way to sign", step.Sign)
		}
		keys.AccessKeyID, _ = s.lookup(who + "KEY")
		keys.SecretAccessKey, _ = s.lookup(who + "SECRET")
		keys.SessionToken, _ = s.lookup(who + "SESSION")
	}

	if keys.AccessKeyID == "" {
		return needError{"keys to sign with (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)"}
	}
	if err := sigv4.Sign(request, body, keys, region, name, now); err != nil {
		return err
	}

	if step.Sign == "changed" {
		changed := append(bytes.TrimSuffix(bytes.Clone(body), []byte("}")), []byte(" }")...)
		request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(changed)), int64(len(changed))
	}

	return nil
}
