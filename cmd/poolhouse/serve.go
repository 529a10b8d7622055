package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/config"
)

func serveCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run in production",
		Long: `Run in production: a data folder or PostgreSQL, an issuer URL, and TLS here or in
a proxy in front. The first start makes an account with a root access key and
shows it once.`,
		Example: `  poolhouse serve --data /var/lib/poolhouse --issuer-url https://id.example.com \
    --listen :443 --tls-cert cert.pem --tls-key key.pem
  poolhouse serve --database postgres://poolhouse@db/poolhouse --master-key-file master.key \
    --issuer-url https://id.example.com --listen :8080 --behind-proxy`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := loadSettings(c)
			if err != nil {
				return err
			}
			return serve(c.Context(), s)
		},
	}
	addSettings(c)
	return c
}

func serve(ctx context.Context, s *config.Settings) error {
	logger, err := newLogger(s)
	if err != nil {
		return err
	}
	if err := checkProduction(s); err != nil {
		return err
	}
	var cert *certificate
	if s.Text(config.TLSCert) != "" {
		if cert, err = newCertificate(s.Text(config.TLSCert), s.Text(config.TLSKey), logger); err != nil {
			return s.Fault(config.TLSCert, "%v", err)
		}
	}
	c, err := serverConfig(s)
	if err != nil {
		return err
	}
	if c.MasterKey, err = masterKey(s, true); err != nil {
		return err
	}
	c.Logger = logger
	limitMemory(memlimit.FromCgroup, logger)
	l, err := listen(s)
	if err != nil {
		return err
	}
	if cert != nil {
		l.main = cert.wrap(l.main)
	}
	server, err := poolhouse.New(ctx, c)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	key, made, err := server.FirstKey(ctx)
	if err != nil {
		return errors.Join(err, l.Close(), server.Close())
	}
	if made {
		fmt.Printf("Account %s was made, with a root access key. It is shown this once:\n\n  AWS_ACCESS_KEY_ID=%s\n  AWS_SECRET_ACCESS_KEY=%s\n\n",
			key.Account, key.AccessKeyID, key.SecretAccessKey)
	}

	logger.Info("serving", "address", l.main.Addr().String(), "issuer", c.IssuerURL, "account", server.Account(),
		"tls", cert != nil, "version", version())
	if l.metrics != nil {
		logger.Info("serving metrics", "address", l.metrics.Addr().String())
	}
	return serveUntil(ctx, server, l, logger)
}

// checkProduction refuses settings that would run but should not.
func checkProduction(s *config.Settings) error {
	listen, data := s.Text(config.Listen), s.Text(config.Data)
	local, err := loopbackOnly(listen)
	if err != nil {
		return s.Fault(config.Listen, "%v", err)
	}
	if (s.Text(config.TLSCert) == "") != (s.Text(config.TLSKey) == "") {
		return s.Fault(config.TLSCert, "tls_cert and tls_key belong together: set both or neither")
	}
	if s.Text(config.TLSCert) == "" && !local && !s.Is(config.BehindProxy) {
		return s.Fault(config.Listen, "others can reach this address, and credentials would travel in the clear: set tls_cert and tls_key, or behind_proxy if a proxy ends TLS, or listen on 127.0.0.1")
	}
	if data == "" && s.Text(config.Database) == "" {
		return s.Fault(config.Data, "set it to a folder, or set database to a postgres:// URL")
	}
	if err := checkIssuer(s); err != nil {
		return err
	}
	if data != "" {
		return checkFolder(s, data)
	}
	return nil
}

func checkIssuer(s *config.Settings) error {
	issuer := s.Text(config.IssuerURL)
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return s.Fault(config.IssuerURL, "set it to the https:// URL under which clients and relying parties reach this server")
	}
	if u.Scheme == "https" {
		return nil
	}
	port := u.Port()
	if port == "" {
		port = "80"
	}
	if local, err := loopbackOnly(net.JoinHostPort(u.Hostname(), port)); u.Scheme != "http" || err != nil || !local {
		return s.Fault(config.IssuerURL, "use https://: whoever can change what a plain HTTP issuer publishes can forge its tokens")
	}
	return nil
}

// checkFolder makes the data folder when it is absent, and refuses one that
// others can look into.
func checkFolder(s *config.Settings, path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return s.Fault(config.Data, "%v", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return s.Fault(config.Data, "%v", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return s.Fault(config.Data, "others can look into the folder (mode %04o): run `chmod 700 %s`", mode, path)
	}
	return nil
}
