package assume

import (
	"errors"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Decide refuses what the settings refuse, with the reason that a request for credentials has. It
// never asks the engine.
func TestRemoteEngineDecides(t *testing.T) {
	fake := newFakeSTS(t, answering(200, granted()))
	mapped := EngineConfig{Roles: map[string]string{userRole: "engine-user"}}
	byTeam := EngineConfig{SessionName: "${tag:team}"}
	with := func(r Request, role string) Request {
		r.Role = ReadPoolRole(role)
		return r
	}
	untagged := user()
	untagged.Tags = nil

	for name, c := range map[string]struct {
		config  EngineConfig
		request Request
		reason  *explain.Reason // nil = decided that it may be asked
	}{
		"a role":                 {request: user()},
		"a guest":                {request: guest()},
		"a role of the settings": {config: mapped, request: user()},
		"a session's name":       {config: byTeam, request: user()},
		"a role not in them":     {mapped, with(user(), "arn:aws:iam::123456789012:role/Other"), roleUnmapped},
		"another account's role": {
			EngineConfig{}, with(user(), "arn:aws:iam::999999999999:role/U"), engineRoleAccount,
		},
		"no role":                 {EngineConfig{}, with(user(), "arn:minio:iam:::role/x"), engineRoleForm},
		"no name for a guest":     {byTeam, guest(), nameOfGuest},
		"no name without the tag": {byTeam, untagged, nameWithoutTag},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, fake.at(c.config), 0)
			before := fake.questions()
			err := f.Decide(explain.NewContext(t.Context(), f.trace), c.request)
			if fake.questions() != before {
				t.Error("the engine was asked")
			}
			f.quiet(t, err)

			if c.reason == nil {
				if err != nil || f.trace.Refused() {
					t.Errorf("%v, %+v", err, f.trace.Steps())
				}
				return
			}
			why, ok := errors.AsType[*explain.Refusal](err)
			if !ok || !errors.Is(err, ErrDenied) || why.Reason.Code != c.reason.Code || !f.trace.Refused() {
				t.Fatalf("Decide = %v, want %s", err, c.reason.Code)
			}

			_, asked := f.ask(t, c.request)
			if again, ok := errors.AsType[*explain.Refusal](asked); !ok || again.Reason.Code != why.Reason.Code {
				t.Errorf("credentials: %v; decided: %v", asked, err)
			}
		})
	}
}
