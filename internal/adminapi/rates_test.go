package adminapi

import (
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/ratelimit"
)

func TestRatesNameOperations(t *testing.T) {
	apis := []awsapi.API{{Name: Name, Operations: new(Service).Operations()}}

	settings := ratelimit.Settings{Operations: Rates()}
	if err := settings.Validate(apis); err != nil {
		t.Error(err)
	}
}
