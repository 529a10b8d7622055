package devpage

import "github.com/poolhouse-id/poolhouse/internal/identitypool"

// Amplify returns the configuration of Amplify for a pool at an endpoint, as the page shows it.
// guests tells whether the pool has guests.
func Amplify(pool, endpoint string, guests bool) string {
	return amplify(identitypool.Pool{ID: identitypool.PoolID(pool), AllowUnauthenticated: guests}, endpoint)
}
