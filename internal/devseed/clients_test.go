package devseed_test

import (
	"slices"
	"strings"
	"testing"
)

// TestClientsOfSeeds checks that a seed describes clients, which pools trust from then on, and that a
// mistake in one changes nothing.
func TestClientsOfSeeds(t *testing.T) {
	const described = `Clients:
  spa: {}
  shop:
    Secret: abc
    RedirectUris: ["http://localhost:3000/cb"]
    PostLogoutRedirectUris: ["http://localhost:3000/"]
    BackChannelLogoutUri: http://localhost:3000/logout
`
	r := start(t)
	r.applied(r.write("clients.yaml", described))
	if got := r.server.DevClients().IDs(); !slices.Equal(got, []string{"shop", "spa"}) {
		t.Fatalf("the clients are %v", got)
	}

	for name, test := range map[string][2]string{
		"a misspelt member":  {"  x: {Secrets: abc}", "did you mean Secret?"},
		"a script":           {`  x: {RedirectUris: ["javascript:alert(1)"]}`, "is no redirect URI"},
		"a wildcard":         {`  x: {RedirectUris: ["http://localhost/*"]}`, "list each URI"},
		"a wildcard to end":  {`  x: {PostLogoutRedirectUris: ["http://*.localhost/"]}`, "list each URI"},
		"an empty secret":    {`  x: {Secret: ""}`, "leave it out for a public client"},
		"no list":            {"  x: {RedirectUris: a}", "RedirectUris"},
		"a bad name":         {`  "a b": {}`, "client ID"},
		"a logout elsewhere": {"  x: {BackChannelLogoutUri: com.example.app:/x}", "no http or https URI"},
	} {
		_, err := r.apply(r.write("wrong.yaml", "Users: {eve: {}}\nClients:\n"+test[0]+"\n"))
		if err == nil || !strings.Contains(err.Error(), test[1]) || !strings.Contains(err.Error(), "line ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := r.server.DevUsers().Get("eve"); err == nil || len(r.server.DevClients().IDs()) != 2 {
		t.Error("a seed with a mistake changed something")
	}

	one, two := r.write("one.yaml", "Clients: {same: {}}\n"), r.write("two.yaml", "Clients: {same: {}}\n")
	_, err := r.apply(one, two)
	r.refused(err, "the client same is in "+one)
}
