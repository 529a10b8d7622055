package login

import "crypto/sha256"

// maxProved bounds how many signatures are remembered, at about 150 bytes each.
const maxProved = 16384

// proof is a token, by its SHA-256, whose signature these very keys proved.
type proof struct {
	keys  *keys
	token [sha256.Size]byte
}

// prove is keys.prove, once for a token: clients present the same token to
// GetId, then to GetCredentialsForIdentity, then at each renewal. Keys that were
// fetched anew prove everything anew, so a withdrawn key is not remembered; and
// what the token claims, its times above all, is judged at every use.
func (v *Verifier) prove(k *keys, t *idToken) error {
	this := proof{keys: k, token: sha256.Sum256([]byte(t.text))}
	if _, done := v.proved.Get(this); done {
		return nil
	}
	err := k.prove(t)
	if err == nil {
		v.proved.Add(this, struct{}{})
	}
	return err
}
