package declare

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
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
	// Wait sleeps between attempts of a throttled call.
	Wait func(ctx context.Context, d time.Duration) error
}

// APIError is a refusal by the server.
type APIError struct {
	Operation, Code, Message string
	Status                   int
}

func (e *APIError) Error() string { return e.Operation + ": " + e.Code + ": " + e.Message }

// refusedAs reports whether err is a refusal with one of the codes.
func refusedAs(err error, codes ...string) bool {
	var refusal *APIError
	if !errors.As(err, &refusal) {
		return false
	}
	for _, code := range codes {
		if refusal.Code == code {
			return true
		}
	}
	return false
}

func missing(err error) bool {
	return refusedAs(err, "ResourceNotFoundException", "NoSuchEntity")
}

// JSON calls an operation of a service that speaks AWS JSON 1.1.
func (c *Client) JSON(ctx context.Context, service, target, operation string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	header := http.Header{"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {target + "." + operation}}
	answer, err := c.call(ctx, service, operation, header, body)
	if err != nil || out == nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(answer))
	decoder.UseNumber()
	return decoder.Decode(out)
}

func (c *Client) pools(ctx context.Context, operation string, in, out any) error {
	return c.JSON(ctx, "cognito-identity", "AWSCognitoIdentityService", operation, in, out)
}

func (c *Client) admin(ctx context.Context, operation string, in, out any) error {
	return c.JSON(ctx, "poolhouse", "PoolhouseAdmin", operation, in, out)
}

// Query calls an operation of a service that speaks AWS Query.
func (c *Client) Query(ctx context.Context, service, version, operation string, in url.Values, out any) error {
	form := url.Values{"Action": {operation}, "Version": {version}}
	for key, values := range in {
		form[key] = values
	}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}}
	answer, err := c.call(ctx, service, operation, header, []byte(form.Encode()))
	if err != nil || out == nil {
		return err
	}
	return xml.Unmarshal(answer, out)
}

func (c *Client) iam(ctx context.Context, operation string, in url.Values, out any) error {
	return c.Query(ctx, "iam", "2010-05-08", operation, in, out)
}

func (c *Client) call(ctx context.Context, service, operation string, header http.Header, body []byte) ([]byte, error) {
	for attempt := 1; ; attempt++ {
		answer, err := c.once(ctx, service, operation, header, body)
		if !refusedAs(err, "TooManyRequestsException", "Throttling", "ThrottlingException") || attempt == attempts {
			return answer, err
		}
		if err := c.Wait(ctx, time.Second<<(attempt-1)); err != nil {
			return nil, err
		}
	}
}

func (c *Client) once(ctx context.Context, service, operation string, header http.Header, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(c.Endpoint(service), "/")+"/", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header = header.Clone()
	region := c.Region
	if service == "iam" {
		region = c.IAMRegion
	}
	if err := sigv4.Sign(request, body, c.Credentials, region, service, c.Now()); err != nil {
		return nil, err
	}
	response, err := c.HTTP.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, refusal(operation, response.StatusCode, answer)
	}
	return answer, nil
}

func refusal(operation string, status int, answer []byte) error {
	e := &APIError{Operation: operation, Status: status}
	var asJSON struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	var asXML struct {
		Code    string `xml:"Error>Code"`
		Message string `xml:"Error>Message"`
	}
	switch {
	case json.Unmarshal(answer, &asJSON) == nil && asJSON.Type != "":
		e.Code, e.Message = asJSON.Type[strings.LastIndex(asJSON.Type, "#")+1:], asJSON.Message
	case xml.Unmarshal(answer, &asXML) == nil && asXML.Code != "":
		e.Code, e.Message = asXML.Code, asXML.Message
	default:
		return fmt.Errorf("%s: the server answered with status %d", operation, status)
	}
	return e
}
