package devpage

import (
	"encoding/json"

	"github.com/poolhouse-id/poolhouse/internal/identitypool"
)

// amplify returns the configuration of Amplify (version 6, Auth.Cognito) for a pool, as JSON.
func amplify(pool identitypool.Pool, endpoint string) string {
	cognito := struct {
		IdentityPoolID       string `json:"identityPoolId"`
		IdentityPoolEndpoint string `json:"identityPoolEndpoint"`
		AllowGuestAccess     bool   `json:"allowGuestAccess"`
	}{string(pool.ID), endpoint, pool.AllowUnauthenticated}

	text, err := json.MarshalIndent(map[string]any{"Auth": map[string]any{"Cognito": cognito}}, "", "  ")
	if err != nil { // texts and a boolean always encode
		return err.Error()
	}

	return string(text)
}
