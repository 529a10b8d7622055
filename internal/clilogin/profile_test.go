package clilogin

import (
	"crypto/rand"
	"errors"
	"math/big"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/srp"
)

func TestProfileProblems(t *testing.T) {
	good := Profile{
		Name: "a", Endpoint: "https://id.example", IdentityPool: "us-east-1:00000000-0000-4000-8000-000000000001",
		Issuer: "https://login.example", ClientID: "c",
	}
	if err := good.Validate(); err != nil {
		t.Errorf("the good one: %v", err)
	}

	for want, change := range map[string]func(*Profile){
		"its name":                  func(p *Profile) { p.Name = "../a" },
		"end with a dot":            func(p *Profile) { p.Name = "a." },
		"device of Windows":         func(p *Profile) { p.Name = "Nul.b" },
		"name must":                 func(p *Profile) { p.Name = "" },
		"give --endpoint":           func(p *Profile) { p.Endpoint = "" },
		"give --identity-pool":      func(p *Profile) { p.IdentityPool = "" },
		"not a name":                func(p *Profile) { p.IdentityPool = "photos" },
		"not both":                  func(p *Profile) { p.UserPool = "us-east-1_A" },
		"give --client-id":          func(p *Profile) { p.ClientID = "" },
		"in which --client-id":      func(p *Profile) { p.Issuer = "" },
		"--user-pool must":          func(p *Profile) { p.Issuer, p.UserPool = "", "photos" },
		"--role-arn must":           func(p *Profile) { p.RoleARN = "Photos" },
		"--basic-flow needs":        func(p *Profile) { p.BasicFlow = true },
		"--flow must":               func(p *Profile) { p.Flow = "post" },
		"--storage must":            func(p *Profile) { p.Storage = "memory" },
		"--callback-port":           func(p *Profile) { p.CallbackPort = 70000 },
		"--endpoint: ":              func(p *Profile) { p.Endpoint = "http://id.example" },
		"--issuer: ":                func(p *Profile) { p.Issuer = "http://login.example" },
		"--sts-endpoint: ":          func(p *Profile) { p.STSEndpoint = "sts.example" },
		"--user-pool-endpoint: ":    func(p *Profile) { p.UserPoolEndpoint = "ftp://a.example" },
		"--endpoint: address https": func(p *Profile) { p.Endpoint = "https://user:secret@id.example" },
	} {
		p := good
		change(&p)
		err := p.Validate()
		if _, is := errors.AsType[*ProfileError](err); !is || !strings.Contains(err.Error(), want) ||
			strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", want, err)
		}
	}
}

func TestCheckAddress(t *testing.T) {
	addresses := map[string]bool{
		"https://id.example":          true,
		"http://127.0.0.1:4599":       true,
		"http://[::1]:4599/x":         true,
		"http://localhost:1":          true,
		"http://127.0.0.1.evil.test":  false,
		"http://localhost.evil.test":  false,
		"http://10.0.0.1":             false,
		"http://id.example":           false,
		"https://":                    false,
		"//id.example":                false,
		"https://u:p@id.example":      false,
		"javascript:alert(1)":         false,
		"https://id.example/\x1b[2J":  false,
		"http://127.0.0.1@evil.test/": false,
		"https://a.example/ the code": false,
		"https://\u0430pple.example/": false, // a Cyrillic letter
	}

	for address, good := range addresses {
		if err := checkAddress(address); (err == nil) != good {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// AWS has STS on a host of its own; a server of our kind has it at the same address.
func TestSTSEndpoint(t *testing.T) {
	for endpoint, want := range map[string]string{
		"https://cognito-identity.eu-west-1.amazonaws.com": "https://sts.eu-west-1.amazonaws.com",
		"https://id.example": "https://id.example",
	} {
		if got := (Profile{Endpoint: endpoint}).stsEndpoint(); got != want {
			t.Errorf("%s: %s", endpoint, got)
		}
	}
}

func TestBrokenProfileFile(t *testing.T) {
	c := New(Options{Folders: Folders{Config: t.TempDir(), State: t.TempDir()}})
	if _, err := c.Profile("a"); !isMissing(err) {
		t.Errorf("none: %v", err)
	}
	if err := os.MkdirAll(c.profileFolder(), 0o700); err != nil {
		t.Fatal(err)
	}

	for _, text := range []string{"", "{", `{"endpoint": 1}`, "{}"} {
		if err := os.WriteFile(c.profilePath("a"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := c.Profile("a")
		if _, is := errors.AsType[*ProfileError](err); !is {
			t.Errorf("%q: %v", text, err)
		}
	}
	if names, err := c.Profiles(); err != nil || len(names) != 1 {
		t.Errorf("%q, %v", names, err)
	}
}

func isMissing(err error) bool {
	_, is := errors.AsType[*MissingError](err)
	return is
}

func TestUserFolders(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Logf("the folders of %s are the system's", runtime.GOOS)
		return
	}

	t.Setenv("HOME", "/home/a")
	for _, test := range []struct{ config, state, wantConfig, wantState string }{
		{"", "", "/home/a/.config/poolhouse", "/home/a/.local/state/poolhouse"},
		{"/c", "/s", "/c/poolhouse", "/s/poolhouse"},
		{"/c", "relative", "/c/poolhouse", "/home/a/.local/state/poolhouse"},
		{"relative", "/s", "/home/a/.config/poolhouse", "/s/poolhouse"},
	} {
		t.Setenv("XDG_CONFIG_HOME", test.config)
		t.Setenv("XDG_STATE_HOME", test.state)
		got, err := UserFolders()
		if err != nil || got.Config != test.wantConfig || got.State != test.wantState {
			t.Errorf("%+v: %+v, %v", test, got, err)
		}
	}
}

// A server that sends values of no group could know the key without the password.
func TestHostileSRP(t *testing.T) {
	exchange, err := srp.NewClient(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s := &poolSignIn{
		c:        &Client{o: Options{Now: func() time.Time { return time.Time{} }}},
		p:        Profile{UserPool: "us-east-1_A"},
		password: "p",
		exchange: exchange,
	}
	prove := func(userID, salt, public string) error {
		return s.prove(map[string]string{
			"SECRET_BLOCK":    "YQ==",
			"USER_ID_FOR_SRP": userID,
			"SALT":            salt,
			"SRP_B":           public,
		}, map[string]string{})
	}
	if err := prove("ann", "ab12", "2"); err != nil {
		t.Errorf("a good value: %v", err)
	}

	prime, _ := new(big.Int).SetString(srp.PrimeHex, 16)
	twice := new(big.Int).Mul(prime, big.NewInt(2)).Text(16)
	for name, values := range map[string][3]string{
		"zero":           {"ann", "ab", "0"},
		"prime":          {"ann", "ab", srp.PrimeHex},
		"twice prime":    {"ann", "ab", twice},
		"negative":       {"ann", "ab", "-2"},
		"no hexadecimal": {"ann", "ab", "0x2"},
		"empty":          {"ann", "ab", ""},
		"long":           {"ann", "ab", strings.Repeat("1", 768+1)},
		"no salt":        {"ann", "", "2"},
		"no user":        {"", "ab", "2"},
	} {
		if err := prove(values[0], values[1], values[2]); !isUntrusted(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
