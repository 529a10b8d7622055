package saml

import (
	"errors"
	"strings"

	"github.com/beevik/etree"
)

// Namespaces of the documents.
const (
	protocolNamespace  = "urn:oasis:names:tc:SAML:2.0:protocol"
	assertionNamespace = "urn:oasis:names:tc:SAML:2.0:assertion"
	metadataNamespace  = "urn:oasis:names:tc:SAML:2.0:metadata"
	signatureNamespace = "http://www.w3.org/2000/09/xmldsig#"
	exclusiveNamespace = "http://www.w3.org/2001/10/xml-exc-c14n#"
)

// parse returns the root of a scanned document.
func parse(document []byte) (*etree.Element, error) {
	tree := etree.NewDocument()
	if err := tree.ReadFromBytes(document); err != nil || tree.Root() == nil {
		return nil, errors.New("it is not well-formed XML")
	}
	return tree.Root(), nil
}

func is(e *etree.Element, namespace, name string) bool {
	return e.Tag == name && e.NamespaceURI() == namespace
}

// all returns the children of e with that name.
func all(e *etree.Element, namespace, name string) []*etree.Element {
	var list []*etree.Element
	for _, child := range e.ChildElements() {
		if is(child, namespace, name) {
			list = append(list, child)
		}
	}
	return list
}

// one returns the only child of e with that name, or nil, and the number of such
// children.
func one(e *etree.Element, namespace, name string) (*etree.Element, int) {
	list := all(e, namespace, name)
	if len(list) != 1 {
		return nil, len(list)
	}
	return list[0], 1
}

// walk visits e and everything below it.
func walk(e *etree.Element, visit func(*etree.Element)) {
	visit(e)

	for _, child := range e.ChildElements() {
		walk(child, visit)
	}
}

// attribute returns the value of an attribute without prefix.
func attribute(e *etree.Element, name string) (string, bool) {
	for _, a := range e.Attr {
		if a.Space == "" && a.Key == name {
			return a.Value, true
		}
	}
	return "", false
}

// text returns the text of an element that contains only text: parsers disagree on
// text that a comment or an element interrupts.
func text(e *etree.Element) (string, bool) {
	var b strings.Builder
	for _, child := range e.Child {
		data, ok := child.(*etree.CharData)
		if !ok {
			return "", false
		}
		b.WriteString(data.Data)
	}

	return b.String(), true
}

// onlyElements reports whether an element contains only elements and white space.
func onlyElements(e *etree.Element) bool {
	for _, child := range e.Child {
		switch c := child.(type) {
		case *etree.Element:
		case *etree.CharData:
			if strings.Trim(c.Data, " \t\r\n") != "" {
				return false
			}
		default:
			return false
		}
	}

	return true
}
