package devuserpool

// These come from password.go and tokens.go with the next merge.

const (
	lowercase = "abcdefghijklmnopqrstuvwxyz"
	uppercase = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits    = "0123456789"
)

func (p *Pool) groupsOf(User) []Group { return nil }
