package assume

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/outbound"
	"github.com/poolhouse-id/poolhouse/internal/session"
)

// Bounds of a response. AWS's session tokens have up to 4,096 bytes; those of other engines
// contain the claims.
const (
	maxDepth        = 8
	maxElements     = 200
	maxKeyBytes     = 128
	maxSecretBytes  = 256
	maxSessionBytes = 8 << 10
	maxAhead        = 366 * 24 * time.Hour // MinIO's longest session
)

// refusal is an engine's error response about the request itself.
type refusal struct{ code, message string }

func (r *refusal) Error() string { return r.code + ": " + r.message }

// why returns the reason for r, by the error codes of the STS API reference.
func (r *refusal) why(role, answer, engine string) *explain.Refusal {
	switch r.code {
	case "AccessDenied", "AccessDeniedException":
		return engineDenied.With("role", role, "answer", answer)
	case "InvalidIdentityToken":
		return engineToken.With("role", role, "answer", answer, "engine", engine)
	case "ExpiredTokenException":
		return engineClock.With("role", role, "answer", answer, "engine", engine)
	case "MalformedPolicyDocument", "PackedPolicyTooLarge", "InvalidParameterValue", "InvalidInput":
		return engineInput.With("role", role, "answer", answer, "engine", engine)
	}

	return engineRefused.With("role", role, "answer", answer)
}

// transient are the error codes of an engine that could not decide.
var transient = []string{
	"IDPCommunicationError",
	"InternalFailure", "InternalError", "InternalServerError", "InternalServiceException",
	"RequestLimitExceeded", "RequestTimeout", "RequestTimeoutException",
	"ServiceUnavailable", "ServiceUnavailableException",
	"SlowDown", "Throttling", "ThrottlingException", "TooManyRequestsException",
	"XMinioServerNotInitialized", "XMinioIAMNotInitialized",
}

// read returns the credentials of a response. The error is a *refusal if the engine refuses,
// and another one if the answer is not an STS's.
func (e *RemoteEngine) read(response outbound.Response, now time.Time) (session.Credentials, error) {
	values, err := members(response.Body)
	if err != nil {
		return session.Credentials{}, fmt.Errorf(
			"status %d and a body that is no answer of an STS: %w", response.Status, err,
		)
	}
	if response.Status != 200 {
		code, message := values["ErrorResponse/Error/Code"], values["ErrorResponse/Error/Message"]
		if code == "" { // S3's form; storage engines use it where their STS fails early
			code, message = values["Error/Code"], values["Error/Message"]
		}

		switch {
		case code == "" || len(code) > maxKeyBytes:
			return session.Credentials{}, fmt.Errorf("status %d without an error code", response.Status)
		case response.Status < 400, response.Status >= 500, response.Status == 429, slices.Contains(transient, code):
			return session.Credentials{}, fmt.Errorf("status %d, %s: %s", response.Status, code, message)
		}

		return session.Credentials{}, &refusal{code: code, message: message}
	}

	const at = "AssumeRoleWithWebIdentityResponse/AssumeRoleWithWebIdentityResult/Credentials/"

	c := session.Credentials{
		AccessKeyID:     values[at+"AccessKeyId"],
		SecretAccessKey: values[at+"SecretAccessKey"],
		SessionToken:    values[at+"SessionToken"],
	}
	for _, m := range []struct {
		name, value string
		limit       int
	}{
		{"AccessKeyId", c.AccessKeyID, maxKeyBytes},
		{"SecretAccessKey", c.SecretAccessKey, maxSecretBytes},
		{"SessionToken", c.SessionToken, maxSessionBytes},
	} {
		if m.value == "" || len(m.value) > m.limit ||
			strings.ContainsFunc(m.value, func(c rune) bool { return c <= ' ' || c > '~' }) {
			return session.Credentials{}, fmt.Errorf("credentials without a usable %s", m.name)
		}
	}

	if c.Expiration, err = time.Parse(time.RFC3339, values[at+"Expiration"]); err != nil {
		return session.Credentials{}, errors.New("credentials without a usable Expiration")
	}
	if !c.Expiration.After(now) || c.Expiration.After(now.Add(maxAhead)) {
		return session.Credentials{}, fmt.Errorf("credentials that end at %s", c.Expiration.UTC().Format(time.RFC3339))
	}

	return c, nil
}

// members reads an XML document into the texts of its leaves, by path. It refuses a path
// that occurs twice, because either value could be meant, and document types and
// processing instructions other than the declaration.
func members(body []byte) (map[string]string, error) {
	decoder := xml.NewDecoder(bytes.NewReader(body))
	values := map[string]string{}
	var path []string
	var text strings.Builder
	leaf, ended, elements := false, false, 0

	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			if !ended {
				return nil, errors.New("it is empty")
			}
			return values, nil
		}
		if err != nil {
			return nil, errors.New("it is no XML") // the parser's message may quote it
		}

		switch t := token.(type) {
		case xml.StartElement:
			if elements++; ended || len(path) == maxDepth || elements > maxElements {
				return nil, errors.New("its XML is too deep, too long or goes on after its end")
			}
			path, leaf = append(path, t.Name.Local), true
			text.Reset()
		case xml.EndElement:
			if leaf {
				name := strings.Join(path, "/")
				if _, twice := values[name]; twice {
					return nil, fmt.Errorf("%s is there twice", t.Name.Local)
				}
				values[name] = strings.TrimSpace(text.String())
			}

			path, leaf = path[:len(path)-1], false
			ended = len(path) == 0
		case xml.CharData:
			if len(path) == 0 && len(bytes.TrimSpace(t)) > 0 {
				return nil, errors.New("there is text around its XML")
			}
			text.Write(t)
		case xml.ProcInst:
			if t.Target != "xml" {
				return nil, errors.New("it has a processing instruction")
			}
		case xml.Directive:
			return nil, errors.New("it has a document type")
		}
	}
}
