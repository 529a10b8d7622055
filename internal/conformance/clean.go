package conformance

import (
	"context"
	"fmt"
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

	name := ""
	for _, member := range []string{"IdentityPoolName", "PoolName", "RoleName"} {
		if given, is := step.Request[member]; is {
			name = fmt.Sprint(s.fillAll(given))
		}
	}

	named := strings.HasPrefix(name, NamePrefix) && strings.Contains(a.Body, name)
	if id != "" && named && !slices.ContainsFunc(k.made, func(m made) bool { return m.id == id }) {
		k.made = append(k.made, made{call: maker.call, member: maker.member, id: id})
	}
}

// cleaning bounds the time that deleting takes.
const cleaning = 2 * time.Minute

// clean deletes what the kit made, the newest first, and returns what is left.
func (k *run) clean(ctx context.Context) []string {
	ctx, cancel := context.WithTimeout(ctx, cleaning)
	defer cancel()

	var left []string
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
