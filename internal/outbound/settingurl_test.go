package outbound

import "testing"

func TestCheckBaseURL(t *testing.T) {
	for address, want := range map[string]bool{
		"https://api.example.com": true, "https://api.example.com:8443/path": true, "https://[2001:db8::1]": true,
		"": false, "api.example.com": false, "//api.example.com": false,
		"ftp://api.example.com": false, "https://": false, "https:api": false,
		"https://a?": false, "https://a#b": false, "https://u:p@a": false,
		"http://a": false, "https://a b": false, "https://a\n": false,
	} {
		if err := CheckBaseURL(address, false); (err == nil) != want {
			t.Errorf("CheckBaseURL(%q) = %v", address, err)
		}
	}
	if err := CheckBaseURL("http://127.0.0.1:1", true); err != nil {
		t.Error(err)
	}
}
