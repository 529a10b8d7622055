package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/spf13/cobra"

	"github.com/poolhouse-id/poolhouse"
	"github.com/poolhouse-id/poolhouse/internal/store"
)

func serveCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run in production",
		Long: `Run in production. The server needs a data folder or PostgreSQL, an issuer URL, and TLS
here or in a proxy in front. Run "poolhouse init" once before the first start: it
creates the account and its root access key. If there is no account, serve creates
nothing and exits with status 4.

After SIGTERM or SIGINT, /readyz answers 503, and the server still answers calls for
the time set by --lame-duck. Then it finishes the calls under way and exits. A second
signal ends it at once.`,
		Example: `  poolhouse init --data /var/lib/poolhouse
  poolhouse serve --data /var/lib/poolhouse --issuer-url https://id.example.com \
    --listen :443 --tls-cert cert.pem --tls-key key.pem
  poolhouse serve --database postgres://poolhouse@db/poolhouse --master-key-file master.key \
    --issuer-url https://id.example.com --listen :8080 --behind-proxy`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := loadSettings(c)
			if err != nil {
				return err
			}

			err = serve(c.Context(), s)
			if errors.Is(err, poolhouse.ErrNotInitialised) {
				err = fmt.Errorf("%w\nIf this is a new deployment and no volume or mount is missing, "+
					"run once:\n  %s", err, initCommandLine(c))
			}

			return err
		},
	}
	addSettings(c)

	return c
}

func serve(ctx context.Context, s *settings) error {
	out, err := serveOutputs(s)
	if err != nil {
		return err
	}
	defer out.close()

	logger := out.logger

	if err := checkProduction(s); err != nil {
		return err
	}
	var cert *certificate
	if s.TLSCert != "" {
		if cert, err = newCertificate(s.TLSCert, s.TLSKey, logger); err != nil {
			return s.fault(&s.TLSCert, "%v", err)
		}
	}

	c, err := productionConfig(ctx, s, out)
	if err != nil {
		return err
	}
	limitMemory(memlimit.FromCgroup, logger)

	// Listen only now: clients that connect while New waits for another server would get no
	// answer.
	server, err := poolhouse.New(ctx, c)
	if err != nil {
		return err
	}

	l, err := listen(s)
	if err != nil {
		return errors.Join(err, server.Close())
	}

	if cert != nil {
		l.encrypt(cert)
	}

	logger.Info("serving", "address", l.main.Addr().String(), "issuer", c.IssuerURL, "account", server.Account(),
		"tls", cert != nil, "version", version())
	l.announce(logger)
	if c.Console && !server.HasConsole() {
		logger.Warn("the setting console is on, but this program was built without the console",
			"fix", "use a program that was built without the tag noconsole, or set console to false")
	}

	return serveUntil(ctx, server, l, c.LameDuck, logger)
}

// productionConfig turns settings into those of a production server.
func productionConfig(ctx context.Context, s *settings, out *outputs) (poolhouse.Config, error) {
	c, err := serverConfig(s)
	if err != nil {
		return c, err
	}

	c.RequireInitialised = true
	c.ListenAddress = s.Listen
	c.Settings = s.forServer()
	c.Logger, c.LogLinesDropped = out.logger, out.dropped
	if c.LameDuck, err = lameDuck(s, serveLameDuck); err != nil {
		return c, err
	}

	c.MasterKey, err = masterKey(s, false)
	if errors.Is(err, fs.ErrNotExist) {
		initErr := poolhouse.CheckInitialised(ctx, c)
		if errors.Is(initErr, poolhouse.ErrNotInitialised) || errors.Is(initErr, store.ErrGone) {
			err = initErr // the key is missing because everything is missing
		}
	}

	return c, err
}

// checkProduction refuses settings that would run but must not.
func checkProduction(s *settings) error {
	local, err := loopbackOnly(s.Listen)
	if err != nil {
		return s.fault(&s.Listen, "%v", err)
	}

	if (s.TLSCert == "") != (s.TLSKey == "") {
		return s.fault(&s.TLSCert, "set both tls_cert and tls_key, or neither")
	}
	if s.TLSCert == "" && !local && !s.BehindProxy {
		return s.fault(&s.Listen, "others can reach this address, and credentials would be sent unencrypted: "+
			"set tls_cert and tls_key, or behind_proxy if a proxy handles TLS, or listen on 127.0.0.1")
	}
	if err := checkForwardListener(s); err != nil {
		return err
	}
	if err := checkConsoleListener(s); err != nil {
		return err
	}

	if s.DataDir == "" && s.DatabaseURL == "" {
		return s.fault(&s.DataDir, "set it to a folder, or set database to a postgres:// URL")
	}
	if err := checkIssuer(s); err != nil {
		return err
	}

	if s.DataDir != "" {
		return checkServedFolder(s, s.DataDir)
	}

	return nil
}

// checkForwardListener refuses to serve forwarded requests unencrypted to other machines.
func checkForwardListener(s *settings) error {
	if s.file.Check == nil || s.file.Check.Listen == "" {
		return nil
	}

	local, err := loopbackOnly(s.file.Check.Listen)
	if err != nil {
		return fmt.Errorf("check.listen: %w", err)
	}
	if s.TLSCert == "" && !local && !s.BehindProxy {
		return fmt.Errorf("check.listen %s: others can reach this address, and session tokens would be sent "+
			"unencrypted: set tls_cert and tls_key, or behind_proxy if a proxy handles TLS, or listen on 127.0.0.1",
			s.file.Check.Listen)
	}

	return nil
}

// checkServedFolder is checkFolder for a server. It accepts any mode for a folder without database
// and master key, which has no secret yet. It may be the mount point of a missing mount; the start
// then ends as not initialised.
func checkServedFolder(s *settings, path string) error {
	info, err := os.Stat(path)
	if err == nil && info.IsDir() && isAbsent(path, poolhouse.DatabaseFile) && isAbsent(path, poolhouse.MasterKeyFile) {
		return nil
	}
	return checkFolder(s, path)
}

func isAbsent(folder, name string) bool {
	_, err := os.Lstat(filepath.Join(folder, name))
	return errors.Is(err, fs.ErrNotExist)
}

func checkIssuer(s *settings) error {
	issuer := s.IssuerURL
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return s.fault(&s.IssuerURL,
			"set it to the https:// URL where clients and relying parties reach this server")
	}
	if u.Scheme == "https" {
		return nil
	}

	port := u.Port()
	if port == "" {
		port = "80"
	}
	if local, err := loopbackOnly(net.JoinHostPort(u.Hostname(), port)); u.Scheme != "http" || err != nil || !local {
		return s.fault(&s.IssuerURL,
			"use https://: whoever can change what a plain HTTP issuer publishes can forge its tokens")
	}

	return nil
}

// makeFolder makes the data folder if it is missing, and refuses one that others can read.
func makeFolder(s *settings, path string) error {
	if link, target := store.DanglingLink(path); link != "" {
		return s.fault(&s.DataDir, "%s is a link to %s, which does not exist: create or mount that, or remove the link",
			link, target)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return s.fault(&s.DataDir,
			"the folder cannot be created: %w: name a writable folder, or mount its file system read-write", err)
	}

	return checkFolder(s, path)
}

// checkFolder refuses a data folder that others can read. The folder may be missing.
func checkFolder(s *settings, path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return s.fault(&s.DataDir, "%w", err)
	}
	if !info.IsDir() {
		return s.fault(&s.DataDir, "%s is a file and not a folder: name the folder that holds %s",
			path, poolhouse.DatabaseFile)
	}

	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return s.fault(&s.DataDir, "other users can read the folder (mode %04o): run `chmod 700 %s`", mode, path)
	}
	if err := store.CheckWritable(filepath.Join(path, poolhouse.DatabaseFile)); err != nil {
		return s.fault(&s.DataDir, "%v", err)
	}

	return nil
}
