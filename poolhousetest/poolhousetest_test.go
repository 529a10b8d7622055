package poolhousetest_test

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/poolhousetest"
)

var goBlock = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")

// The page shows examples that tests run: those of this package, and a whole suite.
func TestPageShowsTheExamples(t *testing.T) {
	page, err := os.ReadFile("../docs/testing/go.md")
	if err != nil {
		t.Fatal(err)
	}
	var run strings.Builder
	for _, file := range []string{"example_test.go", "../examples/go/albums_test.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		run.Write(text)
	}

	blocks := goBlock.FindAllStringSubmatch(string(page), -1)
	if len(blocks) < 5 {
		t.Errorf("the page shows %d examples", len(blocks))
	}
	for _, block := range blocks {
		if !strings.Contains(run.String(), block[1]) {
			t.Errorf("no test runs this example of docs/testing/go.md:\n%s", block[1])
		}
	}
}

// getID signs a user in to a pool of the server, and returns the status and body.
func getID(t *testing.T, server *poolhousetest.Server, logins map[string]string) (int, string) {
	t.Helper()

	var login string
	for key, token := range logins {
		login = fmt.Sprintf("{%q:%q}", key, token)
	}
	body := `{"IdentityPoolId":"us-east-1:00000000-0000-4000-8000-000000000000","Logins":` + login + `}`
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}

	request.Header.Set("Content-Type", "application/x-amz-json-1.1")
	request.Header.Set("X-Amz-Target", "AWSCognitoIdentityService.GetId")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()

	text := new(strings.Builder)
	if err := response.Write(text); err != nil {
		t.Fatal(err)
	}

	return response.StatusCode, text.String()
}

func TestClock(t *testing.T) {
	clock := poolhousetest.NewClock()
	before := clock.Now()
	clock.Advance(time.Hour)
	if got := clock.Now().Sub(before); got != time.Hour {
		t.Errorf("the clock moved by %s", got)
	}

	var config poolhouse.Config
	clock.AddTo(&config)
	if got := config.Now(); !got.Equal(clock.Now()) {
		t.Errorf("the server's time is %s, the clock's %s", got, clock.Now())
	}
}

func TestStop(t *testing.T) {
	server := poolhousetest.Start(t)
	if status, text := getID(t, server, map[string]string{"a": "b"}); status != http.StatusBadRequest {
		t.Errorf("GetId of an unknown pool = %d %s", status, text)
	}
	server.Stop()
	server.Stop()
	if response, err := http.Get(server.URL); err == nil {
		_ = response.Body.Close()
		t.Error("the server still answers")
	}
}

// failing is a test that records how it fails.
type failing struct {
	testing.TB
	message string
}

func (f *failing) Fatalf(format string, args ...any) {
	f.message = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (f *failing) Fatal(args ...any) { f.Fatalf("%s", fmt.Sprint(args...)) }

func TestStartFails(t *testing.T) {
	message := failureOf(t, func(t testing.TB) {
		poolhousetest.Start(t, func(c *poolhouse.Config) { c.Region = "Nowhere" })
	})
	if !strings.Contains(message, "cannot start") || !strings.Contains(message, `region "Nowhere"`) {
		t.Errorf("the test fails with %q", message)
	}
}
