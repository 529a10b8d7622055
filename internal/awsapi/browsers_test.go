package awsapi_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	ci "github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	iamclient "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// devCall is a request to a development server, by what it would do.
type devCall struct {
	method, target, body string
	header               map[string]string
	service              string // signed for it; "" = not signed
}

var (
	getID = map[string]string{"Content-Type": "application/x-amz-json-1.1",
		"X-Amz-Target": "AWSCognitoIdentityService.GetId"}
	createPool = map[string]string{"Content-Type": "application/x-amz-json-1.1",
		"X-Amz-Target": "AWSCognitoIdentityService.CreateIdentityPool"}
	listRefused = map[string]string{"Content-Type": "application/x-amz-json-1.1",
		"X-Amz-Target": "PoolhouseAdmin.Explain"}
	urlForm = map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	inJSON  = map[string]string{"Content-Type": "application/json"}
)

const newProvider = "Action=CreateOpenIDConnectProvider&Version=2010-05-08&Url=https%3A%2F%2Fidp.example&" +
	"ClientIDList.member.1=x"

// devCalls are calls of every kind that a development server answers.
var devCalls = map[string]devCall{
	"public operation": {"POST", "/", `{"IdentityPoolId":"us-east-1:00000000-0000-4000-8000-000000000000"}`, getID, ""},
	"public operation, a path": {"POST", "/any/path",
		`{"IdentityPoolId":"us-east-1:00000000-0000-4000-8000-000000000000"}`, getID, ""},
	"public operation, //": {"POST", "//",
		`{"IdentityPoolId":"us-east-1:00000000-0000-4000-8000-000000000000"}`, getID, ""},
	"signed operation": {"POST", "/", `{"IdentityPoolName":"evil","AllowUnauthenticatedIdentities":true}`,
		createPool, "cognito-identity"},
	"administrators' operation": {"POST", "/", `{"RequestId":"x"}`, listRefused, "poolhouse"},
	"IAM, form":                 {"POST", "/", newProvider, urlForm, "iam"},
	"IAM, presigned GET":        {"GET", "/?" + newProvider, "", nil, "presigned"},
	"IAM, presigned POST":       {"POST", "/?" + newProvider, "", urlForm, "presigned"},
	"STS, GET":                  {"GET", "/?Action=GetCallerIdentity&Version=2011-06-15", "", nil, "sts"},
	"token":                     {"POST", poolhouse.DevTokenPath, `{"sub":"admin"}`, inJSON, ""},
	"information":               {"GET", poolhouse.DevInfoPath, "", nil, ""},
	"issuer's discovery":        {"GET", "/dev-issuer/.well-known/openid-configuration", "", nil, ""},
	"issuer's keys":             {"GET", "/dev-issuer/jwks", "", nil, ""},
	"discovery":                 {"GET", "/.well-known/openid-configuration", "", nil, ""},
	"keys":                      {"GET", "/.well-known/jwks_uri", "", nil, ""},
	"keys by their usual name":  {"GET", "/.well-known/jwks.json", "", nil, ""},
	"authorization":             {"GET", "/authorize", "", nil, ""},
	"back-channel logout":       {"POST", "/backchannel-logout/idp.example", "logout_token=x", urlForm, ""},
	"shared signals": {"POST", "/shared-signals/idp.example", "x",
		map[string]string{"Content-Type": "application/secevent+jwt"}, ""},
	"health":    {"GET", "/healthz", "", nil, ""},
	"readiness": {"GET", "/readyz", "", nil, ""},
	"metrics":   {"GET", "/metrics", "", nil, ""},
	"preflight": {"OPTIONS", "/", "",
		map[string]string{"Access-Control-Request-Method": "POST",
			"Access-Control-Request-Headers": "x-amz-target"}, ""},
	"preflight of a page": {"OPTIONS", poolhouse.DevTokenPath, "",
		map[string]string{"Access-Control-Request-Method": "POST"}, ""},
	"unknown": {"GET", "/nothing", "", nil, ""},
}

// sent sends c as change makes it; the signature is for what is sent.
func sent(t *testing.T, s *wiretest.Server, c devCall, change func(*http.Request)) wiretest.Answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), c.method, s.URL+c.target, strings.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}

	for name, value := range c.header {
		r.Header.Set(name, value)
	}
	change(r)

	switch c.service {
	case "":
	case "presigned":
		const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
		signed := r.Clone(t.Context())
		signed.Header = http.Header{}
		uri, _, err := v4.NewSigner().PresignHTTP(t.Context(),
			aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, signed, empty, "iam",
			wiretest.Region, time.Now())
		if err != nil {
			t.Fatal(err)
		}

		_, query, _ := strings.Cut(uri, "?")
		r.URL.RawQuery = query
	default:
		wiretest.Sign(t, r, c.body, c.service)
	}

	return wiretest.Do(t, r)
}

// unharmed fails the test if a refused call did something.
func unharmed(t *testing.T, s *wiretest.Server) {
	t.Helper()
	pools := wiretest.Must(s.Admin().ListIdentityPools(t.Context(),
		&ci.ListIdentityPoolsInput{MaxResults: aws.Int32(60)}))(t)
	list := wiretest.Must(s.IAM().ListOpenIDConnectProviders(t.Context(),
		&iamclient.ListOpenIDConnectProvidersInput{}))(t)
	if len(pools.IdentityPools) != 0 {
		t.Errorf("pools were made: %+v", pools.IdentityPools)
	}

	for _, p := range list.OpenIDConnectProviderList {
		if strings.HasSuffix(*p.Arn, "idp.example") {
			t.Errorf("%s was made", *p.Arn)
		}
	}
}

// refusedPage fails the test unless got refuses a page, names the setting, and
// lets no page read it.
func refusedPage(t *testing.T, what string, got wiretest.Answer, setting string) {
	t.Helper()
	if got.Status != http.StatusForbidden || !strings.Contains(got.Body, setting) {
		t.Errorf("%s: %d %s", what, got.Status, got.Body)
	}

	for name := range got.Header {
		if strings.HasPrefix(name, "Access-Control-") {
			t.Errorf("%s: %s: %s", what, name, got.Header.Get(name))
		}
	}
}

// A page that the developer visits reaches nothing, whatever it asks for.
func TestDevRefusesPages(t *testing.T) {
	s := wiretest.Start(t)
	for from, test := range map[string]struct {
		setting string
		change  func(*http.Request)
	}{
		"rebound name": {"dev.allowed_hosts", func(r *http.Request) { r.Host = "evil.example:4599" }},
		"rebound name, local": {"dev.allowed_hosts",
			func(r *http.Request) { r.Host = "evil.example"; r.Header.Set("Origin", "http://localhost:5173") }},
		"forwarded name": {"dev.allowed_hosts",
			func(r *http.Request) { r.Host = "evil.example"; r.Header.Set("X-Forwarded-Host", "localhost") }},
		"foreign origin": {"dev.allowed_origins",
			func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") }},
		"hidden origin": {"dev.allowed_origins", func(r *http.Request) { r.Header.Set("Origin", "null") }},
		"foreign site": {"dev.allowed_origins",
			func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }},
		"frame": {"dev.allowed_origins",
			func(r *http.Request) { navigation(r); r.Header.Set("Sec-Fetch-Dest", "iframe") }},
	} {
		for name, c := range devCalls {
			refusedPage(t, name+" from "+from, sent(t, s, c, test.change), test.setting)
		}
	}

	unharmed(t, s)
}

func navigation(r *http.Request) {
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
}

// Sign-in pages are opened by links of other sites; nothing else is.
func TestDevNavigations(t *testing.T) {
	s := wiretest.Start(t)
	for name, c := range devCalls {
		got := sent(t, s, c, navigation)
		if refused := got.Status == http.StatusForbidden; refused == (name == "authorization") {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}

	unharmed(t, s)
}

// A browser that tells no more than its name, as to addresses of the local
// network, calls no operation by GET.
func TestDevRefusesSilentBrowsers(t *testing.T) {
	s := wiretest.Start(t)
	for name, c := range devCalls {
		got := sent(t, s, c,
			func(r *http.Request) { r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0.0.0") })
		if refused := got.Status == http.StatusForbidden; refused !=
			(c.method == "GET" && strings.Contains(c.target, "Action=")) {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
}

// The developer's own pages and programs get the answers that they got before.
func TestDevAnswersOwnPages(t *testing.T) {
	s := wiretest.Start(t, func(c *poolhouse.Config) {
		c.DevHosts, c.DevOrigins = []string{"poolhouse.test"}, []string{"https://app.test"}
	})
	for from, change := range map[string]func(*http.Request){
		"program": func(*http.Request) {},
		"Node":    func(r *http.Request) { r.Header.Set("Sec-Fetch-Mode", "cors") },
		"localhost": func(r *http.Request) {
			r.Header.Set("Origin", "http://localhost:5173")
			r.Header.Set("Sec-Fetch-Site", "cross-site")
		},
		"loopback": func(r *http.Request) {
			r.Header.Set("Origin", "http://127.0.0.2")
			r.Header.Set("Sec-Fetch-Site", "cross-site")
		},
		"phone": func(r *http.Request) {
			r.Host = "192.168.1.7:4599"
			r.Header.Set("Origin", "http://192.168.1.7:5173")
		},
		"container":     func(r *http.Request) { r.Host = "poolhouse:4599"; r.Header.Set("Origin", "http://web:3000") },
		"Docker's host": func(r *http.Request) { r.Host = "host.docker.internal:4599" },
		"listed host":   func(r *http.Request) { r.Host = "poolhouse.test" },
		"listed origin": func(r *http.Request) {
			r.Header.Set("Origin", "https://app.test")
			r.Header.Set("Sec-Fetch-Site", "cross-site")
		},
		"address typed": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "none") },
		"same host name": func(r *http.Request) {
			r.Host = "poolhouse.test"
			r.Header.Set("Origin", "https://poolhouse.test:8443")
		},
	} {
		for name, c := range devCalls {
			if got := sent(t, s, c, change); got.Status == http.StatusForbidden ||
				strings.Contains(got.Body, "dev.allowed") {
				t.Errorf("%s from %s: %d %s", name, from, got.Status, got.Body)
			}
		}

		got := sent(t, s, devCalls["preflight"], change)
		wiretest.Equal(t, "preflight from "+from, got.Status, http.StatusOK)
		wiretest.Equal(t, "Access-Control-Allow-Origin for "+from, got.Header.Get("Access-Control-Allow-Origin"), "*")
		wiretest.Equal(t, "Access-Control-Allow-Headers for "+from, got.Header.Get("Access-Control-Allow-Headers"),
			"x-amz-target")
	}
}

// Requests as no library writes them.
func TestDevHostOnTheWire(t *testing.T) {
	s := wiretest.Start(t)
	address := strings.TrimPrefix(s.URL, "http://")
	for name, test := range map[string]struct {
		request string
		allowed bool
	}{
		"HTTP/1.0 with Host": {"GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n", true},
		"HTTP/1.0 without Host": {
			"GET %s HTTP/1.0\r\n\r\n", false,
		},
		"empty Host": {"GET %s HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n", false},
		"no Host":    {"GET %s HTTP/1.1\r\nConnection: close\r\n\r\n", false},
		"two Hosts": {
			"GET %s HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n", false,
		},
		"absolute form": {"GET http://localhost%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", true},
		"absolute form, foreign": {
			"GET http://evil.example%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", false,
		},
		"absolute form with user": {
			"GET http://localhost@evil.example%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", false,
		},
		"absolute form without Host": {"GET http://evil.example%s HTTP/1.0\r\n\r\n", false},
		"a user in Host": {
			"GET %s HTTP/1.1\r\nHost: localhost@evil.example\r\nConnection: close\r\n\r\n", false,
		},
		"Host in upper case": {"GET %s HTTP/1.1\r\nHOST: LOCALHOST:1\r\nConnection: close\r\n\r\n", true},
		"a tab after Host":   {"GET %s HTTP/1.1\r\nHost: localhost\t\r\nConnection: close\r\n\r\n", true},
		"bytes beyond ASCII in Host": {
			"GET %s HTTP/1.1\r\nHost: evil\xe3\x80\x82localhost\r\nConnection: close\r\n\r\n", false,
		},
		"Origin in any case": {
			"GET %s HTTP/1.1\r\nHost: localhost\r\noRiGiN: http://evil.example\r\nConnection: close\r\n\r\n", false,
		},
		"two Origins": {"GET %s HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n" +
			"Origin: http://evil.example\r\nConnection: close\r\n\r\n", false},
		"empty Origin": {"GET %s HTTP/1.1\r\nHost: localhost\r\nOrigin:\r\nConnection: close\r\n\r\n", false},
		"Sec-Fetch-Site in any case": {
			"GET %s HTTP/1.1\r\nHost: localhost\r\nsec-fetch-site: cross-site\r\nConnection: close\r\n\r\n", false,
		},
		"Sec-Fetch-Site, other value": {
			"GET %s HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: anything\r\nConnection: close\r\n\r\n", false,
		},
	} {
		connection, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Fprintf(connection, test.request, poolhouse.DevInfoPath)
		response, err := http.ReadResponse(bufio.NewReader(connection), nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}

		body, _ := io.ReadAll(response.Body)
		_ = connection.Close()
		if told := strings.Contains(string(body), "secret_access_key"); told != test.allowed ||
			response.StatusCode >= 500 {
			t.Errorf("%s: %s %s", name, response.Status, body)
		}
	}
}

// A refused page is explained, in the words of what it called.
func TestDevRefusalsAreExplained(t *testing.T) {
	var seen []poolhouse.Trace
	s := wiretest.Start(t,
		func(c *poolhouse.Config) { c.OnTrace = func(trace poolhouse.Trace) { seen = append(seen, trace) } })
	rebound := func(r *http.Request) { r.Host = "evil.example" }
	foreign := func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") }
	got := sent(t, s, devCalls["public operation"], rebound)
	wiretest.Equal(t, "JSON", got.Header.Get("X-Amzn-Errortype"), "AccessDeniedException:")
	got = sent(t, s, devCalls["IAM, presigned GET"], foreign)
	if !strings.Contains(got.Body, "<Code>AccessDenied</Code>") {
		t.Errorf("Query: %s", got.Body)
	}

	if len(seen) != 2 {
		t.Fatalf("%d refusals were recorded", len(seen))
	}

	for n, want := range []struct{ check, got, fix string }{
		{"host of the request", `the host "evil.example"`, "dev.allowed_hosts"},
		{"origin of the request", "Origin: http://evil.example", "dev.allowed_origins"},
	} {
		if len(seen[n].Steps) != 1 {
			t.Fatalf("steps: %+v", seen[n])
		}
		step := seen[n].Steps[0]
		if step.OK || step.Check != want.check || step.Got != want.got || !strings.Contains(step.Fix, want.fix) ||
			step.Expected == "" {
			t.Errorf("%+v", step)
		}
	}
}

// Without its list a production server answers every page, as AWS does. With it,
// other origins can neither call nor read.
func TestAllowedOrigins(t *testing.T) {
	listed := func(c *poolhouse.Config) { c.AllowedOrigins = []string{"https://app.example.com"} }
	anyOrigin := func(c *poolhouse.Config) { c.AllowedOrigins = []string{"*"} }
	const own = "https://app.example.com"
	for name, test := range map[string]struct {
		change          func(*poolhouse.Config)
		origin          string
		refused         bool
		allows, differs string // Access-Control-Allow-Origin, Vary
	}{
		"no setting":             {func(*poolhouse.Config) {}, "https://evil.example", false, "*", ""},
		"no setting, hidden":     {func(*poolhouse.Config) {}, "null", false, "*", ""},
		"any":                    {anyOrigin, "https://evil.example", false, "*", ""},
		"listed":                 {listed, own, false, own, "Origin"},
		"listed, no origin":      {listed, "", false, "", "Origin"},
		"not listed":             {listed, "https://evil.example", true, "", "Origin"},
		"hidden":                 {listed, "null", true, "", "Origin"},
		"listed name, no TLS":    {listed, "http://app.example.com", true, "", "Origin"},
		"this machine is no one": {listed, "http://localhost:5173", true, "", "Origin"},
	} {
		t.Run(name, func(t *testing.T) {
			s := wiretest.StartProduction(t, test.change)
			for what, c := range map[string]devCall{
				"call":      devCalls["public operation"],
				"form":      {"POST", "/", "Action=GetCallerIdentity&Version=2011-06-15", urlForm, ""},
				"GET":       {"GET", "/?Action=AssumeRoleWithWebIdentity&Version=2011-06-15", "", nil, ""},
				"keys":      devCalls["keys"],
				"discovery": devCalls["discovery"],
				"logout":    devCalls["back-channel logout"],
				"preflight": devCalls["preflight"],
			} {
				got := sent(t, s.Server, c, func(r *http.Request) {
					if test.origin != "" {
						r.Header.Set("Origin", test.origin)
					}
				})
				if test.refused {
					refusedPage(t, what, got, "allowed_origins")
				} else if strings.Contains(got.Body, "allowed_origins") || what == "preflight" &&
					(got.Status != http.StatusOK || got.Header.Get("Access-Control-Allow-Methods") != "POST") {
					t.Errorf("%s: %d %s %v", what, got.Status, got.Body, got.Header)
				}

				wiretest.Equal(t, what+": Access-Control-Allow-Origin",
					got.Header.Get("Access-Control-Allow-Origin"), test.allows)
				wiretest.Equal(t, what+": Vary", got.Header.Get("Vary"), test.differs)
			}

			// Of no page's concern.
			for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
				wiretest.Equal(t, path, s.Get(t, path).Status, http.StatusOK)
			}
		})
	}
}

// A production server has any name: what it answers to is for the proxy and DNS.
func TestProductionAnswersToAnyHost(t *testing.T) {
	s := wiretest.StartProduction(t)
	for _, host := range []string{"id.example.com", "cognito-identity.us-east-1.amazonaws.com", "10.0.0.1"} {
		got := sent(t, s.Server, devCalls["discovery"],
			func(r *http.Request) { r.Host = host; r.Header.Set("Sec-Fetch-Site", "cross-site") })
		wiretest.Equal(t, host, got.Status, http.StatusOK)
	}
}

func TestPageSettings(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*poolhouse.Config)
		want   string
	}{
		"origin": {func(c *poolhouse.Config) { c.AllowedOrigins = []string{"app.example.com"} },
			`allowed_origins: "app.example.com"`},
		"any, and": {func(c *poolhouse.Config) { c.AllowedOrigins = []string{"https://a.example", "*"} },
			`allowed_origins: "*"`},
		"dev origin": {func(c *poolhouse.Config) { c.DevOrigins = []string{"*"} }, `dev.allowed_origins: "*"`},
		"dev host": {func(c *poolhouse.Config) { c.DevHosts = []string{"http://a.test"} },
			`dev.allowed_hosts: "http://a.test"`},
	} {
		c := poolhouse.Config{Dev: true, IssuerURL: "http://127.0.0.1:1"}
		test.change(&c)

		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: Validate: %v", name, err)
		}
		if s, err := poolhouse.New(t.Context(), c); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: New: %v", name, err)
			if err == nil {
				_ = s.Close()
			}
		}
	}
}

// Metrics that have an address of their own are not on the public one.
func TestMetricsApart(t *testing.T) {
	apart := func(c *poolhouse.Config) { c.MetricsApart = true }
	for name, s := range map[string]*wiretest.Server{"development": wiretest.Start(t, apart),
		"production": wiretest.StartProduction(t, apart).Server} {
		for _, path := range []string{"/metrics", "/metrics?x=y", "/metrics/", "//metrics", "/./metrics",
			"/%6detrics"} {
			if got := s.Get(t, path); got.Status != http.StatusNotFound && path == "/metrics" ||
				strings.Contains(got.Body, "poolhouse_") || strings.Contains(got.Body, "go_") {
				t.Errorf("%s: GET %s = %d %.100s", name, path, got.Status, got.Body)
			}
		}
		wiretest.Equal(t, "healthz", s.Get(t, "/healthz").Status, http.StatusOK)

		web := httptest.NewServer(s.MetricsHandler())
		defer web.Close()

		on := &wiretest.Server{URL: web.URL}
		if got := on.Get(t, "/metrics"); got.Status != http.StatusOK ||
			!strings.Contains(got.Body, "poolhouse_build_info") {
			t.Errorf("%s: metrics = %d %.100s", name, got.Status, got.Body)
		}
		wiretest.Equal(t, "healthz apart", on.Get(t, "/healthz").Status, http.StatusOK)
		wiretest.Equal(t, "readyz apart", on.Get(t, "/readyz").Status, http.StatusOK)

		for _, path := range []string{"/", poolhouse.DevInfoPath, "/.well-known/jwks_uri"} {
			wiretest.Equal(t, path+" apart", on.Get(t, path).Status, http.StatusNotFound)
		}
		wiretest.Equal(t, "operation apart", sent(t, on, devCalls["public operation"], func(*http.Request) {}).Status,
			http.StatusNotFound)
		if got := sent(t, on, devCalls["metrics"], func(r *http.Request) { r.Host = "evil.example" }); (got.Status ==
			http.StatusForbidden) != (name == "development") {
			t.Errorf("%s: rebound: %d", name, got.Status)
		}
	}
}
