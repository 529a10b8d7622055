package cognitoidentity

import (
	"encoding/base64"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
)

// Page tokens are the last key of the page, sealed for one operation and one
// scope (account, pool, ...): opaque, and of no use when altered or moved. What a page
// shows, such as MaxResults and HideDisabled, is not part of the scope: it may change
// from page to page.

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
