package awsapi_test

import (
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
	"io"
	"net/http"
	"strings"
	"testing"
)

// A client that sends far too much gets its answer, not a reset connection.
func TestTooLargeBodyIsAnswered(t *testing.T) {
	s := wiretest.Start(t)
	for name, body := range map[string]func() io.Reader{
		"announced":   func() io.Reader { return strings.NewReader(strings.Repeat(" ", 5<<20)) },
		"unannounced": func() io.Reader { return io.LimitReader(blanks{}, 5<<20) },
	} {
		t.Run(name, func(t *testing.T) {
			for range 10 {
				// A connection of its own: a broken one would be tried again.
				client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
				request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, body())
				if err != nil {
					t.Fatal(err)
				}

				request.Header.Set("Content-Type", "application/x-amz-json-1.1")
				request.Header.Set("X-Amz-Target", "AWSCognitoIdentityService.GetId")
				response, err := client.Do(request)
				if err != nil {
					t.Fatal(err)
				}
				text, err := io.ReadAll(response.Body)
				_ = response.Body.Close()

				if err != nil || response.StatusCode != http.StatusBadRequest ||
					!strings.Contains(string(text), "The body is larger than 524288 bytes.") {
					t.Errorf("%d %s, %v", response.StatusCode, text, err)
				}
			}
		})
	}
}

// blanks is an endless body whose length nobody knows.
type blanks struct{}

func (blanks) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}
