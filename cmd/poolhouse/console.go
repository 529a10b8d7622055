package main

import (
	"cmp"
	"log/slog"
	"net"
	"net/netip"

	"github.com/poolhouse-id/poolhouse"
)

// checkConsole refuses an address of the console that does not work, or that would have no console.
func checkConsole(s *settings) error {
	if s.ConsoleListen == "" {
		return nil
	}

	if _, err := loopbackOnly(s.ConsoleListen); err != nil {
		return s.fault(&s.ConsoleListen, "%v", err)
	}
	if !s.Console {
		return s.fault(&s.ConsoleListen, "the console is off: set console to true, or leave this out")
	}

	return nil
}

// checkConsoleListener refuses to serve the console and its APIs unencrypted to other machines.
func checkConsoleListener(s *settings) error {
	if err := checkConsole(s); err != nil || s.ConsoleListen == "" {
		return err
	}

	local, err := loopbackOnly(s.ConsoleListen)
	if err != nil {
		return s.fault(&s.ConsoleListen, "%v", err)
	}
	if s.TLSCert == "" && !local && !s.BehindProxy {
		return s.fault(&s.ConsoleListen, "others can reach this address, and session tokens would be sent "+
			"unencrypted, to a page that browsers give no WebCrypto: set tls_cert and tls_key, "+
			"or behind_proxy if a proxy handles TLS, or listen on 127.0.0.1")
	}

	return nil
}

// devConsoleURL returns where browsers on this machine reach the console of a development server on its own
// listener. The URL has the name that the setting has, so that the server answers to it.
func devConsoleURL(s *settings, l net.Listener) string {
	url := baseURL(l)
	host, _, err := net.SplitHostPort(s.ConsoleListen)
	_, port, portErr := net.SplitHostPort(l.Addr().String())
	_, ipErr := netip.ParseAddr(host)
	if err == nil && portErr == nil && host != "" && ipErr != nil { // a name
		url = "http://" + net.JoinHostPort(host, port)
	}

	return url + poolhouse.ConsolePath
}

// shownConsole returns where to open the console of a development server; "" = it has none. It warns of one that works
// only on this machine.
func shownConsole(
	server *poolhouse.Server, c *poolhouse.Config, l listeners, addresses func() ([]net.Addr, error),
) string {
	if !server.HasConsole() {
		return ""
	}
	if !c.BehindProxy {
		warnOfConsole(l, addresses, c.Logger)
	}

	return cmp.Or(c.DevConsoleURL, c.DevEndpoint+poolhouse.ConsolePath)
}

// warnOfConsole warns of a console that other machines reach by plain HTTP.
func warnOfConsole(l listeners, addresses func() ([]net.Addr, error), logger *slog.Logger) {
	at := l.main
	if l.console != nil {
		at = l.console
	}
	urls, local := othersURLs(at, addresses)
	if local {
		return
	}

	logger.Warn("the console can neither sign calls nor verify tokens in a browser that reaches it by plain HTTP at "+
		"an address that is not loopback: browsers have no WebCrypto there",
		"address", at.Addr().String(), "reached_at", urls,
		"fix", "open the console by a loopback address such as 127.0.0.1, also through a forwarded port, "+
			"or set up a proxy with TLS")
}
