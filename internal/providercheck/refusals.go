package providercheck

import "github.com/poolhouse-id/poolhouse/internal/explain"

// Refusals are the reasons for which a test of a provider fails.
var Refusals explain.Catalogue

var (
	issuerForm = Refusals.Add(explain.Reason{
		Code:     "tested-issuer-form",
		Check:    "tested issuer",
		Expected: "a URL that the IAM API can register",
		Got:      "{fault}",
		Fix:      "give the issuer as the provider's tokens have it in iss",
	})
	documentUnusable = Refusals.Add(explain.Reason{
		Code:     "tested-document",
		Check:    "tested document",
		Expected: "a valid document at {address}",
		Got:      "{fault}",
		Fix:      "{fix}",
	})
	keysUnusable = Refusals.Add(explain.Reason{
		Code:     "tested-keys",
		Check:    "tested keys",
		Expected: "a key for {algorithms}",
		Got:      "{count} usable keys, none for these, and {unusable} that cannot be used",
		Fix:      "have the provider publish a key for one of the algorithms, with kty, and alg or none",
	})
	metadataUnusable = Refusals.Add(explain.Reason{
		Code:     "tested-metadata",
		Check:    "tested metadata",
		Expected: "SAML 2.0 metadata of one identity provider",
		Got:      "{fault}",
		Fix:      "{fix}",
	})
	metadataOld = Refusals.Add(explain.Reason{
		Code:     "tested-metadata-validity",
		Check:    "tested metadata",
		Expected: "metadata that is still valid",
		Got:      "metadata that was valid until {end}",
		Fix:      "export the metadata at the identity provider again",
	})
	certificateOld = Refusals.Add(explain.Reason{
		Code:     "tested-certificate",
		Check:    "tested certificate",
		Expected: "a certificate in force",
		Got:      "{count}, all expired or not yet valid",
		Fix:      "renew the signing certificate at the identity provider, and export its metadata again",
	})
)
