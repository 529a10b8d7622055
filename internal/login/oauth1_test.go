package login

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

// The published examples of RFC 5849 (sections 1.2 and 3.4.1, the latter's
// signature as its erratum has it) and of X ("Creating a signature").
func TestOAuth1Examples(t *testing.T) {
	u, err := url.Parse("http://photos.example.net/photos?file=vacation.jpg&size=original")
	if err != nil {
		t.Fatal(err)
	}

	signer := oauth1{consumerKey: "dpf43f3p2l4k3l03", consumerSecret: "kd94hf93k423kf44", token: "nnch734d00sl2jdk",
		tokenSecret: "pfkkdhi9sl3r4s00"}
	header := signer.authorization(u, "137131202", "chapoH")
	if want := `oauth_signature="MdpQcU8iPSUjWoN%2FUDMsK2sui9I%3D"`; !strings.Contains(header, want) ||
		!strings.HasPrefix(header, `OAuth oauth_consumer_key="dpf43f3p2l4k3l03", oauth_nonce="chapoH"`) {
		t.Errorf("header of RFC 5849 section 1.2: %s, want %s", header, want)
	}

	for name, test := range map[string]struct {
		signer    oauth1
		uri, want string
		list      []string // name, value, ...
	}{
		"RFC 5849 section 3.4.1": {oauth1{consumerSecret: "j49sk3j29djd", tokenSecret: "dh893hdasih9"},
			"http://example.com/request", "r6/TJjbCOr97/+UU0NsvSne7s5g=",
			[]string{"b5", "=%3D", "a3", "a", "c@", "", "a2", "r b", "oauth_consumer_key", "9djdj82h48djs9d2",
				"oauth_token", "kkk9d7dh3k39sjv7",
				"oauth_signature_method", "HMAC-SHA1", "oauth_timestamp", "137131201", "oauth_nonce", "7d8f3e4a", "c2",
				"", "a3", "2 q"}},
		"X, api.x.com": {xExample, "https://api.x.com/1.1/statuses/update.json", "Ls93hJiZbQ3akF3HF3x1Bz8/zU4=",
			xParameters},
		"X, api.twitter.com": {xExample, "https://api.twitter.com/1.1/statuses/update.json",
			"hCtSmYh+iHYCEqBWrE7C7hYmtUk=", xParameters},
		"X, version 1": {xExample, "https://api.twitter.com/1/statuses/update.json",
			"tnnArxj06cWHq44gCs1OSKk/jLY=", xParameters},
	} {
		var pairs []string
		for pair := range slices.Chunk(test.list, 2) {
			pairs = append(pairs, escape(pair[0])+"="+escape(pair[1]))
		}
		if got := test.signer.sign("POST", test.uri, pairs); got != test.want {
			t.Errorf("%s: signature %s, want %s", name, got, test.want)
		}
	}
}

var (
	xExample = oauth1{consumerSecret: "kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw",
		tokenSecret: "LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE"}
	xParameters = []string{"status", "Hello Ladies + Gentlemen, a signed OAuth request!", "include_entities", "true",
		"oauth_consumer_key", "xvz1evFS4wEEPTGEFPHBog",
		"oauth_nonce", "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg", "oauth_signature_method", "HMAC-SHA1",
		"oauth_timestamp", "1318622958",
		"oauth_token", "370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb", "oauth_version", "1.0"}
)

// The base string URI's host is in lower case and without a default port.
func TestOAuth1BaseURI(t *testing.T) {
	for address, want := range map[string]string{
		"HTTP://EXAMPLE.COM:80/r%20v/X?id=123": "http://example.com/r%20v/X",
		"https://www.example.net:8080/?q=1":    "https://www.example.net:8080/",
		"https://api.x.com:443":                "https://api.x.com/",
		"http://[::1]:443/a":                   "http://[::1]:443/a",
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := baseURI(u); got != want {
			t.Errorf("baseURI(%s) = %s, want %s", address, got, want)
		}
	}
}

func TestOAuth1Escape(t *testing.T) {
	for text, want := range map[string]string{"Ladies + Gentlemen": "Ladies%20%2B%20Gentlemen",
		"Dogs, Cats & Mice": "Dogs%2C%20Cats%20%26%20Mice", "☃": "%E2%98%83", "-._~": "-._~", `"\r`: "%22%5Cr"} {
		if got := escape(text); got != want {
			t.Errorf("escape(%q) = %s, want %s", text, got, want)
		}
	}
}
