package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/listentest"
)

// writePair writes a self-signed certificate for 127.0.0.1 with a name.
func writePair(t *testing.T, folder, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}

	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}

	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}

	cert, key = filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	for path, block := range map[string]*pem.Block{
		cert: {Type: "CERTIFICATE", Bytes: der},
		key:  {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	return cert, key
}

// A changed certificate is taken up without a restart; a broken one is not.
func TestCertificateIsReloaded(t *testing.T) {
	folder := t.TempDir()
	certFile, keyFile := writePair(t, folder, "first")
	c, err := newCertificate(certFile, keyFile, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}

	name := func() string {
		c.checked = time.Time{} // the next handshake looks again
		pair, err := c.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Leaf.Subject.CommonName
	}

	if got := name(); got != "first" {
		t.Errorf("certificate %q", got)
	}
	writePair(t, folder, "second")
	if err := os.Chtimes(certFile, time.Time{}, time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if got := name(); got != "second" {
		t.Errorf("certificate %q after the change", got)
	}

	if err := os.WriteFile(certFile, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(certFile, time.Time{}, time.Now().Add(2*time.Minute)); err != nil {
		t.Fatal(err)
	}
	if got := name(); got != "second" {
		t.Errorf("certificate %q after a broken change", got)
	}
}

func TestServeTLS(t *testing.T) {
	folder := t.TempDir()
	certFile, keyFile := writePair(t, folder, "id.example")
	address := listentest.FreeAddress(t)
	data := filepath.Join(folder, "data")
	initialised(t, "--data", data)

	p := launch(t, "serve", "--data", data, "--issuer-url", "https://id.example", "--listen", address,
		"--tls-cert", certFile, "--tls-key", keyFile,
		"--lame-duck", "0")
	pool := x509.NewCertPool()
	text, err := os.ReadFile(certFile)
	if err != nil {
		t.Fatal(err)
	}

	pool.AppendCertsFromPEM(text)
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: pool},
		ForceAttemptHTTP2: true,
	}}
	waitFor(t, client, "https://"+address)

	request, _ := http.NewRequestWithContext(t.Context(), http.MethodOptions, "https://"+address+"/", nil)
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()

	if response.ProtoMajor != 2 || response.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("%s, Strict-Transport-Security %q", response.Proto, response.Header.Get("Strict-Transport-Security"))
	}
	if err := p.stop(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
}

func TestLoopbackOnly(t *testing.T) {
	for address, want := range map[string]bool{"127.0.0.1:1": true, "[::1]:1": true, "localhost:1": true,
		"0.0.0.0:1": false, ":1": false, "[::]:1": false, "10.0.0.1:1": false, "example.com:1": false} {
		if got, err := loopbackOnly(address); err != nil || got != want {
			t.Errorf("loopbackOnly(%q) = %v, %v; want %v", address, got, err, want)
		}
	}

	if _, err := loopbackOnly("127.0.0.1"); err == nil {
		t.Error("an address without a port was taken")
	}
}
