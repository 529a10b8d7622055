package forwardauth

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
	"github.com/poolhouse-id/poolhouse/sigv4"
)

// Each reason can be read, has a code of its own, and belongs to its check.
func TestCatalogue(t *testing.T) {
	seen := map[explain.Code]bool{}
	for _, r := range Refusals {
		if seen[r.Code] {
			t.Errorf("%s is there twice", r.Code)
		}
		seen[r.Code] = true
		if of := explain.CodeOf(r.Check); r.Code != of && !strings.HasPrefix(string(r.Code), string(of)+"-") {
			t.Errorf("%s is no code of the check %q", r.Code, r.Check)
		}
		if r.Check == "" || r.Expected == "" || r.Got == "" || r.Fix == "" {
			t.Errorf("%s lacks a text: %+v", r.Code, r)
		}
	}

	if len(seen) < 40 {
		t.Errorf("the catalogue has %d reasons", len(seen))
	}
}

// A refused signature is explained by what came, without the signature that would have
// been right, the token, and values that may be secrets.
func TestSignaturesAreExplained(t *testing.T) {
	h, base := newHandler(t)
	accountKnown := true
	h.options.Owner = func(context.Context, *http.Request) identitypool.AccountID {
		if !accountKnown {
			return ""
		}
		return account
	}

	sessionToken := ""
	token := base.Header.Get("X-Amz-Security-Token")
	signature := func(r *http.Request) string {
		_, s, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
		return s
	}

	resign := func(r *http.Request, service, region string, at time.Time) {
		o := base.Clone(t.Context())
		o.Method, o.Host, o.RequestURI = "GET", "files.example.com", base.Header.Get("X-Original-Uri")
		o.URL.Path, o.URL.RawPath = o.RequestURI, ""
		key, _ := sigv4.UnverifiedKey(base)
		o.Header = http.Header{"X-Amz-Meta-Secret": {"hunter2"}}
		credentials := sigv4.Credentials{AccessKeyID: key, SecretAccessKey: "another-secret",
			SessionToken: sessionToken}
		if err := sigv4.Sign(o, nil, credentials, region, service, at); err != nil {
			t.Fatal(err)
		}

		for name, values := range o.Header {
			r.Header[name] = values
		}
	}

	for name, test := range map[string]struct {
		change func(r *http.Request)
		code   explain.Code
		texts  []string // in Expected, Got or Fix
	}{
		"no signature": {
			func(r *http.Request) { r.Header.Del("Authorization") },
			"signature-of-the-request-missing", []string{"no signature", "execute-api", "us-east-1"},
		},
		"preflight": {
			func(r *http.Request) {
				r.Header.Del("Authorization")
				r.Header.Set("X-Original-Method", "OPTIONS")
				r.Header.Set("Origin", "https://app.example.com")
				r.Header.Set("Access-Control-Request-Method", "PUT")
			},
			"signature-of-the-request-preflight", []string{"preflight", "https://app.example.com", "proxy"},
		},
		"other secret": {
			func(r *http.Request) { resign(r, defaultService, "us-east-1", now) },
			"signature-of-the-request-mismatch",
			[]string{
				"\n\nAWS4-HMAC-SHA256\n20261124T120000Z\n", "GET\n/(5 bytes)/", "host:files.example.com",
				"account " + account,
				"the proxy must pass Host", "curl",
			},
		},
		"other path": {
			func(r *http.Request) { r.Header.Set("X-Original-Uri", "/files/x?password=hunter2&X-Amz-Meta=1") },
			"signature-of-the-request-mismatch", []string{"/(5 bytes)/(1 bytes)", "password=…"},
		},
		"other service": {
			func(r *http.Request) { resign(r, "s3", "us-east-1", now) },
			"signature-of-the-request-scope", []string{"service execute-api", "\nservice s3\n", "check.service"},
		},
		"a secret for the service": {
			func(r *http.Request) { resign(r, "hunter2hunter2hunter2", "us-east-1", now) },
			"signature-of-the-request-scope", []string{"of 21 characters"},
		},
		"no token": {
			func(r *http.Request) {
				r.Header.Del("X-Amz-Security-Token")
				sessionToken, accountKnown = "", false
				resign(r, defaultService, "us-east-1", now)
			},
			"signature-of-the-request-key",
			[]string{"(its account is not known without its token)", "without a session token"},
		},
		"a Credential that may be a secret": {
			func(r *http.Request) { resign(r, "hunter2/hunter2", "us-east-1", now) },
			"signature-of-the-request-form", nil,
		},
		"other region": {
			func(r *http.Request) { resign(r, defaultService, "eu-west-1", now) },
			"signature-of-the-request-mismatch", []string{"eu-west-1"},
		},
		"slow clock": {
			func(r *http.Request) { resign(r, defaultService, "us-east-1", now.Add(-20*time.Minute)) },
			"signature-of-the-request-expired", []string{"2026-11-24T11:40:00Z, 20m0s ago by this server's clock"},
		},
		"fast clock": {
			func(r *http.Request) { resign(r, defaultService, "us-east-1", now.Add(20*time.Minute)) },
			"signature-of-the-request-early", []string{"20m0s ahead of this server's clock"},
		},
		"half a signature": {
			func(r *http.Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x") },
			"signature-of-the-request-form", nil,
		},
		"upload without a hash": {
			func(r *http.Request) { r.Header.Set("X-Original-Content-Length", "5") },
			"signature-of-the-request-body", []string{"forward_to", "X-Amz-Content-Sha256"},
		},
		"added header": {
			func(r *http.Request) { r.Header.Set("X-Amz-Acl", "public") },
			"signature-of-the-request-covers", []string{"X-Amz-Acl"},
		},
		"another key's token": {
			func(r *http.Request) {
				r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "Credential=ASIA",
					"Credential=ASIB", 1))
			},
			"signature-of-the-request-token", []string{"same answer"},
		},
		"no route": {
			func(r *http.Request) { r.Header.Set("X-Original-Method", "x") },
			"original-request", []string{"check.request"},
		},
	} {
		r := base.Clone(t.Context())
		sessionToken, accountKnown = token, true
		test.change(r)
		trace := &explain.Trace{}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r.WithContext(explain.NewContext(t.Context(), trace)))

		steps := trace.Steps()
		if w.Code/100 != 4 || len(steps) != 1 || steps[0].Code != test.code {
			t.Errorf("%s: %d %s, %+v", name, w.Code, w.Body, steps)
			continue
		}

		all := steps[0].Expected + "\n" + steps[0].Got + "\n" + steps[0].Fix + "\n" + steps[0].Detail
		for _, text := range test.texts {
			if !strings.Contains(all, text) {
				t.Errorf("%s: no %q in\n%s", name, text, all)
			}
		}

		for _, secret := range []string{token, "hunter2", signature(base), signature(r), "{"} {
			if secret != "" && strings.Contains(all, secret) {
				t.Errorf("%s: %q is in\n%s", name, secret, all)
			}
		}
		if planned := trace.Planned(); len(planned) == 0 || planned[len(planned)-1] != explain.CodeOf(checkSource) {
			t.Errorf("%s: not reached are %q", name, planned)
		}
	}
}
