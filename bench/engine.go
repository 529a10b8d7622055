package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// engineFloor bounds the time of credentials from MinIO, as a multiple of MinIO's own
// answer and one RSA signature.
const engineFloor = 1.3

// minioProgram is the path at which the extended tests keep the MinIO that they build.
const minioProgram = "poolhouse/engines/minio-v0.0.0-20260212201848-7aac2a2c5b7c/minio"

// engineUse has the figures of credentials from an external engine, one request at a time.
type engineUse struct {
	Asked, Measured         bool
	Ours, Engine, Signature time.Duration // medians
	Ratio, Lowest, Highest  float64       // Ours to Engine + Signature, of rounds
}

func (e *engineUse) table() table {
	t := table{{"Credentials from MinIO, one client", "Poolhouse ms", "MinIO's own ms", "RSA signature ms", "Ratio",
		"Lowest–highest", "Floor", "Met"}}
	if !e.Asked {
		return nil
	}
	if !e.Measured {
		return append(t, []string{"not measured: no MinIO was built", "–", "–", "–", "–", "–",
			fmt.Sprintf("≤ %.2f", engineFloor), "–"})
	}

	return append(t,
		[]string{"GetCredentialsForIdentity, authenticated", millis(e.Ours), millis(e.Engine), millis(e.Signature),
			fmt.Sprintf("%.2f", e.Ratio), fmt.Sprintf("%.2f–%.2f", e.Lowest, e.Highest), fmt.Sprintf("≤ %.2f",
				engineFloor), met(e.Ratio <= engineFloor)})
}

// engine measures GetCredentialsForIdentity through MinIO beside MinIO's own
// AssumeRoleWithWebIdentity with the very form that Poolhouse sends it. Without a
// MinIO that the extended tests built it measures nothing, and the table tells that.
func (b *bench) engine(ctx context.Context, r *results) error {
	r.Engine.Asked = true
	cache, err := os.UserCacheDir()
	if err != nil {
		return err
	}

	program := filepath.Join(cache, minioProgram)
	if _, err := os.Stat(program); err != nil {
		progress("no MinIO: `make test-extended` builds it")
		return nil
	}

	ours, minio, err := freeAddresses()
	if err != nil {
		return err
	}

	sent := &recorder{next: "http://" + minio}

	listener := httptest.NewServer(sent)
	defer listener.Close()

	l := b.mainLayout()
	l.name, l.address, l.pools = "engine", ours, l.pools[:1]
	l.settings["issuer_url"] = "http://" + ours
	l.settings["credential_engine"] = "minio"

	l.settings["credential_engines"] = minioEngine(listener.URL)
	d, err := b.newDeployment(ctx, l)
	if err != nil {
		return err
	}

	beside := func(measure func(p *process) error) error {
		return b.serving(ctx, d, func(p *process) error {
			stop, err := b.startMinIO(ctx, program, minio, p.url)
			if err != nil {
				return err
			}
			defer stop()

			return measure(p)
		})
	}

	var about *subjects
	err = beside(func(p *process) (err error) {
		about, err = b.oneCredential(ctx, d, p.url)
		return err
	})
	if err != nil {
		return err
	}

	form := sent.form.Load()
	if form == nil {
		return errors.New("nothing was sent to MinIO")
	}

	l.settings["credential_engines"] = minioEngine("http://" + minio)
	if err := b.writeSettings(d, l); err != nil {
		return err
	}

	return beside(func(p *process) error {
		return b.compareEngine(ctx, r, p.url, "http://"+minio, *form, about)
	})
}

// minioEngine returns the settings of a MinIO at endpoint.
func minioEngine(endpoint string) map[string]any {
	return map[string]any{"minio": map[string]any{
		"endpoint":      endpoint,
		"allow_http":    true,
		"allow_private": true,
		"roles":         map[string]string{"*": "none"},
		"guest_policy":  "s3",
		"token": map[string]any{
			"audience": "poolhouse",
			"amr":      "short",
			"tags":     false,
			"claims":   map[string]string{"policy": "${role_name}"},
		},
	}}
}

// oneCredential makes the subjects and gets credentials for one, so that the form is sent.
func (b *bench) oneCredential(ctx context.Context, d *deployment, url string) (*subjects, error) {
	about, err := b.newSubjects(ctx, d, url)
	if err != nil {
		return nil, err
	}
	t, err := target(url, "GetCredentialsForIdentity",
		map[string]any{"IdentityId": about.users[0], "Logins": about.login(0)})
	if err != nil {
		return nil, err
	}
	_, err = send(ctx, t)

	return about, err
}

// compareEngine measures the three kinds of requests in turn, in rounds.
func (b *bench) compareEngine(ctx context.Context, r *results, ours, minio, form string, about *subjects) error {
	var rounds [3][]time.Duration
	var ratios []float64
	n := 0
	for round := -1; round < b.rounds; round++ {
		var spent [3]time.Duration
		const each = 50
		for range each {
			t, err := target(ours, "GetCredentialsForIdentity",
				map[string]any{"IdentityId": about.users[n%preparedUsers], "Logins": about.login(n % preparedUsers)})
			if err != nil {
				return err
			}

			n++
			kinds := []func() error{
				func() error { _, err := send(ctx, t); return err },
				func() error { return assumeAt(ctx, minio, form) },
				func() error {
					digest := sha512.Sum512([]byte(form))
					_, err := rsa.SignPKCS1v15(rand.Reader, b.issuer.key, crypto.SHA512, digest[:])
					return err
				},
			}
			for k := range kinds {
				kind := (k + n) % len(kinds) // none is always behind MinIO's work for the same other
				begin := time.Now()
				if err := kinds[kind](); err != nil {
					return err
				}
				spent[kind] += time.Since(begin)
			}
		}
		if round < 0 {
			continue // warm-up
		}

		for kind := range spent {
			rounds[kind] = append(rounds[kind], spent[kind]/each)
		}
		ratios = append(ratios, float64(spent[0])/float64(spent[1]+spent[2]))
	}

	r.Engine = engineUse{
		Asked:     true,
		Measured:  true,
		Ours:      median(rounds[0]),
		Engine:    median(rounds[1]),
		Signature: median(rounds[2]),
		Ratio:     median(ratios),
	}
	r.Engine.Lowest, r.Engine.Highest = ratios[0], ratios[len(ratios)-1] // median sorted them
	progress("through MinIO: %v; MinIO %v, signature %v; ratio %.2f", r.Engine.Ours, r.Engine.Engine,
		r.Engine.Signature, r.Engine.Ratio)

	return nil
}

// assumeAt asks MinIO itself for credentials.
func assumeAt(ctx context.Context, minio, form string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, minio, strings.NewReader(form))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()

	text, err := io.ReadAll(answer.Body)
	if err == nil && (answer.StatusCode != http.StatusOK || !strings.Contains(string(text), "<SessionToken>")) {
		err = fmt.Errorf("MinIO answers %s: %s", answer.Status, text)
	}

	return err
}

// recorder passes requests on and keeps the body of the last.
type recorder struct {
	next string
	form atomic.Pointer[string]
}

func (c *recorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(r.Body)
	if err == nil {
		form := string(text)
		c.form.Store(&form)
		err = c.pass(w, r, form)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
	}
}

func (c *recorder) pass(w http.ResponseWriter, r *http.Request, form string) error {
	request, err := http.NewRequestWithContext(r.Context(), r.Method, c.next, strings.NewReader(form))
	if err != nil {
		return err
	}
	request.Header = r.Header.Clone()
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()

	w.Header().Set("Content-Type", answer.Header.Get("Content-Type"))
	w.WriteHeader(answer.StatusCode)
	_, err = io.Copy(w, answer.Body)

	return err
}

// startMinIO starts MinIO with Poolhouse as its OpenID Connect provider and a
// policy for the users' role.
func (b *bench) startMinIO(ctx context.Context, program, address, issuer string) (stop func(), err error) {
	secret := make([]byte, 32)
	rand.Read(secret) // never fails (crypto/rand)
	root := aws.Credentials{AccessKeyID: "minioroot", SecretAccessKey: base64.RawURLEncoding.EncodeToString(secret)}
	console, err := freeAddress()
	if err != nil {
		return nil, err
	}
	c := command(ctx, program,
		[]string{"MINIO_ROOT_USER=" + root.AccessKeyID, "MINIO_ROOT_PASSWORD=" + root.SecretAccessKey,
			"MINIO_CALLHOME_ENABLE=off", "MINIO_UPDATE=off", "MINIO_IDENTITY_OPENID_CONFIG_URL=" + issuer +
				"/.well-known/openid-configuration",
			"MINIO_IDENTITY_OPENID_CLIENT_ID=poolhouse", "MINIO_IDENTITY_OPENID_CLIENT_SECRET=" + root.SecretAccessKey},
		"server", "--quiet", "--address", address, "--console-address", console, filepath.Join(b.dir,
			"minio-"+strings.ReplaceAll(address, ":", "-")))

	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		return nil, err
	}

	stop = func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	}
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject"],` +
		`"Resource":"arn:aws:s3:::files/private/${jwt:sub}/*"}]}`
	for deadline := time.Now().Add(2 * readyTimeout); ; {
		if err = putSigned(ctx, root, "http://"+address+"/minio/admin/v3/add-canned-policy?name=User",
			policy); err == nil {
			return stop, nil
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			stop()
			return nil, fmt.Errorf("MinIO is not ready: %w\n%s", err, said.String())
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			stop()
			return nil, err
		}
	}
}

func putSigned(ctx context.Context, by aws.Credentials, address, body string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, address, strings.NewReader(body))
	if err != nil {
		return err
	}

	hash := sha256Hex([]byte(body))
	request.Header.Set("X-Amz-Content-Sha256", hash)
	if err := v4.NewSigner().SignHTTP(ctx, by, request, hash, "s3", region, time.Now()); err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()

	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", answer.Status, text)
	}

	return err
}

func freeAddresses() (one, two string, err error) {
	if one, err = freeAddress(); err == nil {
		two, err = freeAddress()
	}
	return one, two, err
}
