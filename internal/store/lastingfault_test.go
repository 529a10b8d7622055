package store_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/pgtest"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// A database that refuses each call is two lines of the log: the first call's, and how
// many more there were, written when the server ends. Calls that succeed are a line
// each.
func TestLastingFaultIsTwoLines(t *testing.T) {
	for name, open := range map[string]func(t *testing.T, c *poolhouse.Config) (driver, source string){
		"sqlite": func(t *testing.T, c *poolhouse.Config) (driver, source string) {
			c.DataDir = t.TempDir()
			return "sqlite", filepath.Join(c.DataDir, poolhouse.DatabaseFile) + "?_pragma=busy_timeout(5000)"
		},
		"postgresql": func(t *testing.T, c *poolhouse.Config) (driver, source string) {
			c.DatabaseURL, c.MasterKey = pgtest.URL(t), bytes.Repeat([]byte{7}, 32)
			return "pgx", c.DatabaseURL
		},
	} {
		t.Run(name, func(t *testing.T) {
			var log wiretest.SafeBuffer
			c := poolhouse.Config{
				Dev:       true,
				IssuerURL: "http://127.0.0.1:4599",
				Logger:    slog.New(slog.NewTextHandler(&log, nil)),
			}
			driver, source := open(t, &c)
			server := wiretest.Must(poolhouse.New(t.Context(), c))(t)
			list := func(n int) (failed int) {
				for range n {
					const body = `{"MaxResults":1}`
					r := httptest.NewRequest(http.MethodPost, c.IssuerURL, strings.NewReader(body))
					r.Header.Set("Content-Type", "application/x-amz-json-1.1")
					r.Header.Set("X-Amz-Target", "AWSCognitoIdentityService.ListIdentityPools")
					wiretest.Sign(t, r, body, "cognito-identity")

					w := httptest.NewRecorder()
					server.ServeHTTP(w, r)
					if w.Code >= 500 {
						failed++
						continue
					}

					wiretest.Equal(t, "ListIdentityPools", w.Code, 200)
				}

				return failed
			}

			wiretest.Equal(t, "failed calls before", list(10), 0)
			lines := func(level, message string) int {
				return strings.Count(log.String(), fmt.Sprintf("level=%s msg=%s", level, message))
			}
			wiretest.Equal(t, "lines of calls before", lines("INFO", "request"), 10)

			db := wiretest.Must(sql.Open(driver, source))(t)
			wiretest.Must(db.ExecContext(t.Context(), "ALTER TABLE pools RENAME TO gone"))(t)
			wiretest.Equal(t, "failed calls", list(100), 100)
			wiretest.Equal(t, "lines of failed calls", lines("ERROR", "request"), 1)
			wiretest.Must(db.ExecContext(t.Context(), "ALTER TABLE gone RENAME TO pools"))(t)
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}

			wiretest.Equal(t, "failed calls after", list(10), 0)
			wiretest.Equal(t, "lines of calls that succeed", lines("INFO", "request"), 20)
			if err := server.Close(); err != nil {
				t.Fatal(err)
			}

			wiretest.Equal(t, "lines of failed calls at the end", lines("ERROR", "request"), 1)
			if !strings.Contains(log.String(), `level=ERROR msg="repeated: request" times=99 `) {
				t.Errorf("the count is not in\n%s", log.String())
			}
		})
	}
}
