package cognitoidentity

import (
	"encoding/base64"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
)

// A page token is the last key of the page, sealed for one operation and one scope
// (account, pool, ...). Clients cannot read it, alter it or use it elsewhere. MaxResults
// and HideDisabled are not part of the scope: they may change from page to page.

func (s *Service) pageToken(scope, last string) *string {
	return new(base64.RawURLEncoding.EncodeToString(s.Sealer.Seal([]byte(last), "page/"+scope)))
}

// pageStart returns the key after which the page begins, "" for the first page.
func (s *Service) pageStart(scope string, token *string) (string, error) {
	if token == nil {
		return "", nil
	}

	sealed, err := base64.RawURLEncoding.Strict().DecodeString(*token)
	if err == nil {
		var last []byte
		if last, err = s.Sealer.Open(sealed, "page/"+scope); err == nil {
			return string(last), nil
		}
	}

	return "", awsapi.Refused(invalidParameter, pageTokenForeign.With(), messageNextToken).Because(err)
}

// PageToken returns the token of a page of the administrators' API.
func (s *Service) PageToken(scope, last string) *string {
	return s.pageToken("administration/"+scope, last)
}

// PageStart returns the key after which a page of the administrators' API begins, "" for the first page. ok is false
// for a token that PageToken did not make for this scope.
func (s *Service) PageStart(scope string, token *string) (last string, ok bool) {
	last, err := s.pageStart("administration/"+scope, token)
	return last, err == nil
}
