package packaging

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

// issuer is the value of the variable that compose.yaml requires.
const issuer = "https://id.example.com"

// compose reads compose.yaml as Docker Compose does, with all its services.
func compose(t *testing.T) map[string]types.ServiceConfig {
	t.Helper()
	project, err := readCompose(t, types.Mapping{"POOLHOUSE_ISSUER_URL": issuer})
	if err != nil {
		t.Fatal(err)
	}
	return project.AllServices()
}

func readCompose(t *testing.T, variables types.Mapping) (*types.Project, error) {
	t.Helper()
	text, err := os.ReadFile("compose.yaml")
	if err != nil {
		t.Fatal(err)
	}

	return loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  t.TempDir(),
		ConfigFiles: []types.ConfigFile{{Filename: "compose.yaml", Content: text}},
		Environment: variables,
	})
}

func TestCompose(t *testing.T) {
	services := compose(t)
	if len(services) != 2 {
		t.Fatalf("%d services", len(services))
	}
	for name, s := range services {
		volume := len(s.Volumes) == 1 && s.Volumes[0].Source == "data" && s.Volumes[0].Target == "/data"
		if !volume || !s.ReadOnly || s.Privileged || !slices.Equal(s.CapDrop, []string{"ALL"}) ||
			!slices.Equal(s.SecurityOpt, []string{"no-new-privileges:true"}) {
			t.Errorf("%s: %+v", name, s)
		}
	}

	// The root access key is shown once, and no log keeps it. `up` must not make an account.
	first := services["init"]
	if !slices.Equal(first.Profiles, []string{"init"}) || first.Logging.Driver != "none" {
		t.Errorf("init: profiles %v, logging %+v", first.Profiles, first.Logging)
	}
	serve := services["poolhouse"]
	if len(serve.Profiles) != 0 || *serve.Environment["POOLHOUSE_ISSUER_URL"] != issuer {
		t.Errorf("serve: profiles %v, environment %v", serve.Profiles, serve.Environment)
	}
	for _, port := range serve.Ports {
		if port.HostIP != "127.0.0.1" {
			t.Errorf("without TLS, %+v is open to other machines", port)
		}
	}

	if _, err := readCompose(t, nil); err == nil || !strings.Contains(err.Error(), "https URL of your proxy") {
		t.Errorf("without an issuer: %v", err)
	}
}
