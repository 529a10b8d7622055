package apply

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/sigv4"
)

const (
	maxAnswer = 16 << 20 // bytes; SAML metadata is large
	attempts  = 5        // of a call that is throttled
)

// Client calls the signed APIs of one server, or of AWS.
type Client struct {
	// Endpoint gives a service's URL: cognito-identity, iam, sts or poolhouse.
	Endpoint    func(service string) string
	Credentials sigv4.Credentials
	Region      string
	IAMRegion   string // the region that IAM calls are signed for
	HTTP        *http.Client
	Now         func() time.Time
	// Wait waits between attempts of a throttled call; nil = by the clock.
	Wait func(ctx context.Context, d time.Duration) error
	// Impatient means that a throttled call is not attempted again.
	Impatient bool
}

// apiError is a refusal by the server.
type apiError struct {
	Operation, Code, Message string
	Status                   int
	RequestID                string
}

func (e *apiError) Error() string {
	if e.Code == "" {
		return fmt.Sprintf("%s: the server answered with status %d", e.Operation, e.Status)
	}
	return e.Operation + ": " + e.Code + ": " + e.Message
}

// RefusalCode returns the error type that the server answered with.
func (e *apiError) RefusalCode() string { return e.Code }

// UnreachableError means that a server gave no answer.
type UnreachableError struct{ Cause error }

func (e *UnreachableError) Error() string { return e.Cause.Error() }

// Unwrap returns the cause.
func (e *UnreachableError) Unwrap() error { return e.Cause }

// RequestID returns the ID of the call that a server refused with err; "" = err is no refusal.
func RequestID(err error) string {
	if refusal, ok := errors.AsType[*apiError](err); ok {
		return refusal.RequestID
	}
	return ""
}

// IsServerFault reports whether a server could not carry out a call although nothing is wrong with it, or whether it is
// too busy.
func IsServerFault(err error) bool {
	refusal, ok := errors.AsType[*apiError](err)
	return ok && (refusal.Status >= http.StatusInternalServerError || IsThrottled(err))
}

// IsThrottled reports whether a server refused a call with err because there were too many.
func IsThrottled(err error) bool {
	return refusedAs(err, "TooManyRequestsException", "Throttling", "ThrottlingException")
}

// Denied reports whether a server refused a call with err because the key may not make it.
func Denied(err error) bool { return refusedAs(err, "AccessDeniedException", "AccessDenied") }

// IsBadInput reports whether a server refused a call with err because of its input.
func IsBadInput(err error) bool {
	return refusedAs(err, "InvalidParameterException", "ValidationException", "ValidationError")
}

// refusedAs reports whether err is a refusal with one of the codes.
func refusedAs(err error, codes ...string) bool {
	refusal, ok := errors.AsType[interface {
		error
		RefusalCode() string
	}](err)
	return ok && slices.Contains(codes, refusal.RefusalCode())
}

// Missing reports whether a server refused a call with err because what it names does not exist.
func Missing(err error) bool {
	return refusedAs(err, "ResourceNotFoundException", "NoSuchEntity")
}

// found reports whether a call found what it asked for. Its error is nil if there is none.
func found(err error) (bool, error) {
	if Missing(err) {
		return false, nil
	}
	return err == nil, err
}

// JSON calls an operation of a service that speaks AWS JSON 1.1.
func (c *Client) JSON(ctx context.Context, service, target, operation string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}

	header := http.Header{"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {target + "." + operation}}
	answer, err := c.call(ctx, call{
		service:   service,
		operation: operation,
		method:    http.MethodPost,
		path:      "/",
		header:    header,
		body:      body,
	})
	if err != nil {
		return hideSecrets(err, in)
	}
	if out == nil {
		return nil
	}

	return decode(answer, out)
}

// get calls an operation of a service that speaks REST with JSON.
func (c *Client) get(ctx context.Context, service, operation, path string, out any) error {
	answer, err := c.call(ctx, call{service: service, operation: operation, method: http.MethodGet, path: path})
	if err != nil {
		return err
	}
	return decode(answer, out)
}

func decode(answer []byte, out any) error {
	decoder := json.NewDecoder(bytes.NewReader(answer))
	decoder.UseNumber()
	return decoder.Decode(out)
}

// CallPools calls an operation of identity pools.
func (c *Client) CallPools(ctx context.Context, operation string, in, out any) error {
	return c.JSON(ctx, "cognito-identity", "AWSCognitoIdentityService", operation, in, out)
}

// Admin calls an operation of the admin API.
func (c *Client) Admin(ctx context.Context, operation string, in, out any) error {
	return c.JSON(ctx, "poolhouse", "PoolhouseAdmin", operation, in, out)
}

// Query calls an operation of a service that speaks AWS Query.
func (c *Client) Query(ctx context.Context, service, version, operation string, in url.Values, out any) error {
	form := url.Values{"Action": {operation}, "Version": {version}}
	maps.Copy(form, in)

	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}}
	answer, err := c.call(ctx, call{
		service:   service,
		operation: operation,
		method:    http.MethodPost,
		path:      "/",
		header:    header,
		body:      []byte(form.Encode()),
	})
	if err != nil || out == nil {
		return err
	}

	return xml.Unmarshal(answer, out)
}

func (c *Client) iam(ctx context.Context, operation string, in url.Values, out any) error {
	return c.Query(ctx, "iam", "2010-05-08", operation, in, out)
}

// call is one call of an operation.
type call struct {
	service, operation string
	method, path       string // path begins with a slash and is escaped
	header             http.Header
	body               []byte
}

func (c *Client) call(ctx context.Context, call call) ([]byte, error) {
	for attempt := 1; ; attempt++ {
		answer, err := c.once(ctx, call)
		if !IsThrottled(err) || attempt == attempts || c.Impatient {
			return answer, err
		}
		if err := c.Pause(ctx, time.Second<<(attempt-1)); err != nil {
			return nil, err
		}
	}
}

// Pause waits for a time. Error: that of ctx, if it ends earlier.
func (c *Client) Pause(ctx context.Context, d time.Duration) error {
	if c.Wait != nil {
		return c.Wait(ctx, d)
	}

	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Client) once(ctx context.Context, call call) ([]byte, error) {
	address := strings.TrimSuffix(c.Endpoint(call.service), "/") + call.path
	request, err := http.NewRequestWithContext(ctx, call.method, address, bytes.NewReader(call.body))
	if err != nil {
		return nil, err
	}
	maps.Copy(request.Header, call.header)

	region := c.Region
	if call.service == "iam" {
		region = c.IAMRegion
	}
	if err := sigv4.Sign(request, call.body, c.Credentials, region, call.service, c.Now()); err != nil {
		return nil, err
	}

	response, err := c.HTTP.Do(request)
	if err != nil {
		return nil, &UnreachableError{Cause: err}
	}
	defer response.Body.Close()

	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return nil, &UnreachableError{Cause: err}
	}
	if len(answer) > maxAnswer {
		return nil, fmt.Errorf("%s: the answer has more than %d bytes", call.operation, maxAnswer)
	}
	if response.StatusCode != http.StatusOK {
		return nil, refusal(call.operation, response, answer)
	}

	return answer, nil
}

func refusal(operation string, response *http.Response, answer []byte) error {
	e := &apiError{
		Operation: operation,
		Status:    response.StatusCode,
		RequestID: response.Header.Get("X-Amzn-Requestid"),
	}
	var asJSON struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	var asXML struct {
		Code    string `xml:"Error>Code"`
		Message string `xml:"Error>Message"`
	}

	inHeader, _, _ := strings.Cut(response.Header.Get("X-Amzn-Errortype"), ":")
	switch {
	case json.Unmarshal(answer, &asJSON) == nil && (asJSON.Type != "" || inHeader != ""):
		e.Code, e.Message = cmp.Or(asJSON.Type[strings.LastIndex(asJSON.Type, "#")+1:], inHeader), asJSON.Message
	case xml.Unmarshal(answer, &asXML) == nil && asXML.Code != "":
		e.Code, e.Message = asXML.Code, asXML.Message
	}

	return e
}
