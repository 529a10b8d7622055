// Package poolhousetest runs Poolhouse inside a test: a server on a free port that signs users in, fails when the
// test wants it to, and has a clock that the test moves.
//
//	server := poolhousetest.Start(t, poolhousetest.Seed("app.yaml"))
//	app := NewApp(server.AWSConfig())
//	server.Fail(t, poolhousetest.Fault{Operation: "GetId", Error: "TooManyRequestsException", Times: 1})
//	err := app.SignIn(server.Logins(t, "alice"))
//
// If the test fails, its log has the app's calls, and why each was refused. Start reading at Start;
// docs/testing/go.md shows the examples of this package by task.
package poolhousetest

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"testing"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/wholebody"
	"github.com/poolhouse-id/poolhouse/poolhousetest/internal/keys"
)

// Server is a Poolhouse that listens on a loopback port.
type Server struct {
	*poolhouse.Server

	// URL is the endpoint for AWS SDKs, without a trailing slash.
	URL string
	// Stop ends the server before the test ends. A second call does nothing.
	Stop func()
	// Clock is the time of the server, which runs with the machine's until the test moves it; nil outside
	// development.
	Clock *Clock

	region string
	client *http.Client // of SDKs
}

// starting has room for the starts that run at once. Many at once would each be so slow that the calls that fill
// a server exceed their time (overload.Budget).
var starting = make(chan struct{}, runtime.GOMAXPROCS(0))

// idleConnections bounds the connections that the clients of SDKs keep for calls in parallel.
const idleConnections = 16

// lasting returns the context of a test for calls of the package itself. The test's own is over when its
// cleanup functions run, which may call the package, too.
func lasting(t testing.TB) context.Context { return context.WithoutCancel(t.Context()) }

// Start runs a server until the test ends. It is a development server with its
// database in memory. It accepts the access key that AccessKey returns, and roles
// that nobody defined. Options change the configuration, in their order. The test
// fails at once if the server cannot start. Warnings go to the test's log, and so do
// the last calls if the test fails. The server's keys are published: see package
// testkeys. A start takes milliseconds; those of parallel tests take turns.
func Start(t testing.TB, options ...Option) *Server {
	t.Helper()
	starting <- struct{}{}
	defer func() { <-starting }()

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
	begin := configure(&config, options)
	if config.Dev && config.DataDir == "" && config.DatabaseURL == "" {
		config.TestKeys = keys.NewMaker()
	}

	server, err := poolhouse.New(lasting(t), config)
	if err != nil {
		_ = listener.Close()
		t.Fatalf("poolhousetest: the server cannot start: %v", err)
	}

	s := &Server{
		Server: server,
		URL:    url,
		region: cmp.Or(config.Region, poolhouse.DevRegion),
		client: &http.Client{Transport: wholebody.Transport{
			Base: &http.Transport{MaxIdleConnsPerHost: idleConnections},
		}},
	}
	s.Stop = s.serve(t, listener)
	t.Cleanup(func() {
		s.logCalls(t)
		s.Stop()
	})

	if clock := server.DevClock(); clock != nil {
		s.Clock = &Clock{clock: clock}
	}
	if begin != nil && !config.Dev {
		t.Fatal("poolhousetest: only a development server takes seeds and the demo")
	}
	if begin != nil {
		if err := begin(lasting(t), server); err != nil {
			t.Fatalf("poolhousetest: the server cannot be filled: %v", err)
		}
	}

	return s
}

// serve answers on listener until stop is called.
func (s *Server) serve(t testing.TB, listener net.Listener) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var background sync.WaitGroup
	background.Go(func() { s.Run(ctx) })

	web := httptest.NewUnstartedServer(s.Server)
	_ = web.Listener.Close() // the port that httptest chose
	web.Listener = listener
	web.Start()

	return sync.OnceFunc(func() {
		s.Stopping() // a fault may make calls wait
		s.client.CloseIdleConnections()
		web.Close()
		cancel()
		background.Wait()

		if err := s.Close(); err != nil {
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
