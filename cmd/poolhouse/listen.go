package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/logging"
)

// listeners are the addresses at which a server can be reached.
type listeners struct {
	main    net.Listener
	metrics net.Listener // nil = metrics are on main
	console net.Listener // nil = the console is on main, or off
	forward net.Listener // for the routes with forward_to; nil = there are none
}

// listen opens the listeners that the settings name.
func listen(s *settings) (l listeners, err error) {
	defer func() {
		if err != nil {
			err, l = errors.Join(err, l.Close()), listeners{}
		}
	}()

	if l.main, err = net.Listen("tcp", s.Listen); err != nil {
		return l, s.fault(&s.Listen, "%v", err)
	}
	if address := s.MetricsListen; address != "" {
		if l.metrics, err = net.Listen("tcp", address); err != nil {
			return l, s.fault(&s.MetricsListen, "%v", err)
		}
	}
	if address := s.ConsoleListen; address != "" {
		if l.console, err = net.Listen("tcp", address); err != nil {
			return l, s.fault(&s.ConsoleListen, "%v", err)
		}
	}
	if c := s.file.Check; c != nil && c.Listen != "" {
		if l.forward, err = net.Listen("tcp", c.Listen); err != nil {
			return l, fmt.Errorf("check.listen %s: %w", c.Listen, err)
		}
	}

	return l, nil
}

// Close closes the listeners of a server that did not start.
func (l listeners) Close() error {
	var errs []error
	for _, each := range []net.Listener{l.main, l.metrics, l.console, l.forward} {
		if each != nil {
			errs = append(errs, each.Close())
		}
	}
	return errors.Join(errs...)
}

// encrypt puts TLS on the listeners that clients and browsers use.
func (l *listeners) encrypt(cert *certificate) {
	for _, each := range []*net.Listener{&l.main, &l.console, &l.forward} {
		if *each != nil {
			*each = cert.wrap(*each)
		}
	}
}

// announce logs the addresses of the further listeners.
func (l listeners) announce(logger *slog.Logger) {
	for _, each := range []struct {
		listener net.Listener
		text     string
	}{
		{listener: l.metrics, text: "serving metrics"},
		{listener: l.console, text: "serving the console and the APIs"},
		{listener: l.forward, text: "serving forwarded requests"},
	} {
		if each.listener != nil {
			logger.Info(each.text, "address", each.listener.Addr().String())
		}
	}
}

// newWebServer makes a server with the limits that both listeners share.
func newWebServer(handler http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
}

// newMainServer makes a server of the APIs, with the handler of its listener. One for development may answer late
// because somebody wants it to.
func newMainServer(server *poolhouse.Server, handler http.Handler, logger *slog.Logger) *http.Server {
	web := newWebServer(handler, logger)
	if _, isDev := server.DevInfo(); isDev {
		web.WriteTimeout += poolhouse.MaxDevDelay
	}

	return web
}

// newForwardServer makes a server for forwarded requests. Its handler limits the times of
// bodies and answers.
func newForwardServer(handler http.Handler, logger *slog.Logger) *http.Server {
	web := newWebServer(handler, logger)
	web.ReadTimeout, web.WriteTimeout = 0, 0
	return web
}

// certificate is a TLS certificate that is reloaded when its files change.
//
// cache: certificates
type certificate struct {
	certFile, keyFile string
	logger            *slog.Logger

	mu      sync.Mutex
	loaded  *tls.Certificate
	stamp   time.Time // modification time of the newer file when it was loaded
	checked time.Time
}

// recheck is the shortest time between two checks of the files.
const recheck = 10 * time.Second

func newCertificate(certFile, keyFile string, logger *slog.Logger) (*certificate, error) {
	// Files that stay bad are reloaded again and again; equal log lines are counted.
	counted := slog.New(logging.NewFaults(logging.FaultOptions{}).Handler(logger.Handler()))
	c := &certificate{certFile: certFile, keyFile: keyFile, logger: counted}
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
		c.logger.Warn("anybody on this machine can read the TLS key",
			"tls_key", c.keyFile, "fix", "chmod 600 "+c.keyFile)
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

// get returns the certificate, after it has reloaded changed files. If the new pair is broken, it
// logs that and keeps the old one.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()

	if now := time.Now(); now.Sub(c.checked) > recheck {
		c.checked = now
		if stamp, err := youngest(c.certFile, c.keyFile); err == nil && !stamp.Equal(c.stamp) {
			if err := c.load(); err != nil {
				c.logger.Error("the changed TLS certificate cannot be used; keeping the old one",
					"tls_cert", c.certFile, "error", err)
			} else {
				c.logger.Info("loaded the changed TLS certificate", "tls_cert", c.certFile)
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

// baseURL returns the address at which this machine reaches a listener.
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

// maxShown is the most addresses that a warning lists.
const maxShown = 4

// othersURLs returns the URLs at which other machines reach a listener: its address or, if it
// listens on all addresses, those of the machine, IPv6 only if there is no IPv4. local reports
// that only this machine can reach it.
func othersURLs(l net.Listener, addresses func() ([]net.Addr, error)) (urls []string, local bool) {
	bound, err := netip.ParseAddrPort(l.Addr().String())
	if err != nil || bound.Addr().IsLoopback() {
		return nil, err == nil
	}
	if !bound.Addr().IsUnspecified() {
		return []string{baseURL(l)}, false
	}

	found, _ := addresses() // without them the warning names none
	var v4, v6 []string
	for _, a := range found {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil || !prefix.Addr().IsGlobalUnicast() {
			continue
		}

		url := "http://" + netip.AddrPortFrom(prefix.Addr().Unmap(), bound.Port()).String()
		if prefix.Addr().Unmap().Is4() {
			v4 = append(v4, url)
		} else {
			v6 = append(v6, url)
		}
	}
	if len(v4) == 0 {
		v4 = v6
	}

	return v4[:min(len(v4), maxShown)], false
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
