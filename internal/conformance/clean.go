package conformance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// made is a thing of the server that the kit made and has to delete.
type made struct {
	call   string // that deletes it
	member string // that names it
	id     string
}

// makers are the calls that make something, where its ID stands in the answer, and how it is deleted.
var makers = map[string]struct{ id, call, member string }{
	"CreateIdentityPool": {id: "IdentityPoolId", call: "DeleteIdentityPool", member: "IdentityPoolId"},
	"idp:CreateUserPool": {id: "UserPool.Id", call: "idp:DeleteUserPool", member: "UserPoolId"},
	"iam:CreateRole":     {id: "RoleName", call: "iam:DeleteRole", member: "RoleName"},
}

// remember notes what a call has made. A server that names something else than what was asked for does
// not get it deleted: that could be somebody's.
func (k *run) remember(step Step, s scope, a Answer) {
	maker, is := makers[step.Call]
	if !is || a.Status != http.StatusOK {
		return
	}
	value, _ := find(a.Members, maker.id)
	id, _ := value.(string)
	name := step.nameOfMade(s)

	named := strings.HasPrefix(name, NamePrefix) && strings.Contains(a.Body, name)
	if id != "" && named && !slices.ContainsFunc(k.made, func(m made) bool { return m.id == id }) {
		k.made = append(k.made, made{call: maker.call, member: maker.member, id: id})
	}
}

// nameOfMade returns the name of what a call makes.
func (s Step) nameOfMade(scope scope) string {
	name := ""
	for _, member := range []string{"IdentityPoolName", "PoolName", "RoleName"} {
		if given, is := s.Request[member]; is {
			name = fmt.Sprint(scope.fillAll(given))
		}
	}

	return name
}

// lose notes that a call may have made something whose ID nobody knows, as its answer was lost.
func (k *run) lose(step Step, s scope, err error) {
	failed, isNetwork := errors.AsType[*net.OpError](err)
	if _, is := makers[step.Call]; !is || isNetwork && failed.Op == "dial" {
		return
	}
	name := step.nameOfMade(s)
	if strings.HasPrefix(name, NamePrefix) && !slices.Contains(k.lost, name) {
		k.lost = append(k.lost, name)
	}
}

// cleaning bounds the time that deleting takes.
const cleaning = 2 * time.Minute

// clean deletes what the kit made, the newest first, and returns what is left: IDs, and names of what may be there.
func (k *run) clean(ctx context.Context) []string {
	ctx, cancel := context.WithTimeout(ctx, cleaning)
	defer cancel()

	// A server that left calls unanswered gets one more: perhaps it was only some operation.
	k.silent = min(k.silent, maxUnreachable-1)
	left := k.lost
	for _, m := range slices.Backward(k.made) {
		step := Step{Call: m.call, Request: map[string]any{m.member: m.id}}
		if k.silent >= maxUnreachable {
			left = append(left, m.id)
			continue
		}

		answer, err := k.do(ctx, step, scope{shared: k.shared})
		k.count(err)
		gone := err == nil && (answer.Status == http.StatusOK || answer.Code == "ResourceNotFoundException" ||
			answer.Code == "NoSuchEntity")
		if !gone {
			left = append(left, m.id)
		}
	}

	return left
}
