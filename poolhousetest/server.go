// Package poolhousetest runs Poolhouse inside a test: a server on a free port, an
// OpenID Connect provider for its logins, and a clock that the test moves.
//
//	provider := poolhousetest.NewProvider(t)
//	server := poolhousetest.Start(t, provider.AddTo)
//
// The package's example signs a user in with an AWS SDK; docs/testing/go.md explains it.
package poolhousetest

import (
	"context"
	"log/slog"
	"net"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/poolhouse-id/poolhouse"
)

// Server is a Poolhouse that listens on a loopback port.
type Server struct {
	*poolhouse.Server

	// URL is the endpoint for AWS SDKs, without a trailing slash.
	URL string
	// Stop ends the server before the test ends. A second call does nothing.
	Stop func()
}

// Start runs a server until the test ends. It is a development server with its
// database in memory. It accepts the access key that AccessKey returns, and roles
// that nobody defined. Options change the configuration, in their order. The test
// fails at once if the server cannot start. Warnings go to the test's log.
func Start(t testing.TB, options ...func(*poolhouse.Config)) *Server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("poolhousetest: no free port: %v", err)
	}
	url := "http://" + listener.Addr().String()

	config := poolhouse.Config{
		Dev:                true,
		AcceptUnknownRoles: true,
		IssuerURL:          url,
		Logger:             slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	for _, change := range options {
		change(&config)
	}

	server, err := poolhouse.New(t.Context(), config)
	if err != nil {
		_ = listener.Close()
		t.Fatalf("poolhousetest: the server cannot start: %v", err)
	}

	stop := serve(t, server, listener)
	t.Cleanup(stop)

	return &Server{Server: server, URL: url, Stop: stop}
}

// serve answers on listener until stop is called.
func serve(t testing.TB, server *poolhouse.Server, listener net.Listener) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var background sync.WaitGroup
	background.Go(func() { server.Run(ctx) })

	web := httptest.NewUnstartedServer(server)
	_ = web.Listener.Close() // the port that httptest chose
	web.Listener = listener
	web.Start()

	return sync.OnceFunc(func() {
		server.Stopping() // a fault may make calls wait
		web.Close()
		cancel()
		background.Wait()

		if err := server.Close(); err != nil {
			t.Errorf("poolhousetest: the server does not close: %v", err)
		}
	})
}

// AccessKey returns the key that signs for the server's account: the development
// key. Outside development (Config.Dev is false), Server.FirstKey makes one instead,
// and the test fails.
func (s *Server) AccessKey(t testing.TB) poolhouse.AccessKey {
	t.Helper()
	info, ok := s.DevInfo()
	if !ok {
		t.Fatal("poolhousetest: only a development server has a known access key: call FirstKey")
	}

	return poolhouse.AccessKey{
		Account:         info.AccountID,
		AccessKeyID:     info.AccessKeyID,
		SecretAccessKey: info.SecretAccessKey,
	}
}
