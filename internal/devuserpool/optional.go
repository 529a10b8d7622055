package devuserpool

func number(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}

// text returns the text of an optional member.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
