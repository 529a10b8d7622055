//go:build extended

package clienttests

import (
	"net"
	"net/http"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/listentest"
)

// seaweedfsVersion is that of a commit: its releases are no versions of a Go module.
const seaweedfsVersion = "v0.0.0-20261109003541-7506e5f91cd6"

// The example with photos on SeaweedFS.
func TestPhotosOnSeaweedFS(t *testing.T) { tryPhotos(t, startSeaweedFS(t)) }

// Amplify with a user pool of the development server, whose users write to a bucket of SeaweedFS.
func TestUserPoolsOnSeaweedFS(t *testing.T) { tryUserPools(t, startSeaweedFS(t), "userpool.test.mjs") }

// Libraries with the development issuer; the SPA of docs/dev-sign-in.md writes to a bucket of SeaweedFS.
func TestSignInOnSeaweedFS(t *testing.T) { trySignIn(t, startSeaweedFS(t)) }

// startSeaweedFS returns the address of a store that asks nobody.
func startSeaweedFS(t *testing.T) string {
	t.Helper()
	program := builtOnce(t, "github.com/seaweedfs/seaweedfs/weed", seaweedfsVersion)
	store := listentest.FreeAddress(t)
	_, port, err := net.SplitHostPort(store)
	if err != nil {
		t.Fatal(err)
	}

	arguments := []string{"server", "-dir=.", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3", "-master.telemetry=false",
		"-s3.port=" + port}
	for _, other := range []string{"master", "volume", "filer"} {
		_, port, err := net.SplitHostPort(listentest.FreeAddress(t))
		if err != nil {
			t.Fatal(err)
		}
		arguments = append(arguments, "-"+other+".port="+port)
	}

	startPeer(t, t.TempDir(), nil, "Start Seaweed S3 API Server", program, arguments...)
	eventually(t, "SeaweedFS is ready", func() bool {
		response, err := http.Get("http://" + store + "/")
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK
	})

	return store
}
