package devseed_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/devseed"
)

const (
	shopPool  = "us-east-1:11111111-2222-4333-8444-555555555555"
	aliceID   = "us-east-1:aaaaaaaa-2222-4333-8444-555555555555"
	guestID   = "us-east-1:bbbbbbbb-2222-4333-8444-555555555555"
	googlerID = "us-east-1:cccccccc-2222-4333-8444-555555555555"

	shop = `Resources:
  Pool:
    Type: AWS::Cognito::IdentityPool
    Metadata: {PoolhouseId: "us-east-1:11111111-2222-4333-8444-555555555555"}
    Properties:
      IdentityPoolName: shop
      AllowUnauthenticatedIdentities: true
      SupportedLoginProviders: {accounts.google.com: app}
      OpenIdConnectProviderARNs: [!Ref Poolhouse::DevProviderArn]
  Other:
    Type: AWS::Cognito::IdentityPool
    Properties:
      IdentityPoolName: unpinned
      AllowUnauthenticatedIdentities: true
Users:
  alice: {email: alice@example.com, level: 12345678901234567890}
  bob:
    sub: "0815"
Identities:
  - IdentityId: us-east-1:aaaaaaaa-2222-4333-8444-555555555555
    IdentityPoolId: !Ref Pool
    User: alice
  - IdentityId: us-east-1:bbbbbbbb-2222-4333-8444-555555555555
    IdentityPoolId: !Ref Other
  - IdentityId: us-east-1:cccccccc-2222-4333-8444-555555555555
    IdentityPoolId: us-east-1:11111111-2222-4333-8444-555555555555
    Logins: {accounts.google.com: "1234"}
`
)

// TestSeed checks that a seed gives a server the pools, users and identities that it names, again
// and again, and that what it does not name stays.
func TestSeed(t *testing.T) {
	r := start(t)
	path := r.write("shop.yaml", shop)
	if printed := r.applied(path); printed != "Seed "+path+": created Pool, Other; set users alice, bob\n" {
		t.Errorf("printed %q", printed)
	}
	mine := map[string]any{"IdentityPoolName": "mine", "AllowUnauthenticatedIdentities": true}
	r.call("CreateIdentityPool", mine, nil)
	visitor := r.identity(shopPool, "")

	if got := r.identity(shopPool, "alice"); got != aliceID {
		t.Errorf("alice is %s", got)
	}
	if bob, err := r.seeder.Users.Get("bob"); err != nil || bob.Subject != "0815" {
		t.Errorf("bob is %+v, %v", bob, err)
	}
	for _, id := range []string{guestID, googlerID, visitor} {
		r.call("DescribeIdentity", map[string]any{"IdentityId": id}, nil)
	}

	if printed := r.applied(path); printed != "Seed "+path+": no resource to change\n" {
		t.Errorf("printed %q", printed)
	}
	if pools := r.pools(); len(pools) != 3 {
		t.Errorf("the pools are %v", pools)
	}
	r.call("DescribeIdentity", map[string]any{"IdentityId": visitor}, nil)

	users := r.write("users.yaml", "Users: {carol: {level: 1}}\n")
	for _, want := range []string{"set users carol", "applied"} {
		if printed := r.applied(users); printed != "Seed "+users+": "+want+"\n" {
			t.Errorf("printed %q", printed)
		}
	}

	// What the seed names converges.
	r.call("UpdateIdentityPool", map[string]any{
		"IdentityPoolId": shopPool, "IdentityPoolName": "other", "AllowUnauthenticatedIdentities": false}, nil)
	r.write("shop.yaml", strings.Replace(shop, "User: alice", "User: bob", 1))
	r.applied(path)
	if pool := r.pools()[shopPool]; pool.Name != "shop" || !pool.Guests {
		t.Errorf("the pool is %+v", pool)
	}
	if got := r.identity(shopPool, "bob"); got != aliceID {
		t.Errorf("bob is %s", got)
	}
}

// TestSeedAtAnotherAddress checks that identities and pools follow the built-in issuer when its
// address changes.
func TestSeedAtAnotherAddress(t *testing.T) {
	data := t.TempDir()
	at := func(c *poolhouse.Config) { c.DataDir = data }
	r := start(t, at)
	r.applied(r.write("shop.yaml", shop))
	r.server.Stop()

	r = start(t, at)
	path := r.write("shop.yaml", shop)
	if printed := r.applied(path); printed != "Seed "+path+": updated Pool\n" {
		t.Errorf("printed %q", printed)
	}
	if got := r.identity(shopPool, "alice"); got != aliceID {
		t.Errorf("alice is %s", got)
	}
}

// TestSeedsAreCheckedFirst checks that a seed with a mistake changes nothing, and that the error
// names its file and line.
func TestSeedsAreCheckedFirst(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"unknown user": {strings.Replace(shop, "User: alice", "User: alise", 1),
			`line 20: unknown user "alise": did you mean alice?`},
		"unknown pool": {strings.Replace(shop, "!Ref Other", "!Ref Othr", 1),
			`line 23: unknown pool of an identity "Othr": did you mean Other?`},
		"no pool's ID": {strings.Replace(shop, "!Ref Other", "shop", 1), `line 24: IdentityPoolId "shop" is no ID`},
		"no ID": {strings.Replace(shop, "IdentityId: us-east-1:a", "IdentityId: a", 1),
			"line 20: an identity needs an IdentityId"},
		"misspelt":    {strings.Replace(shop, "User: alice", "Usr: alice", 1), "line 22: unknown member"},
		"reserved":    {strings.Replace(shop, "level:", "iss:", 1), "line 16: alice: invalid user"},
		"a reference": {strings.Replace(shop, "alice@example.com", "!Ref Pool", 1), "line 16: alice.email: a claim"},
		"odd number":  {strings.Replace(shop, "12345678901234567890", "0x10", 1), "line 16: alice.level: write 0x10"},
		"deep claims": {strings.Replace(shop, "12345678901234567890", "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]", 1),
			"line 16: alice: invalid user: the claims are nested more than 16 levels deep"},
		"a bad name":   {strings.Replace(shop, "  bob:", "  b b:", 1), "line 17: b b: invalid user"},
		"no mapping":   {"Users: [alice]\n", "line 1: Users must be a mapping"},
		"no list":      {"Identities: {a: 1}\n", "line 1: Identities must be a list"},
		"other region": {strings.ReplaceAll(shop, "us-east-1:1", "eu-west-1:1"), "Pool (line 2)"},
		"bad YAML":     {shop + "  - [\n", "[28:5]"},
		"long subject": {strings.Replace(shop, `"1234"`, strings.Repeat("1", 9000), 1),
			"line 27: Logins: accounts.google.com must have the subject as text"},
		"a parameter":       {"Parameters: {P: {Type: String}}\n" + shop, "no Default: a seed's parameters need one"},
		"a numeric subject": {strings.Replace(shop, `"1234"`, "0123", 1), "line 27: Logins: write the subject at"},
		"user and logins": {strings.Replace(shop, "    Logins:", "    User: bob\n    Logins:", 1),
			"line 25: an identity has either User or Logins"},
		"section": {strings.Replace(shop, "Users:", "User:", 1),
			`line 15: unknown section "User": did you mean Users?`},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t)
			path := r.write("shop.yaml", test.text)
			_, err := r.apply(path)

			r.refused(err, path+": ", test.want)
			if errors.Is(err, devseed.ErrPartly) || len(r.pools()) > 0 || len(r.seeder.Users.List()) > 0 {
				t.Errorf("something was changed: %v, %v, %v", err, r.pools(), r.seeder.Users.List())
			}
		})
	}
}

// TestSeedsThatCannotBeMade checks the errors that need the server.
func TestSeedsThatCannotBeMade(t *testing.T) {
	r := start(t)
	path := r.write("shop.yaml", strings.Split(shop, "\nIdentities:")[0]+"\n")
	r.applied(path)
	before := r.identity(shopPool, "alice")

	r.write("shop.yaml", shop)
	_, err := r.apply(path)
	r.refused(err, path+": line 20: ", "is the identity "+before+": delete that identity first")
	if errors.Is(err, devseed.ErrPartly) {
		t.Errorf("something was changed before: %v", err)
	}

	r.call("DeleteIdentities", map[string]any{"IdentityIdsToDelete": []string{before}}, nil)
	r.applied(path)
	for change, want := range map[[2]string]string{
		{"us-east-1:cccccccc", "us-east-1:aaaaaaaa"}: "is there twice",
		{"!Ref Other", shopPool}:                     "is of the pool",
		{"!Ref Other", "!Ref Pool\n    User: alice"}: "belongs to the identity " + aliceID,
	} {
		r.write("shop.yaml", strings.Replace(shop, change[0], change[1], 1))
		_, err := r.apply(path)
		r.refused(err, path+": line ", want)
	}
	if got := r.identity(shopPool, "alice"); got != aliceID {
		t.Errorf("alice is %s", got)
	}
}

// TestDocumentedSeed checks that the example of the documents works as it stands.
func TestDocumentedSeed(t *testing.T) {
	page, err := os.ReadFile("../../docs/dev.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "cat > seed.yaml <<'END'\n")
	text, _, ended := strings.Cut(rest, "\nEND\n")
	if !found || !ended {
		t.Fatal("the page has no seed")
	}

	r := start(t)
	r.applied(r.write("seed.yaml", text))
	if got := r.identity(shopPool, "ann"); got != aliceID {
		t.Errorf("ann is %s", got)
	}
	if got := r.identity(shopPool, "ben"); got == aliceID {
		t.Error("ben is ann")
	}
}

// TestSeedNamesTheBuiltInIssuer checks that a rule for roles can be about its users, whatever the
// server's address.
func TestSeedNamesTheBuiltInIssuer(t *testing.T) {
	const rules = `  Roles:
    Type: AWS::Cognito::IdentityPoolRoleAttachment
    Properties:
      IdentityPoolId: !Ref Pool
      RoleMappings:
        Users:
          IdentityProvider: !Ref Poolhouse::DevLoginKey
          Type: Rules
          AmbiguousRoleResolution: Deny
          RulesConfiguration:
            Rules: [{Claim: a, MatchType: Equals, Value: b, RoleARN: "arn:aws:iam::000000000000:role/R"}]
`

	data := t.TempDir()
	for _, want := range []string{"created Pool, Other, Roles; set users alice, bob", "updated Pool, Roles"} {
		r := start(t, func(c *poolhouse.Config) { c.DataDir = data })
		path := r.write("shop.yaml", strings.Replace(shop, "Users:\n", rules+"Users:\n", 1))

		if printed := r.applied(path); printed != "Seed "+path+": "+want+"\n" {
			t.Errorf("printed %q, want %s", printed, want)
		}
		if got := fmt.Sprint(r.pools()[shopPool].Roles); got != "[{users whose a is b R}]" {
			t.Errorf("the pool has the roles %s", got)
		}

		r.server.Stop()
	}
}

// TestSeedFolders checks which files of a folder count, and what two files may not both have.
func TestSeedFolders(t *testing.T) {
	r := start(t)
	for name, text := range map[string]string{
		"10-users.yml": "Users: {alice: {}}\n",
		"20-pool.yaml": strings.Split(shop, "Users:")[0],
		"30.json": `{"Identities": [{"IdentityId": "` + aliceID + `",
			"IdentityPoolId": "` + shopPool + `", "User": "alice"}]}`,
		".#hidden.yaml": "nonsense",
		"notes.txt":     "nonsense",
	} {
		r.write(name, text)
	}
	if err := os.Mkdir(filepath.Join(r.folder, "sub.yaml.d"), 0o700); err != nil {
		t.Fatal(err)
	}
	printed := r.applied(r.folder)
	if strings.Count(printed, "\n") != 3 || r.identity(shopPool, "alice") != aliceID {
		t.Errorf("printed %s", printed)
	}

	again := filepath.Join(t.TempDir(), "20-pool.json")
	if err := os.WriteFile(again, []byte(`{"Users": {"alice": {}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := r.apply(r.folder, again)
	r.refused(err, again+": "+filepath.Join(r.folder, "20-pool.yaml")+" has the same name",
		again+": line 1: the user alice is in "+filepath.Join(r.folder, "10-users.yml"))

	_, err = r.apply(filepath.Join(r.folder, "missing.yaml"))
	r.refused(err, "missing.yaml")
	_, err = r.apply(t.TempDir())
	r.refused(err, "has no *.yaml, *.yml or *.json")
	_, err = r.apply(os.DevNull)
	r.refused(err, "is no regular file")
}

// TestEmptyValues checks that what has no value is empty, as in any YAML.
func TestEmptyValues(t *testing.T) {
	for _, text := range []string{
		"Users:\n  ann:\n  ben:\n",
		"Resources:\nUsers:\n  ann:\n    nick:\n  ben: {}\nIdentities:\n",
		"Users:\n  ann:\n    nick: \n    more: ~\n  ben: null\n",
		"Resources: {}\nUsers:\n  ann: # nothing\n\n  ben:",
	} {
		r := start(t)
		r.applied(r.write("shop.yaml", text))
		users := r.seeder.Users.List()
		if len(users) != 2 || users[0].Name != "ann" || users[1].Name != "ben" || len(users[1].Claims) > 0 {
			t.Errorf("%q: %v", text, users)
			continue
		}
		nick, given := users[0].Claims["nick"]
		if given != strings.Contains(text, "nick") || nick != nil {
			t.Errorf("%q: nick is %v", text, nick)
		}
	}

	r := start(t)
	r.applied(r.write("shop.yaml", "Users:\n"))
	if users := r.seeder.Users.List(); len(users) > 0 {
		t.Errorf("the users are %v", users)
	}

	_, err := r.apply(r.write("shop.yaml", "Users:\n  ann: {nick:x}\n"))
	r.refused(err, "in quotes")
}

// TestNumbersOfClaims checks that a number stays a number, with all its digits, and that text stays text.
func TestNumbersOfClaims(t *testing.T) {
	r := start(t)

	for text, want := range map[string]any{
		"1e3":                       json.Number("1e3"),
		"1E+2":                      json.Number("1E+2"),
		"-1e-3":                     json.Number("-1e-3"),
		"1.5":                       json.Number("1.5"),
		"0":                         json.Number("0"),
		"-12":                       json.Number("-12"),
		"18446744073709551616":      json.Number("18446744073709551616"),
		"12345678901234567890123":   json.Number("12345678901234567890123"),
		`"1e3"`:                     "1e3",
		`'12345678901234567890123'`: "12345678901234567890123",
		"1.2.3":                     "1.2.3",
		"1e":                        "1e",
		"e3":                        "e3",
		"2024-01-01":                "2024-01-01",
		"|-\n      1e3":             "1e3",
	} {
		r.applied(r.write("shop.yaml", "Users:\n  ann:\n    n: "+text+"\n"))
		ann, _ := r.seeder.Users.Get("ann")
		if got := ann.Claims["n"]; got != want {
			t.Errorf("%s is %#v", text, got)
		}
	}
}
