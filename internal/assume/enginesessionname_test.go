package assume

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// by returns a request of a user who sent logins with these claims.
func by(claims ...map[string]any) Request {
	r := user()
	for i, c := range claims {
		provider := "idp" + string(rune('a'+i)) + ".example"
		r.Logins = append(r.Logins, identitypool.VerifiedLogin{
			Login:  identitypool.Login{Provider: provider},
			Claims: c,
		})
	}

	return r
}

// What each variable stands for in the name that the engine gets, and which names are
// refused before the engine is asked, with no claim in trace, log or error.
func TestSessionNames(t *testing.T) {
	alice := func(value any) Request { return by(map[string]any{"email": value}) }
	long := strings.Repeat("x", 53)
	for _, test := range []struct {
		name     string
		template string
		ask      Request
		want     string
		code     explain.Code // of the refusal; "" = the name is sent
	}{
		{"default", "", user(), "CognitoIdentityCredentials", ""},
		{"default of a guest", "", guest(), "CognitoIdentityCredentials", ""},
		{"text", "broker", user(), "broker", ""},
		{"identity ID", "${identity_id}", user(), "us-east-1.aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", ""},
		{"identity ID of a guest", "${identity_id}", guest(), "us-east-1.aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", ""},
		{"identity's UUID", "ph-${identity_uuid}", user(), "ph-aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", ""},
		{"pool ID", "${pool_id}", user(), "us-east-1.11111111-2222-3333-4444-555555555555", ""},
		{"facts", "${account}=${region},${role_name}@${state}", user(),
			"123456789012=us-east-1,User@authenticated", ""},
		{"state of a guest", "${state}", guest(), "unauthenticated", ""},
		{"tag", "team-${tag:team}", user(), "team-blue", ""},
		{"claim", "${claim:email}", alice("alice@example.com"), "alice@example.com", ""},
		{"claim with a colon", "${claim:cognito:username}", by(map[string]any{"cognito:username": "al"}), "al", ""},
		{"claim and text", "app=${claim:email}.x", alice("alice+1@example.com"), "app=alice+1@example.com.x", ""},
		{"claim and ID", "${identity_uuid}-${claim:email}", alice("alice"),
			"aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee-alice", ""},
		{"whole number", "uid${claim:email}", alice(json.Number("1001")), "uid1001", ""},
		{"SAML attribute", "${claim:email}", alice([]any{"alice"}), "alice", ""},
		{"longest", "${claim:email}", alice(long + "@example.co"), long + "@example.co", ""},
		{"one login of two has it", "${claim:email}",
			by(map[string]any{"sub": "1"}, map[string]any{"email": "al"}), "al", ""},
		{"two logins agree", "${claim:email}",
			by(map[string]any{"email": "al"}, map[string]any{"email": "al"}), "al", ""},

		{"two logins differ", "${claim:email}",
			by(map[string]any{"email": "alice@secret.example"}, map[string]any{"email": "bob"}), "",
			"role-session-name-several"},
		{"no such claim", "${claim:email}", by(map[string]any{"sub": "1"}), "", "role-session-name-claim"},
		{"null", "${claim:email}", alice(nil), "", "role-session-name-claim"},
		{"empty", "x-${claim:email}", alice(""), "", "role-session-name-claim"},
		{"other letter case", "${claim:Email}", alice("alice"), "", "role-session-name-claim"},
		{"guest", "${claim:email}", guest(), "", "role-session-name-guest"},
		{"guest, tag", "${tag:team}", guest(), "", "role-session-name-guest"},
		{"developer's user", "${claim:email}", user(), "", "role-session-name-own-token"},
		{"no such tag", "${tag:unit}", user(), "", "role-session-name-tag"},
		{"tag that STS refuses", "${tag:unit}",
			func() Request { r := user(); r.Tags = map[string]string{"unit": "a b"}; return r }(), "",
			"role-session-name-characters"},
		{"list", "${claim:email}", alice([]any{"a", "b"}), "", "role-session-name-form"},
		{"object", "${claim:email}", alice(map[string]any{"a": "b"}), "", "role-session-name-form"},
		{"truth value", "${claim:email}", alice(true), "", "role-session-name-form"},
		{"fraction", "${claim:email}", alice(json.Number("1.5")), "", "role-session-name-form"},
		{"blank", "${claim:email}", alice("alice secret.example"), "", "role-session-name-characters"},
		{"colon", "${claim:email}", alice("us-east-1:secret.example"), "", "role-session-name-characters"},
		{"slash", "${claim:email}", alice("a/secret.example"), "", "role-session-name-characters"},
		{"umlaut", "${claim:email}", alice("jürgen@secret.example"), "", "role-session-name-characters"},
		{"line break", "${claim:email}", alice("secret.example\n"), "", "role-session-name-characters"},
		{"variable in a value", "${claim:email}", alice("${identity_id}"), "", "role-session-name-characters"},
		{"one too long", "${claim:email}", alice(long + "@example.com"), "", "role-session-name-length"},
		{"too short", "${claim:email}", alice("a"), "", "role-session-name-length"},
	} {
		t.Run(test.name, func(t *testing.T) {
			fake := newFakeSTS(t, answering(200, granted()))
			f := newFixture(t, fake.at(EngineConfig{SessionName: test.template}), 0)
			_, err := f.ask(t, test.ask)

			if test.code == "" {
				if got := fake.form.Get("RoleSessionName"); err != nil || got != test.want {
					t.Errorf("the engine got %q, %v, want %q", got, err, test.want)
				}
				return
			}

			steps := f.trace.Steps()
			last := steps[len(steps)-1]
			if !errors.Is(err, ErrDenied) || last.OK || last.Code != test.code || fake.questions() != 0 {
				t.Errorf("%v, asked %d times, %+v; want %s", err, fake.questions(), last, test.code)
			}
			if last.Link == nil || last.Link.ID != "credential_engines.storage.role_session_name" {
				t.Errorf("the refusal leads to %+v", last.Link)
			}

			if text := last.Got + last.Expected + last.Fix + err.Error() +
				f.log.String(); strings.Contains(text, "secret.example") {
				t.Errorf("the claim is shown: %s", text)
			}
		})
	}
}

// Two identities never have one name: the dot in place of the colon is in no ID.
func TestSessionNamesDiffer(t *testing.T) {
	f := newFixture(t, EngineConfig{Region: "eu-west-1", SessionName: "${identity_id}"}, 0)
	seen := map[string]identitypool.IdentityID{}
	for _, id := range []identitypool.IdentityID{
		"us-east-1:aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "us-east-1:aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeef",
		"us-east-2:aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "us-east:1-aaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
	} {
		r := user()
		r.IdentityID = id
		name, refused := f.sessionName(&r)
		if other, taken := seen[name]; taken || refused != nil {
			t.Errorf("%s and %s are both %q, %v", id, other, name, refused)
		}
		seen[name] = id
	}
}

// An engine that repeats the name of a session tells log and trace no claim.
func TestSessionNameIsNotRepeated(t *testing.T) {
	answer := refusing("AccessDenied", "no sts:TagSession for alice@example.com")
	f := newFixture(t, newFakeSTS(t, answering(403, answer)).at(EngineConfig{SessionName: "${claim:email}"}), 0)
	_, err := f.ask(t, by(map[string]any{"email": "alice@example.com"}))
	steps, _ := json.Marshal(f.trace.Steps())
	if text := string(steps) + f.log.String(); err == nil || strings.Contains(text+err.Error(), "alice") {
		t.Errorf("%v, %s", err, text)
	}
}

// Every reason is complete, and its code fits its check.
func TestCatalogue(t *testing.T) {
	seen := map[explain.Code]bool{}
	for _, r := range EngineRefusals {
		base := explain.CodeOf(r.Check)
		if seen[r.Code] || r.Code != base && !strings.HasPrefix(string(r.Code), string(base)+"-") {
			t.Errorf("%s: the code is used twice, or does not fit %q", r.Code, r.Check)
		}
		if r.Expected == "" || r.Got == "" || r.Fix == "" || !slices.Contains(enginePlan, base) {
			t.Errorf("%s is not complete, or not planned", r.Code)
		}
		seen[r.Code] = true
	}
}
