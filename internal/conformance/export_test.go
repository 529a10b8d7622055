package conformance

import (
	"context"
	"net/http"
	"time"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
	"github.com/poolhouse-id/poolhouse/sigv4"
)

// KitFor returns a kit that calls url with the development key.
func KitFor(url string) Kit {
	return Kit{
		Endpoint: func(string) string { return url },
		Credentials: sigv4.Credentials{
			AccessKeyID:     poolhouse.DevAccessKeyID,
			SecretAccessKey: poolhouse.DevSecretAccessKey,
		},
		Region:    wiretest.Region,
		IAMRegion: wiretest.Region,
		RunID:     "test",
		Transport: http.DefaultTransport,
		Timeout:   time.Minute,
		Now:       time.Now,
		Wait:      func(context.Context, time.Duration) error { return nil },
	}
}
