package devuserpool

import (
	"path/filepath"
	"testing"
)

// A code is shown only once it is kept: one that the disk did not take would not work.
func TestNoCodeOfALostChange(t *testing.T) {
	ctx := t.Context()
	for name, call := range map[string]func(r *rig, access string) error{
		"SignUp": func(r *rig, _ string) error {
			email := []AttributeType{{Name: new("email"), Value: new("new@example.com")}}
			_, err := r.SignUp(ctx, &SignUpRequest{
				ClientId: &r.id, Username: new("new"), Password: new(rightPassword), UserAttributes: email,
			})
			return err
		},
		"ResendConfirmationCode": func(r *rig, _ string) error {
			_, err := r.ResendConfirmationCode(ctx,
				&ResendConfirmationCodeRequest{ClientId: &r.id, Username: new("unconfirmed")})
			return err
		},
		"ForgotPassword": func(r *rig, _ string) error {
			_, err := r.ForgotPassword(ctx, &ForgotPasswordRequest{ClientId: &r.id, Username: new("alice")})
			return err
		},
		"UpdateUserAttributes": func(r *rig, access string) error {
			email := []AttributeType{{Name: new("email"), Value: new("other@example.com")}}
			_, err := r.UpdateUserAttributes(ctx,
				&UpdateUserAttributesRequest{AccessToken: &access, UserAttributes: email})
			return err
		},
		"GetUserAttributeVerificationCode": func(r *rig, access string) error {
			_, err := r.GetUserAttributeVerificationCode(ctx,
				&GetUserAttributeVerificationCodeRequest{AccessToken: &access, AttributeName: new("email")})
			return err
		},
		"AdminCreateUser": func(r *rig, _ string) error {
			_, err := r.AdminCreateUser(ctx, everybody,
				&AdminCreateUserRequest{UserPoolId: &r.pool, Username: new("new")})
			return err
		},
		"AdminUpdateUserAttributes": func(r *rig, _ string) error {
			email := []AttributeType{{Name: new("email"), Value: new("other@example.com")}}
			_, err := r.AdminUpdateUserAttributes(ctx, everybody, &AdminUpdateUserAttributesRequest{
				UserPoolId: &r.pool, Username: new("alice"), UserAttributes: email,
			})
			return err
		},
		"AdminResetUserPassword": func(r *rig, _ string) error {
			_, err := r.AdminResetUserPassword(ctx, everybody,
				&AdminResetUserPasswordRequest{UserPoolId: &r.pool, Username: new("alice")})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil, nil)
			r.user("alice", "email", "alice@example.com")
			r.ok("SignUp", object{"ClientId": r.id, "Username": "unconfirmed", "Password": rightPassword,
				"UserAttributes": attributeObjects("email", "unconfirmed@example.com")})
			access := r.signIn("alice", rightPassword).access

			shown := len(r.codes)
			r.State.folder = filepath.Join(t.TempDir(), "missing")
			if err := call(r, access); err == nil || len(r.codes) != shown {
				t.Errorf("not written: %v, and %d codes were shown", err, len(r.codes)-shown)
			}

			r.State.folder = ""
			if err := call(r, access); err != nil || len(r.codes) != shown+1 {
				t.Errorf("written: %v, and %d codes were shown", err, len(r.codes)-shown)
			}
		})
	}
}
