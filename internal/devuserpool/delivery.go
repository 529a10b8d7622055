package devuserpool

import (
	"context"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
)

// sendCode sends a user a code for a purpose, to the attribute that choose returns, and returns where the code
// went. Where the client must not tell which users exist, the answer to a user who gets no code is as if one
// had been sent (developer guide, "Managing user existence error responses"); the log has the reason.
func (s *Service) sendCode(
	ctx context.Context, who named, purpose string, choose func(*Pool, User) (attribute string, err error),
) (*CodeDeliveryDetailsType, error) {
	if !who.exists {
		return simulatedDelivery(who.pool, who.name), nil
	}

	var sent SentCode
	var where *CodeDeliveryDetailsType
	err := s.changeUser(who.pool.ID, of(who.user), func(p *Pool, u *User) error {
		if !u.Enabled {
			return userDisabled()
		}
		attribute, err := choose(p, *u)
		if err != nil {
			return err
		}
		sent = s.addCode(p, u, purpose, attribute)
		where = delivery(attribute, sent.Destination)

		return nil
	})
	if refusal, ok := errors.AsType[*awsapi.Error](err); ok && who.client.preventsExistenceErrors() {
		s.Logger.InfoContext(ctx, "a user of a user pool gets no code, and the answer does not tell, because the "+
			"app client has PreventUserExistenceErrors", "pool", who.pool.ID, "purpose", purpose, "reason", refusal)
		return simulatedDelivery(who.pool, who.name), nil
	}
	if err != nil {
		return nil, err
	}
	s.show(ctx, sent)

	return where, nil
}

// simulatedDelivery tells where a code went that was not sent, by the form of the name and the settings of
// the pool (developer guide, "Managing error responses").
func simulatedDelivery(p *Pool, name string) *CodeDeliveryDetailsType {
	sum := authenticated(p.secret("addresses"), []byte(p.key(name)))
	switch {
	case phoneForm.MatchString(name):
		return delivery("phone_number", name)
	case emailForm.MatchString(name):
		return delivery("email", name)
	case slices.Contains(p.Settings.AutoVerifiedAttributes, "phone_number"):
		return delivery("phone_number", "+"+simulatedDigits(sum))
	default:
		return delivery("email", string(lowercase[int(sum[0])%len(lowercase)])+"@"+
			string(lowercase[int(sum[1])%len(lowercase)]))
	}
}

// simulatedDigits returns a telephone number that only looks like one.
func simulatedDigits(sum []byte) string {
	text := make([]byte, 0, 11)
	for _, b := range sum[:cap(text)] {
		text = append(text, digits[int(b)%len(digits)])
	}
	return string(text)
}

// delivery returns where a code went, as answers show it.
func delivery(attribute, destination string) *CodeDeliveryDetailsType {
	medium, shown := "EMAIL", maskedEmail(destination)
	if attribute == "phone_number" {
		medium, shown = "SMS", maskedPhone(destination)
	}

	return &CodeDeliveryDetailsType{
		AttributeName:  &attribute,
		DeliveryMedium: &medium,
		Destination:    &shown,
	}
}

// maskedEmail shows the first letter of the name and of the domain, as AWS does: a***@e***.
func maskedEmail(address string) string {
	name, domain, _ := strings.Cut(address, "@")
	return initial(name) + "***@" + initial(domain) + "***"
}

func initial(text string) string {
	r, size := utf8.DecodeRuneInString(text)
	if size == 0 || r == utf8.RuneError {
		return ""
	}
	return string(r)
}

const shownDigits = 4

// maskedPhone shows the last digits: +*******1234.
func maskedPhone(number string) string {
	digits := strings.TrimPrefix(number, "+")
	hidden := max(0, len(digits)-shownDigits)
	return "+" + strings.Repeat("*", hidden) + digits[hidden:]
}
