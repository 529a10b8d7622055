package saml_test

import (
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/beevik/etree"

	"github.com/poolhouse-id/poolhouse/internal/saml/samltest"
)

func tree(t testing.TB, document string) *etree.Document {
	t.Helper()
	d := etree.NewDocument()
	if err := d.ReadFromString(document); err != nil {
		t.Fatal(err)
	}
	return d
}

func written(t testing.TB, d *etree.Document) string {
	t.Helper()
	s, err := d.WriteToString()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// wrapped is one of the eight signature wrapping attacks that SAML Raider names
// XSW1 to XSW8, on a signed assertion or a signed response: the signed element S
// is kept somewhere, and an evil copy E takes its place.
func wrapped(t testing.TB, idp *samltest.IdP, attack int, position string) string {
	id := samltest.AssertionID
	if position == "response" {
		id = samltest.ResponseID
	}

	d := tree(t, idp.Sign(t, idp.Unsigned(samltest.Login{}), id, samltest.Signing{}))
	signed := d.FindElement("//*[@ID='" + id + "']")
	signature := signed.FindElement("./Signature")
	evil := signed.Copy()
	evil.RemoveChild(evil.FindElement("./Signature"))
	evil.FindElement(".//NameID").SetText("admin")
	evil.CreateAttr("ID", "_evil")

	for _, prefix := range []string{"samlp", "saml"} { // it may stand alone
		evil.CreateAttr("xmlns:"+prefix,
			map[string]string{"samlp": "urn:oasis:names:tc:SAML:2.0:protocol",
				"saml": "urn:oasis:names:tc:SAML:2.0:assertion"}[prefix])
	}
	if inner := evil.FindElement("./Assertion"); inner != nil {
		inner.CreateAttr("ID", "_evil2")
	}
	bare := signed.Copy()
	bare.RemoveChild(bare.FindElement("./Signature"))

	// replace puts E where S was.
	replace := func() {
		if parent := signed.Parent(); parent != nil && position == "assertion" {
			at := signed.Index()
			parent.RemoveChildAt(at)
			parent.InsertChildAt(at, evil)
		} else {
			d.SetRoot(evil)
		}
	}

	outer := func() *etree.Element { // what E's siblings are put in
		if position == "assertion" {
			return d.Root()
		}
		return evil
	}

	switch attack {
	case 1:
		evil.InsertChildAt(1, signature)
		signature.AddChild(bare)
		replace()
	case 2:
		evil.InsertChildAt(1, bare)
		evil.InsertChildAt(2, signature)
		replace()
	case 3:
		if position == "assertion" {
			d.Root().InsertChildAt(signed.Index(), evil)
		} else {
			whole := signed.Copy()
			replace()
			evil.InsertChildAt(0, whole)
		}
	case 4:
		whole := signed.Copy()
		replace()
		evil.AddChild(whole)
	case 5:
		evil.InsertChildAt(1, signature)
		replace()
		outer().AddChild(bare)
	case 6:
		evil.InsertChildAt(1, signature)
		signature.InsertChildAt(0, bare)
		replace()
	case 7:
		evil.CreateAttr("ID", id)
		extensions := etree.NewElement("samlp:Extensions")
		extensions.AddChild(evil)
		d.Root().InsertChildAt(1, extensions)
	case 8:
		object := etree.NewElement("ds:Object")
		object.AddChild(bare)
		signature.AddChild(object)
		evil.InsertChildAt(1, signature)
		replace()
	}

	out := written(t, d)
	if !strings.Contains(out, "admin") || !strings.Contains(out, "alice") {
		t.Fatalf("attack %d on a signed %s is none", attack, position)
	}

	return out
}

// moved takes the assertion's signature to the response.
func moved(t testing.TB, good string) string {
	d := tree(t, good)
	signature := d.FindElement("//Signature")
	signature.Parent().RemoveChild(signature)
	d.Root().InsertChildAt(1, signature)
	return written(t, d)
}

// inExtensions takes it out of the way altogether.
func inExtensions(t testing.TB, good string) string {
	d := tree(t, good)
	signature := d.FindElement("//Signature")
	signature.Parent().RemoveChild(signature)
	extensions := etree.NewElement("samlp:Extensions")
	extensions.AddChild(signature)
	d.Root().InsertChildAt(1, extensions)
	return written(t, d)
}

// exchanged puts another assertion in place of a document's own.
func exchanged(document, assertion string) string {
	from, to := strings.Index(document, "<saml:Assertion"), strings.Index(document,
		"</saml:Assertion>")+len("</saml:Assertion>")
	return document[:from] + assertion + document[to:]
}

// without is a signed document whose assertion never had an element.
func without(t testing.TB, idp *samltest.IdP, name string) string {
	d := tree(t, idp.Unsigned(samltest.Login{}))
	e := d.FindElement("//Assertion//" + name)
	e.Parent().RemoveChild(e)
	return idp.Sign(t, written(t, d), samltest.AssertionID, samltest.Signing{})
}

func inUTF16(text string) string {
	out := []byte{0xfe, 0xff}
	for _, unit := range utf16.Encode([]rune(`<?xml version="1.0" encoding="UTF-16"?>` + text)) {
		out = binary.BigEndian.AppendUint16(out, unit)
	}
	return string(out)
}
