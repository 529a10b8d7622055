package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/poolhouse-id/poolhouse"
)

// drainTime is how long a stop waits for requests under way.
const drainTime = 20 * time.Second

// serveUntil serves until ctx ends, then lets requests under way finish.
func serveUntil(ctx context.Context, server *poolhouse.Server, listener net.Listener, logger *slog.Logger) error {
	web := &http.Server{
		Handler:           server,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var group sync.WaitGroup
	group.Go(func() { server.Run(background) })
	failed := make(chan error, 1)
	go func() { failed <- web.Serve(listener) }()
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
		logger.Info("stopping: finishing the requests under way")
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
		defer cancel()
		err = web.Shutdown(drain)
	}
	stop()
	group.Wait()
	return errors.Join(err, server.Close())
}

// certificate is a TLS certificate that is read again when its files change.
type certificate struct {
	certFile, keyFile string
	logger            *slog.Logger

	mu      sync.Mutex
	loaded  *tls.Certificate
	stamp   time.Time // of the younger file, when it was loaded
	checked time.Time
}

// recheck is how often the files are looked at, at most.
const recheck = 10 * time.Second

func newCertificate(certFile, keyFile string, logger *slog.Logger) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, logger: logger}
	return c, c.load()
}

func (c *certificate) load() error {
	stamp, err := youngest(c.certFile, c.keyFile)
	if err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return err
	}
	if info, err := os.Stat(c.keyFile); err == nil && info.Mode().Perm()&0o007 != 0 {
		c.logger.Warn("anybody on this machine can read the TLS key", "tls_key", c.keyFile, "fix", "chmod 600 "+c.keyFile)
	}
	c.loaded, c.stamp = &pair, stamp
	return nil
}

func youngest(paths ...string) (time.Time, error) {
	var newest time.Time
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return time.Time{}, err
		}
		if info.ModTime().After(newest) {
			newest = info.ModTime()
		}
	}
	return newest, nil
}

// get returns the certificate, reading changed files first. A broken pair is
// logged and the old one kept.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.checked) > recheck {
		c.checked = now
		if stamp, err := youngest(c.certFile, c.keyFile); err == nil && !stamp.Equal(c.stamp) {
			if err := c.load(); err != nil {
				c.logger.Error("the changed TLS certificate cannot be used; keeping the old one", "tls_cert", c.certFile, "error", err)
			} else {
				c.logger.Info("took up the changed TLS certificate", "tls_cert", c.certFile)
			}
		}
	}
	return c.loaded, nil
}

func (c *certificate) wrap(l net.Listener) net.Listener {
	return tls.NewListener(l, &tls.Config{
		GetCertificate: c.get,
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"h2", "http/1.1"},
	})
}

// baseURL is the address under which this machine reaches a listener.
func baseURL(l net.Listener) string {
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return "http://" + l.Addr().String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// loopbackOnly reports whether only this machine can reach an address.
func loopbackOnly(address string) (bool, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false, fmt.Errorf("not host:port: %w", err)
	}
	if host == "localhost" {
		return true, nil
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback(), nil
}
