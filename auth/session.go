package auth

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/poolhouse-id/poolhouse/sigv4"
)

// session is the server's answer about a session, for one day.
type session struct {
	token     string
	key       sigv4.SigningKey
	principal *Principal
	asked     time.Time
}

// sessionKey identifies a session and a day: a signing key is valid for one day.
type sessionKey struct{ accessKeyID, date string }

// maxQuestions is the largest number of questions to the server at a time; others wait.
// An attacker who invents sessions must not make a Verifier flood the server.
const maxQuestions = 32

// Form of session credentials; others are refused without a question to the server.
const (
	accessKeyPrefix = "ASIA"
	accessKeyLength = 20
	maxToken        = 4096
)

// sessions remembers answers of the server, in two generations: when the young
// one is full it replaces the old one. An answer of the old generation moves to
// the young one when it is used. So answers in use stay, and others go, cheaply.
//
// cache: server answers
type sessions struct {
	limit     int // of a generation
	ask       func(ctx context.Context, key sessionKey, token string) (*session, error)
	questions chan struct{}

	mu         sync.Mutex
	young, old map[sessionKey]*session
	waiting    map[question]*answer
}

// question is a question that the server has not answered yet; callers with the same one share the answer.
type question struct {
	sessionKey
	token string
}

type answer struct {
	done    chan struct{}
	session *session
	err     error
}

func newSessions(entries int, ask func(context.Context, sessionKey, string) (*session, error)) *sessions {
	return &sessions{
		limit:     entries/2 + 1,
		ask:       ask,
		questions: make(chan struct{}, maxQuestions),
		young:     map[sessionKey]*session{},
		waiting:   map[question]*answer{},
	}
}

// get returns the session of an access key and token. It asks the server if the
// last answer is older than Fresh.
func (c *sessions) get(ctx context.Context, key sessionKey, token string, now time.Time) (*session, error) {
	if len(key.accessKeyID) != accessKeyLength || !strings.HasPrefix(key.accessKeyID, accessKeyPrefix) ||
		len(token) > maxToken {
		return nil, sigv4.ErrInvalidToken
	}

	c.mu.Lock()
	s, ok := c.young[key]
	if !ok {
		if s, ok = c.old[key]; ok {
			c.add(key, s)
		}
	}

	if ok && subtle.ConstantTimeCompare([]byte(s.token), []byte(token)) == 1 {
		// A clock that was set back must not lengthen an answer's life.
		if age := now.Sub(s.asked); age >= 0 && age < Fresh {
			c.mu.Unlock()
			if !now.Before(s.principal.Expires) {
				return nil, sigv4.ErrExpiredToken
			}
			return s, nil
		}
	}

	q := question{key, token}
	a, asked := c.waiting[q]
	if !asked {
		a = &answer{done: make(chan struct{})}
		c.waiting[q] = a
		// All who wait share the answer: if one client hangs up, the others must still get it.
		go c.answer(context.WithoutCancel(ctx), q, a, now)
	}
	c.mu.Unlock()

	select {
	case <-a.done:
		if a.err == nil && !now.Before(a.session.principal.Expires) {
			return nil, sigv4.ErrExpiredToken
		}
		return a.session, a.err
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
}

func (c *sessions) answer(ctx context.Context, q question, a *answer, now time.Time) {
	c.questions <- struct{}{}
	a.session, a.err = c.ask(ctx, q.sessionKey, q.token)
	<-c.questions

	c.mu.Lock()
	delete(c.waiting, q)
	if a.err == nil {
		// An answer is as old as its question.
		a.session.token, a.session.asked = q.token, now
		c.add(q.sessionKey, a.session)
	}
	c.mu.Unlock()
	close(a.done)
}

// add needs mu.
func (c *sessions) add(key sessionKey, s *session) {
	if len(c.young) >= c.limit {
		c.old, c.young = c.young, make(map[sessionKey]*session, c.limit)
	}
	c.young[key] = s
	delete(c.old, key)
}

// Errors of VerifySession about the session; all others are about the question.
const (
	codeInvalid = "InvalidSessionException"
	codeExpired = "ExpiredSessionException"
)

const maxAnswer = 64 << 10 // bytes

// ask asks the server about a session.
func (v *Verifier) ask(ctx context.Context, key sessionKey, token string) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, DefaultTimeout)
	defer cancel()

	body, err := json.Marshal(map[string]string{
		"AccessKeyId":  key.accessKeyID,
		"SessionToken": token,
		"Date":         key.date,
		"Region":       v.o.Region,
		"Service":      v.o.Service,
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	r, err := http.NewRequestWithContext(
		ctx, http.MethodPost, strings.TrimSuffix(v.o.Endpoint, "/")+"/", bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "PoolhouseAdmin.VerifySession")
	if err := sigv4.Sign(r, body, v.o.Credentials, v.o.Region, "poolhouse", v.o.Now()); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}

	response, err := v.o.Client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer func() { _ = response.Body.Close() }()

	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}

	var out struct {
		SigningKey string
		Principal  Principal
		Type       string `json:"__type"`
		Message    string `json:"message"`
	}
	if err := json.Unmarshal(text, &out); err != nil {
		return nil, fmt.Errorf("%w: %s answered %s, and not in JSON", ErrUnavailable, v.o.Endpoint, response.Status)
	}

	if response.StatusCode != http.StatusOK {
		switch code := out.Type[strings.LastIndexByte(out.Type, '#')+1:]; code {
		case codeInvalid:
			return nil, sigv4.ErrInvalidToken
		case codeExpired:
			return nil, sigv4.ErrExpiredToken
		default:
			return nil, fmt.Errorf("%w: %s answered %s: %.100q: %.300q",
				ErrUnavailable, v.o.Endpoint, response.Status, code, out.Message)
		}
	}

	raw, err := base64.StdEncoding.DecodeString(out.SigningKey)
	if err != nil || len(raw) != len(sigv4.SigningKey{}) || out.Principal.AccessKeyID != key.accessKeyID {
		return nil, fmt.Errorf("%w: the answer of %s is not one about the session", ErrUnavailable, v.o.Endpoint)
	}

	return &session{key: sigv4.SigningKey(raw), principal: &out.Principal}, nil
}
