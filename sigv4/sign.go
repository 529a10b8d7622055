package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Credentials are an access key, with a session token if the key is temporary.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string
}

// Sign signs r in the header form: it sets X-Amz-Date, Authorization and, for a session, X-Amz-Security-Token. The
// signature covers the host, Content-Type, every X-Amz-* header, and body, which must be the body that r sends.
// Sign does not follow S3's rules for paths.
func Sign(r *http.Request, body []byte, k Credentials, region, service string, now time.Time) error {
	stamp := now.UTC().Format(timeFormat)
	r.Header.Set("X-Amz-Date", stamp)
	r.Header.Del("Authorization")
	if k.SessionToken != "" {
		r.Header.Set("X-Amz-Security-Token", k.SessionToken)
	}

	host := r.Host
	if host == "" {
		host = r.URL.Host
	}

	values := map[string]string{"host": host}
	for key, list := range r.Header {
		if name := strings.ToLower(key); name == "content-type" || strings.HasPrefix(name, "x-amz-") {
			values[name] = string(appendTrimmed(nil, strings.Join(list, ",")))
		}
	}

	names := make([]string, 0, len(values))
	for name, value := range values {
		if strings.ContainsAny(value, "\r\n") {
			return fmt.Errorf("sigv4: the header %s has a line break in its value", name)
		}
		names = append(names, name)
	}
	slices.Sort(names)

	path, err := canonicalPath(r.URL.EscapedPath(), false)
	if err != nil {
		return err
	}

	var canonical strings.Builder
	canonical.WriteString(r.Method + "\n" + path + "\n" + canonicalQuery(r) + "\n")

	for _, name := range names {
		canonical.WriteString(name + ":" + values[name] + "\n")
	}

	signed := strings.Join(names, ";")
	payload := sha256.Sum256(body)
	canonical.WriteString("\n" + signed + "\n" + hex.EncodeToString(payload[:]))

	scope := Scope{
		AccessKeyID: k.AccessKeyID,
		Date:        stamp[:len(dateFormat)],
		Region:      region,
		Service:     service,
		terminator:  terminator,
	}
	request := sha256.Sum256([]byte(canonical.String()))
	toSign := algorithm + "\n" + stamp + "\n" + scope.String() + "\n" + hex.EncodeToString(request[:])

	signature := deriveKey(k.SecretAccessKey, scope).sign(toSign)
	r.Header.Set("Authorization", fmt.Sprintf("%s Credential=%s/%s, SignedHeaders=%s, Signature=%s",
		algorithm, k.AccessKeyID, scope.String(), signed, signature))

	return nil
}

// canonicalQuery sorts the query by name, then value, each escaped as the signature wants it.
func canonicalQuery(r *http.Request) string {
	var parts []string
	for name, list := range r.URL.Query() {
		for _, value := range list {
			parts = append(parts, escape(name, false)+"="+escape(value, false))
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, "&")
}
