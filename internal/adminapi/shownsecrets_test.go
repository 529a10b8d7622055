package adminapi_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/wiretest"
)

// lockedLog collects what several goroutines log.
type lockedLog struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (l *lockedLog) Write(line []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.Write(line)
}

func (l *lockedLog) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.String()
}

// The code that confirms every user of development's user pools is neither listed nor logged.
func TestSettingsMaskTheCodeOfUserPools(t *testing.T) {
	const code = "codeOfAllUsers918273"
	var log lockedLog
	w := wiretest.StartTenants(t, nil, func(c *poolhouse.Config) {
		c.DevUserPoolCode = code
		c.Logger = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})

	got := w.Administer(t, wiretest.HomeAccount, "ListSettings", `{}`)
	wiretest.Equal(t, "status", got.Status, 200)
	_, setting, found := strings.Cut(got.Body, `"Name":"dev.user_pool_code"`)
	setting, _, _ = strings.Cut(setting, "}")
	if !found || !strings.Contains(setting, `"Value":"********"`) {
		t.Errorf("dev.user_pool_code is listed as %s", setting)
	}
	if strings.Contains(got.Body, code) {
		t.Errorf("the answer has the code: %s", got.Body)
	}
	if logged := log.String(); !strings.Contains(logged, "ListSettings") || strings.Contains(logged, code) {
		t.Errorf("the log lacks the call or has the code: %s", logged)
	}
}
