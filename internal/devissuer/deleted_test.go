package devissuer_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/devapi"
	"github.com/poolhouse-id/poolhouse/internal/devissuer"
	"github.com/poolhouse-id/poolhouse/internal/devuser"
)

// held is all that a person can hold by a sign-in.
type held struct {
	tokens tokens
	cookie string
	code   string
	device string
}

// device returns the codes of a new device, the one that people type last.
func (w *world) device() (code, userCode string) {
	w.Helper()
	answer := w.send("POST", "/device_authorization", url.Values{"client_id": {"tv"}, "scope": {"openid"}})
	var device struct {
		Code string `json:"device_code"`
		User string `json:"user_code"`
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &device); err != nil {
		w.Fatal(err)
	}

	return device.Code, device.User
}

// deviceFor returns the code of a device for which a person has signed in.
func (w *world) deviceFor(user string) string {
	w.Helper()
	code, userCode := w.device()
	page := w.send("POST", "/device", url.Values{"user_code": {userCode}}).Body.String()
	w.send("POST", "/sign-in", url.Values{"request": {hidden.FindStringSubmatch(page)[1]}, "user": {user}})

	return code
}

// hold signs a user in, for all that one can hold.
func (w *world) hold(user string) held {
	w.Helper()
	h := held{tokens: w.signedIn(user), device: w.deviceFor(user), code: w.code(asked(), user)}
	h.cookie = w.cookie

	return h
}

// alive names what of it is still good.
func (w *world) alive(h held) (names []string) {
	w.Helper()
	if status, _ := w.userinfo(h.tokens.Access); status == http.StatusOK {
		names = append(names, "access token")
	}
	if got := w.refresh(h.tokens.Refresh); got.Error == "" {
		names = append(names, "refresh token")
	}
	if got := w.exchange(h.code); got.Error == "" {
		names = append(names, "code")
	}
	got := w.token("client_id", "tv", "grant_type", "urn:ietf:params:oauth:grant-type:device_code",
		"device_code", h.device)
	if got.Error == "" {
		names = append(names, "device code")
	}

	w.cookie = h.cookie
	silent := w.back(w.send("GET", "/authorize", asked("prompt", "none")))
	if silent.Get("error") == "" {
		names = append(names, "session")
	}

	return names
}

// control calls the control API.
func (w *world) control(method, user, body string) {
	w.Helper()
	api := &devissuer.Control{Issuer: w.issuer, Users: w.users, Clients: w.clients}
	r := httptest.NewRequest(method, devissuer.UsersPath+"/"+user, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	answer := httptest.NewRecorder()
	mounted(devapi.Handlers(api.Routes())).ServeHTTP(answer, r)
	if answer.Code != http.StatusOK {
		w.Fatalf("%s: %d %s", method, answer.Code, answer.Body)
	}
}

// put does what a seed does with its users.
func (w *world) put(users ...devuser.User) {
	w.Helper()
	if err := w.users.Put(users...); err != nil {
		w.Fatal(err)
	}
}

// Whoever is made again with the name and the subject of a user who was deleted has nothing of the former
// one's. A user who is only changed keeps all.
func TestDeletedUsersLeaveNothing(t *testing.T) {
	const everything = "access token, refresh token, code, device code, session"
	alice := devuser.User{Name: "alice", Subject: "alice"}
	for name, test := range map[string]struct {
		change func(w *world)
		alive  string
	}{
		"nothing happens": {func(*world) {}, everything},
		"a seed changes claims": {func(w *world) {
			w.put(devuser.User{Name: "alice", Subject: "alice", Claims: map[string]any{"a": "b"}})
		}, everything},
		"the control API changes claims": {func(w *world) {
			w.control("PUT", "alice", `{"claims":{"a":"b"}}`)
		}, everything},
		"another user is deleted": {func(w *world) { w.control("DELETE", "bob", "") }, everything},

		"deleted, made by the control API": {func(w *world) {
			w.control("DELETE", "alice", "")
			w.control("PUT", "alice", `{}`)
		}, ""},
		"deleted, made by a seed": {func(w *world) {
			w.control("DELETE", "alice", "")
			w.put(alice)
		}, ""},
		"deleted, made on the page": {func(w *world) {
			w.control("DELETE", "alice", "")
			form := url.Values{"request": {w.page(asked())}, "make": {"yes"}, "new_user": {"alice"}}
			w.back(w.send("POST", "/sign-in", form))
		}, ""},

		"another subject by a seed, and back": {func(w *world) {
			w.put(devuser.User{Name: "alice", Subject: "other"})
			w.put(alice)
		}, ""},
		"another subject by the control API, and back": {func(w *world) {
			w.control("PUT", "alice", `{"sub":"other"}`)
			w.control("PUT", "alice", `{"sub":"alice"}`)
		}, ""},

		"deleted, and made after a restart": {func(w *world) {
			w.control("DELETE", "alice", "")
			w.start()
			w.put(alice)
		}, ""},
		"deleted, and made while the server was down": {func(w *world) {
			w.control("DELETE", "alice", "")
			w.put(alice)
			w.start()
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, t.TempDir())
			before := w.hold("alice")
			test.change(w)
			if got := strings.Join(w.alive(before), ", "); got != test.alive {
				t.Errorf("%q is alive, want %q", got, test.alive)
			}
		})
	}
}

// Somebody may delete users in their file while the server is down, and seeds make them again.
func TestUsersDeletedInTheFile(t *testing.T) {
	for name, test := range map[string]struct{ users, alive string }{
		"still there": {`{"users": [{"name": "alice", "sub": "alice"}]}`, "access token, refresh token, session"},
		"deleted":     {`{"users": []}`, ""},
	} {
		w := newWorld(t, t.TempDir())
		before := w.hold("alice")
		writeFile(t, w.folder+"/users", test.users)
		w.start()
		w.put(devuser.User{Name: "alice", Subject: "alice"})
		if got := strings.Join(w.alive(before), ", "); got != test.alive {
			t.Errorf("%s: %q is alive, want %q", name, got, test.alive)
		}
	}
}

// A file that cannot be written keeps no grants alive: whoever deletes the user hears of it.
func TestDeletionWithABrokenFile(t *testing.T) {
	w := newWorld(t, t.TempDir())
	before := w.hold("alice")
	if err := os.Remove(w.folder + "/grants"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(w.folder+"/grants", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := w.users.Delete("alice"); err == nil {
		t.Error("nobody hears that the file was not written")
	}
	if err := os.Remove(w.folder + "/grants"); err != nil {
		t.Fatal(err)
	}

	w.put(devuser.User{Name: "alice", Subject: "alice"})
	if got := w.alive(before); len(got) > 0 {
		t.Errorf("%v is alive", got)
	}
	w.cookie = ""
	w.signedIn("bob") // writes the file
	if text := readFile(t, w.folder+"/grants"); strings.Contains(text, `"alice"`) {
		t.Errorf("the file has %s", text)
	}
}

// A person may choose a user who is deleted at that moment.
func TestSignInAsAUserWhoIsDeleted(t *testing.T) {
	w := newWorld(t, "")
	secret := w.page(asked())
	w.control("DELETE", "alice", "")
	answer := w.send("POST", "/sign-in", url.Values{"request": {secret}, "user": {"alice"}})
	if answer.Code != http.StatusUnprocessableEntity || w.cookie != "" {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
	if _, err := w.users.Get("alice"); !errors.Is(err, devuser.ErrNotFound) {
		t.Error(err)
	}
}
