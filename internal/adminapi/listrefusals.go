package adminapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
	"github.com/poolhouse-id/poolhouse/internal/explain"
	"github.com/poolhouse-id/poolhouse/internal/traces"
)

// listRefusalsInput selects refusals. All members may be left out.
type listRefusalsInput struct {
	After       *string // Next of an earlier answer
	FromOldest  *bool   // without After: begin with the oldest, not with the newest
	WaitSeconds *int
	MaxResults  *int

	IdentityPoolId, ProviderName, Reason, Operation *string
}

// Bounds of ListRefusals.
const (
	maxRefusals     = 200
	defaultRefusals = 100
	maxWaitSeconds  = 20
)

// Validate implements awsapi's check of the input.
func (in *listRefusalsInput) Validate() []awsapi.Violation {
	var v awsapi.Validator
	v.String("after", in.After, &awsapi.String{Min: 1, Max: 16384}, false)
	v.Integer("waitSeconds", in.WaitSeconds, &awsapi.Integer{Min: 0, Max: maxWaitSeconds}, false)
	v.Integer("maxResults", in.MaxResults, &awsapi.Integer{Min: 1, Max: maxRefusals}, false)
	v.String("identityPoolId", in.IdentityPoolId, &poolIDShape, false)
	v.String("providerName", in.ProviderName, &awsapi.String{Min: 1, Max: 512}, false)
	v.String("reason", in.Reason, &awsapi.String{Min: 1, Max: 128}, false)
	v.String("operation", in.Operation, &awsapi.String{Min: 1, Max: 128}, false)

	return v.Violations()
}

type listRefusalsOutput struct {
	Refusals  []refusalEntry // oldest first
	Next      string
	Skipped   uint64
	KeptSince awsapi.Timestamp
	Nodes     refusalNodes
}

// refusalEntry is a refused call without its steps.
type refusalEntry struct {
	RequestId      string
	Time           awsapi.Timestamp
	Operation      string
	Outcome        string
	Reason         explain.Code // of the deciding step: the last that is not OK
	Region         string       `json:",omitzero"`
	IdentityPoolId string       `json:",omitzero"`
	ProviderName   string       `json:",omitzero"`
	Client         string       `json:",omitzero"`
	SourceAddress  string       `json:",omitzero"`
	AccessKeyId    string       `json:",omitzero"`
	KeyUnproven    bool         `json:",omitzero"` // the signature was refused: anybody can name the key
	Node           string       // that refused the call
}

// nodesSeen tells of which nodes an answer is.
type nodesSeen struct {
	Silent  []string // names of nodes that did not answer
	Alone   bool     // the node that answers cannot reach the others, if there are any
	Warning string   `json:",omitzero"` // both in a sentence, for people
}

// refusalNodes tells of which nodes a list of refusals is.
type refusalNodes struct {
	nodesSeen

	Gone int // nodes that have left since After
}

// shownRefusalNodes words what a list of refusals lacks.
func shownRefusalNodes(list traces.List) refusalNodes {
	shown := refusalNodes{nodesSeen: shownNodes("refusals", list.Silent, list.Alone), Gone: list.Gone}
	if list.Gone > 0 {
		shown.Warning = strings.TrimSpace(shown.Warning + " Refusals may be missing: " +
			explain.Count(list.Gone, "node") + " stopped or started again since the last answer.")
	}

	return shown
}

// shownNodes words what an answer with the things of all nodes lacks.
func shownNodes(things string, silent []string, alone bool) nodesSeen {
	shown := nodesSeen{Silent: append([]string{}, silent...), Alone: alone}
	switch {
	case alone:
		shown.Warning = "Only the " + things + " of the node that answered: notifications of the database do not " +
			"reach it, so it cannot ask the others. With PgBouncer use pool_mode = session."
	case len(silent) > 0:
		shown.Warning = "Without the " + things + " of nodes that did not answer: " + strings.Join(silent, ", ") + "."
	}

	return shown
}

// listRefusals returns the refusals that the caller's account may see, of all nodes,
// oldest first. If there are none it waits for some.
func (s *Service) listRefusals(
	ctx context.Context, c awsapi.Caller, in *listRefusalsInput,
) (*listRefusalsOutput, error) {
	q := traces.Query{
		Account:   c.Account,
		Home:      c.Account == string(s.options.Home),
		Region:    c.Region,
		PoolID:    awsapi.Text(in.IdentityPoolId),
		Provider:  awsapi.Text(in.ProviderName),
		Reason:    awsapi.Text(in.Reason),
		Operation: awsapi.Text(in.Operation),
		Max:       pageSize(in.MaxResults, defaultRefusals),
	}
	if err := s.checkReason(q.Reason); err != nil {
		return nil, err
	}
	from, err := s.positions(q, in)
	if err != nil {
		return nil, err
	}

	wait := time.Duration(0)
	if in.WaitSeconds != nil {
		wait = time.Duration(*in.WaitSeconds) * time.Second
	}
	list, err := s.options.Traces.List(ctx, q, from, wait)
	if errors.Is(err, traces.ErrTooManyWaits) {
		return nil, tooManyWaits()
	}
	if err != nil {
		return nil, err
	}
	awsapi.RecordFrom(ctx).Waited = list.Waited
	next, err := s.sealPositions(q, list.Next)
	if err != nil {
		return nil, err
	}

	out := &listRefusalsOutput{
		Refusals:  []refusalEntry{},
		Next:      next,
		Skipped:   list.Skipped,
		KeptSince: awsapi.Timestamp(list.Since),
		Nodes:     shownRefusalNodes(list),
	}
	for _, entry := range list.Entries {
		out.Refusals = append(out.Refusals, shownRefusal(entry.Trace))
	}

	return out, nil
}

func tooManyWaits() *awsapi.Error {
	why := refusalWaits.With("account", strconv.Itoa(traces.MaxAccountWaits), "node", strconv.Itoa(traces.MaxWaits))
	refused := awsapi.RefusedAs(awsapi.Throttled, why, "")
	refused.RetryAfter = time.Second

	return refused
}

func shownRefusal(t traces.Trace) refusalEntry {
	return refusalEntry{
		RequestId:      t.RequestID,
		Time:           awsapi.Timestamp(t.Time),
		Operation:      t.Operation,
		Outcome:        t.Outcome,
		Reason:         t.Reason,
		Region:         t.Region,
		IdentityPoolId: t.PoolID,
		ProviderName:   t.Provider,
		Client:         t.Client,
		SourceAddress:  shownAddress(t),
		AccessKeyId:    t.AccessKeyID,
		KeyUnproven:    t.KeyUnproven,
		Node:           t.Node,
	}
}

func shownAddress(t traces.Trace) string {
	if !t.Address.IsValid() {
		return ""
	}
	return t.Address.String()
}

// checkReason refuses a code that no refusal can have; "" = any.
func (s *Service) checkReason(code string) error {
	if code == "" || slices.Contains(s.options.Reasons, code) {
		return nil
	}

	hint, message := "", "Reason is not the code of a reason."
	if near := explain.Nearest(code, s.options.Reasons); near != "" {
		hint, message = "do you mean "+near+"? or ", "Reason is not the code of a reason. Do you mean "+near+"?"
	}

	return badInput(reasonUnknown.With("hint", hint), message)
}

// positions reads where to begin. nil = with the newest.
func (s *Service) positions(q traces.Query, in *listRefusalsInput) (traces.Positions, error) {
	oldest := in.FromOldest != nil && *in.FromOldest
	if in.After != nil && oldest {
		return nil, badInput(positionTwice.With(), "Give After or FromOldest, not both.")
	}
	if in.After == nil {
		if oldest {
			return traces.Positions{}, nil
		}
		return nil, nil
	}

	from := traces.Positions{}
	plain, err := s.options.Sealer.OpenText(*in.After, positionPlace(q))
	if err == nil {
		err = json.Unmarshal(plain, &from)
	}
	if err != nil {
		return nil, badInput(positionForeign.With(), "After is not the Next of an answer to the same question.").
			Because(err)
	}

	return from, nil
}

// sealPositions hides from clients how many refusals a node has, and binds the text to
// the account, the region and the filters.
func (s *Service) sealPositions(q traces.Query, p traces.Positions) (string, error) {
	plain, err := json.Marshal(p)
	if err != nil {
		return "", err
	}

	return s.options.Sealer.SealText(plain, positionPlace(q)), nil
}

func positionPlace(q traces.Query) string {
	return fmt.Sprintf("refusals/%q", []string{q.Account, q.Region, q.PoolID, q.Provider, q.Reason, q.Operation})
}
