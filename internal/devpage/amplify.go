package devpage

import "encoding/json"

// Amplify returns the configuration of Amplify (version 6, Auth.Cognito) for a pool at an endpoint,
// as JSON. guests tells whether the pool has guests.
func Amplify(pool, endpoint string, guests bool) string {
	cognito := struct {
		IdentityPoolID       string `json:"identityPoolId"`
		IdentityPoolEndpoint string `json:"identityPoolEndpoint"`
		AllowGuestAccess     bool   `json:"allowGuestAccess"`
	}{pool, endpoint, guests}

	text, err := json.MarshalIndent(map[string]any{"Auth": map[string]any{"Cognito": cognito}}, "", "  ")
	if err != nil { // texts and a boolean always encode
		return err.Error()
	}

	return string(text)
}
