package awsapi

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// jsonProtocol is AWS JSON 1.1.
var jsonProtocol = awsJSON{}

type awsJSON struct{}

var jsonType = []string{"application/x-amz-json-1.1"}

// Headers of plainJSON.
var (
	plainJSONType = []string{"application/json"}
	noStore       = []string{"no-store"}
)

// jsonWords are the types of AWS JSON services. Contract: HTTP 400 for every client
// error except throttling, which older SDKs retry only at 429.
var jsonWords = [InternalError + 1]words{
	MissingAuthentication: {"MissingAuthenticationTokenException", 400, "Missing Authentication Token"},
	IncompleteSignature: {
		"IncompleteSignatureException", 400, "The request signature does not conform to AWS standards.",
	},
	UnknownKey: {
		"UnrecognizedClientException", 400, "The security token included in the request is invalid.",
	},
	BadSignature:   {"InvalidSignatureException", 400, signatureMismatch},
	RequestExpired: {"InvalidSignatureException", 400, "Signature expired."},
	InvalidToken: {
		"UnrecognizedClientException", 400, "The security token included in the request is invalid.",
	},
	ExpiredToken: {"ExpiredTokenException", 400, "The security token included in the request is expired"},
	AccessDenied: {"AccessDeniedException", 400, "The caller is not authorized to perform this action."},
	UnknownOperation: {
		"UnknownOperationException", 400, "The requested operation is not recognized by the service.",
	},
	Malformed:     {"SerializationException", 400, "The request cannot be read."},
	InvalidInput:  {"ValidationException", 400, "The input fails to satisfy the service's constraints."},
	Throttled:     {"TooManyRequestsException", 429, "Rate exceeded"},
	Unavailable:   {"InternalErrorException", 503, unavailableText},
	InternalError: {"InternalErrorException", 500, internalText},
}

// jsonStatus has the status of named errors other than 400.
var jsonStatus = map[string]int{"TooManyRequestsException": 429, "InternalErrorException": 500}

const (
	signatureMismatch = "The request signature we calculated does not match the signature you provided. " +
		"Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	noOperation = "The request names no operation: send POST with X-Amz-Target (AWS JSON) " +
		"or with Action and Version (AWS Query)."
	unavailableText = "The service cannot do this now. Try again."
	internalText    = "Internal error. The server's log has the reason under the request ID."
)

// find finds the operation by X-Amz-Target: its name follows the last dot, the API's
// name precedes it. Old clients put a Java package before the API's name, hand-written
// ones anything.
func (awsJSON) find(c *call) error {
	targets := c.request.Header["X-Amz-Target"]
	switch {
	case len(targets) == 0:
		return RefusedAs(UnknownOperation, operationMissing.With(), noOperation)
	case c.request.Method != http.MethodPost:
		why := operationMethod.With("methods", "POST")
		return RefusedAs(UnknownOperation, why, "Requests with X-Amz-Target are sent with POST.")
	case len(targets) > 1: // nobody can tell which of them was signed or meant
		why := operationTwice.With("count", strconv.Itoa(len(targets)))
		return RefusedAs(UnknownOperation, why, "The request has more than one X-Amz-Target header.")
	}

	api, name := c.target(targets[0])
	if api == nil {
		return RefusedAs(UnknownOperation, operationService.With(), "")
	}

	c.api = api
	if api.Absent != "" {
		why := operationAbsent.With("service", api.Name, "why", api.Absent)
		return RefusedAs(UnknownOperation, why, "This server does not answer "+api.Name+": "+api.Absent+".")
	}
	if c.op = api.operations[name]; c.op == nil {
		why := operationUnknown.With("operation", plain(name)+" of "+api.Name)
		return RefusedAs(UnknownOperation, why, "Operation "+plain(name)+" is not an operation of "+api.Name+".")
	}

	return nil
}

// target returns the API that an X-Amz-Target names, or nil, and the name of the
// operation.
func (s *Service) target(text string) (*api, string) {
	prefix, name := "", text
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		prefix, name = name[:dot], name[dot+1:]
	}
	if named := s.targets[prefix[strings.LastIndexByte(prefix, '.')+1:]]; named != nil {
		return named, name
	}

	return s.fallback, name
}

func (awsJSON) decode(c *call, in any) error { return decodeJSON(c.body, in) }

func (awsJSON) answer(x *exchange, _ *call, out any) error {
	h := x.Header()
	if out == nil {
		h["Content-Type"] = jsonType
		h["Content-Length"] = empty
		x.WriteHeader(http.StatusOK)
		return nil
	}

	buf := getBuffer()
	defer putBuffer(buf)

	if err := json.MarshalWrite(buf, out, json.Deterministic(true)); err != nil {
		return err
	}

	h["Content-Type"] = jsonType
	x.length[0] = strconv.Itoa(buf.Len())
	h["Content-Length"] = x.length[:]
	x.WriteHeader(http.StatusOK)
	_, _ = x.Write(buf.Bytes()) // a client that is gone cannot be told

	return nil
}

func (awsJSON) refuse(x *exchange, c *call, e *Error) wireError {
	w := translate(e, &jsonWords, jsonStatus, &c.api.API)

	body := []byte(`{"__type":`)
	body, _ = jsontext.AppendQuote(body, w.code)
	body = append(body, `,"`+messageMember(w.code)+`":`...)
	body, _ = jsontext.AppendQuote(body, w.message)
	body = append(body, '}')

	h := x.Header()
	h["Content-Type"] = jsonType
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	h["X-Amzn-Errortype"] = []string{w.code + ":"}
	h["X-Amzn-Errormessage"] = []string{headerSafe(w.message)}
	x.WriteHeader(w.status)
	_, _ = x.Write(body)

	return w
}

// plainJSON writes refusals as the control API of development does: {"error": text}. All else is as in AWS JSON.
type plainJSON struct{ awsJSON }

func (plainJSON) refuse(x *exchange, c *call, e *Error) wireError {
	w := translate(e, &jsonWords, jsonStatus, &c.api.API)

	body, _ := jsontext.AppendQuote([]byte(`{"error":`), w.message)
	body = append(body, "}\n"...)

	h := x.Header()
	h["Content-Type"] = plainJSONType
	h["Cache-Control"] = noStore
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	x.WriteHeader(w.status)
	_, _ = x.Write(body)

	return w
}

// messageMember returns the name of the member with an error's text. A denial comes from AWS's front door,
// which writes it with a capital (recorded: aws-samples/resource-control-policy-examples issue 18).
func messageMember(code string) string {
	if code == "AccessDeniedException" {
		return "Message"
	}
	return "message"
}

// headerSafe returns s as a header value: printable ASCII, at most 1 KiB.
func headerSafe(s string) string {
	s = s[:min(len(s), 1024)]

	return strings.Map(func(r rune) rune {
		switch {
		case r < ' ' || r == 0x7f:
			return ' '
		case r > 0x7f:
			return '?'
		}
		return r
	}, s)
}
