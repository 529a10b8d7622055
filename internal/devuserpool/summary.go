package devuserpool

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"sync"

	"github.com/poolhouse-id/poolhouse/internal/devapi"
)

// Summary is a user pool as a developer needs it.
type Summary struct {
	ID      string          `json:"id"`
	Name    string          `json:"name"`
	Users   int             `json:"users"`
	Clients []ClientSummary `json:"clients"`
}

// ClientSummary is an app client as a developer needs it.
type ClientSummary struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Summaries returns at most limit pools of an account and region, in the order of their IDs.
func (s *Service) Summaries(account, region string, limit int) []Summary {
	list := []Summary{}
	for _, p := range s.State.all() {
		if p.Account != account || p.Region != region {
			continue
		}
		if len(list) == limit {
			break
		}

		one := Summary{ID: p.ID, Name: p.name(), Users: len(p.Users), Clients: []ClientSummary{}}
		for _, c := range sorted(p.Clients) {
			one.Clients = append(one.Clients, ClientSummary{ID: c.ID, Name: *c.Settings.ClientName})
		}
		list = append(list, one)
	}

	return list
}

// keptCodes is the number of sent codes that Codes keeps.
const keptCodes = 20

// Codes remembers the newest codes that were sent. It is safe for concurrent use.
//
// cache: newest codes
type Codes struct {
	mu   sync.Mutex
	list []SentCode // oldest first
}

// Add notes a code.
func (c *Codes) Add(code SentCode) {
	c.mu.Lock()
	defer c.mu.Unlock()

	c.list = append(c.list, code)
	if over := len(c.list) - keptCodes; over > 0 {
		c.list = slices.Delete(c.list, 0, over)
	}
}

// Newest returns the codes, newest first.
func (c *Codes) Newest() []SentCode {
	c.mu.Lock()
	defer c.mu.Unlock()

	list := slices.Clone(c.list)
	slices.Reverse(list)

	return list
}

// ServeHTTP answers the control API with the codes, newest first.
func (c *Codes) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	devapi.WriteJSON(w, http.StatusOK, map[string][]SentCode{"codes": append([]SentCode{}, c.Newest()...)})
}

var fixedCodeForm = regexp.MustCompile(`^[A-Za-z0-9]{0,64}$`)

// CheckFixedCode refuses a setting that no code can be.
func CheckFixedCode(code string) error {
	if !fixedCodeForm.MatchString(code) {
		return fmt.Errorf("dev.user_pool_code: a code has 1 to 64 letters and digits")
	}
	return nil
}
