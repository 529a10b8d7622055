package policy

import (
	"strings"
	"testing"
)

func BenchmarkEvaluateCognitoTrust(b *testing.B) {
	d := mustParse(b, cognitoTrust)
	r := cognitoRequest()
	b.ReportAllocs()

	for b.Loop() {
		if effect, _ := d.Evaluate(r); effect != Allow {
			b.Fatal(effect)
		}
	}
}

func BenchmarkAllowedWithVariables(b *testing.B) {
	role := mustParse(b, `{"Version":"2012-10-17","Statement":[
	  {"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],
	   "Resource":"arn:aws:s3:::app/${cognito-identity.amazonaws.com:sub}/*"},
	  {"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::app",
	   "Condition":{"StringLike":{"s3:prefix":"${cognito-identity.amazonaws.com:sub}/*"}}},
	  {"Effect":"Deny","Action":"s3:Delete*","Resource":"*"}]}`)
	all := mustParse(b, `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`)
	r := cognitoRequest()
	r.Action, r.Resource = "s3:GetObject", "arn:aws:s3:::app/us-east-1:99999999-2222-3333-4444-555555555555/photo"
	b.ReportAllocs()

	for b.Loop() {
		if !Allowed(r, []*Document{role}, all, []*Document{all}).Allowed {
			b.Fatal("denied")
		}
	}
}

func BenchmarkParseCognitoTrust(b *testing.B) {
	b.ReportAllocs()

	for b.Loop() {
		if _, err := Parse([]byte(cognitoTrust)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMatchWorstCase(b *testing.B) {
	sc := newScope(&Request{})
	p, err := compilePattern("*"+strings.Repeat("a", 1024)+"?b*", wildcards)
	if err != nil {
		b.Fatal(err)
	}

	s := strings.Repeat("a", 2048)
	for b.Loop() {
		if p.match(s, &sc) == yes {
			b.Fatal("matched")
		}
	}
}
