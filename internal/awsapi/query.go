package awsapi

import (
	"cmp"
	"encoding/xml"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// queryProtocol is AWS Query.
var queryProtocol = awsQuery{}

type awsQuery struct{}

var xmlType = []string{"text/xml"}

// faultNamespace is the XML namespace of errors that belong to no API.
const faultNamespace = "http://webservices.amazon.com/AWSFault/2005-15-09"

// queryWords are the codes of AWS Query services.
var queryWords = [InternalError + 1]words{
	MissingAuthentication: {"MissingAuthenticationToken", 403, "Request is missing Authentication Token"},
	IncompleteSignature:   {"IncompleteSignature", 400, "The request signature does not conform to AWS standards."},
	UnknownKey:            {"InvalidClientTokenId", 403, "The security token included in the request is invalid."},
	BadSignature:          {"SignatureDoesNotMatch", 403, signatureMismatch},
	RequestExpired:        {"SignatureDoesNotMatch", 403, "Signature expired."},
	InvalidToken:          {"InvalidClientTokenId", 403, "The security token included in the request is invalid."},
	ExpiredToken:          {"ExpiredToken", 403, "The security token included in the request is expired"},
	AccessDenied:          {"AccessDenied", 403, "The caller is not authorized to perform this action."},
	UnknownOperation:      {"InvalidAction", 400, "The requested action is not recognized."},
	Malformed:             {"MalformedInput", 400, "The request cannot be read."},
	InvalidInput:          {"ValidationError", 400, "The input fails to satisfy the service's constraints."},
	Throttled:             {"Throttling", 400, "Rate exceeded"},
	Unavailable:           {"ServiceUnavailable", 503, unavailableText},
	InternalError:         {"InternalFailure", 500, internalText},
}

// queryStatus has the status of the protocol's own errors that operations name.
// API.Statuses has those of a single API.
var queryStatus = map[string]int{"AccessDenied": 403, "InternalFailure": 500}

// isQuery reports whether r uses AWS Query: a form, or an Action in the URL, and no
// X-Amz-Target.
func isQuery(r *http.Request) bool {
	if _, ok := r.Header["X-Amz-Target"]; ok {
		return false
	}
	return isForm(r) || strings.Contains(r.URL.RawQuery, "Action=")
}

// CallsByGet reports whether a GET calls an operation, as presigned URLs do.
func CallsByGet(r *http.Request) bool { return r.Method == http.MethodGet && isQuery(r) }

func isForm(r *http.Request) bool {
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(kind), "application/x-www-form-urlencoded")
}

// find finds the operation by Action and Version, in the URL or the form.
func (awsQuery) find(c *call) error {
	if c.request.Method != http.MethodPost && c.request.Method != http.MethodGet {
		why := operationMethod.With("methods", "POST or GET")
		return RefusedAs(UnknownOperation, why, "Requests with Action are sent with POST or GET.")
	}

	c.form = parameters{values: url.Values{}}
	if err := c.form.add(c.request.URL.RawQuery); err != nil {
		return err
	}
	if isForm(c.request) {
		if err := c.form.add(string(c.body)); err != nil {
			return err
		}
	}

	action, version := c.form.values.Get("Action"), c.form.values.Get("Version")
	if action == "" {
		return RefusedAs(UnknownOperation, operationMissing.With(), noOperation)
	}

	if api := c.versions[version]; api != nil {
		c.api = api
		c.op = api.operations[action]
	}
	if c.op == nil {
		version = cmp.Or(version, "NO_VERSION_SPECIFIED")
		why := operationService.With()
		if c.api != nobody {
			why = operationUnknown.With("operation", plain(action)+" of "+c.api.Name)
		}

		return RefusedAs(UnknownOperation, why,
			"Could not find operation "+printable(action)+" for version "+printable(version))
	}

	return nil
}

// maxParameters bounds the number of parameters in a request.
const maxParameters = 1000

// parameters are the parameters of an AWS Query request.
type parameters struct {
	values url.Values // one value per name
	names  []string   // sorted
}

// add adds the parameters of text. It refuses a parameter that is given twice, because
// some readers take the first and others the last.
func (p *parameters) add(text string) error {
	if text == "" {
		return nil
	}
	if len(p.names)+strings.Count(text, "&") >= maxParameters {
		most := strconv.Itoa(maxParameters)
		return RefusedAs(Malformed, parameterCount.With("limit", most),
			"The request has more than "+most+" parameters.")
	}

	values, err := url.ParseQuery(text)
	if err != nil {
		return RefusedAs(Malformed, parameterEncoding.With(), "The request's parameters are not form-encoded.")
	}

	for _, k := range slices.Sorted(maps.Keys(values)) {
		v := values[k]
		if len(v) > 1 || p.values.Has(k) {
			return RefusedAs(Malformed, parameterTwice.With().Of(memberPath(k)),
				"Parameter "+plain(k)+" appears twice.")
		}
		if !utf8.ValidString(k) || !utf8.ValidString(v[0]) {
			why := parameterEncoding.With().Of(memberPath(k))
			return RefusedAs(Malformed, why, "Parameter "+plain(k)+" is not valid UTF-8.")
		}

		p.values[k] = v
		p.names = append(p.names, k)
	}

	slices.Sort(p.names)

	return nil
}

// under returns the names that start with prefix, without the prefix.
func (p *parameters) under(prefix string) iter.Seq[string] {
	return func(yield func(string) bool) {
		from, _ := slices.BinarySearch(p.names, prefix)
		for _, name := range p.names[from:] {
			rest, ok := strings.CutPrefix(name, prefix)
			if !ok || !yield(rest) {
				return
			}
		}
	}
}

func (awsQuery) decode(c *call, in any) error {
	return decodeQuery(&c.form, "", reflect.ValueOf(in).Elem())
}

// decodeQuery fills the struct v from the parameters under prefix. A field gets the
// parameter with its name or its query tag; the fields of an embedded struct, or of one
// with the tag *, count as fields of v. Fields are *string, *int, *bool, structs and
// lists of structs or strings (NAME.member.1 and so on). nil means absent.
func decodeQuery(form *parameters, prefix string, v reflect.Value) error {
	t := v.Type()
	for i := range t.NumField() {
		name := cmp.Or(t.Field(i).Tag.Get("query"), t.Field(i).Name)

		var err error
		if name == "*" || t.Field(i).Anonymous {
			err = decodeQuery(form, prefix, v.Field(i))
		} else {
			err = decodeParameter(form, prefix+name, v.Field(i))
		}
		if err != nil {
			return err
		}
	}

	return nil
}

func decodeParameter(form *parameters, name string, v reflect.Value) error {
	switch v.Kind() {
	case reflect.Slice:
		return decodeList(form, name, v)
	case reflect.Struct:
		return decodeQuery(form, name+".", v)
	case reflect.String:
		v.SetString(form.values.Get(name))
		return nil
	}
	if !form.values.Has(name) {
		return nil
	}

	text := form.values.Get(name)
	switch p := v.Addr().Interface().(type) {
	case **string:
		*p = &text
	case **int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return badParameter(name, "an integer")
		}
		*p = &n
	case **bool:
		if text != "true" && text != "false" {
			return badParameter(name, "true or false")
		}
		*p = new(text == "true")
	default:
		panic("awsapi: a query field cannot have the type " + v.Type().String())
	}

	return nil
}

// decodeList fills a list from NAME.member.N. It refuses gaps in the numbers and every
// other spelling of a list (NAME=x, NAME.N): skipping them could drop a restriction
// that the caller meant to set.
func decodeList(form *parameters, name string, v reflect.Value) error {
	prefix, last := name+".member.", 0
	structs := v.Type().Elem().Kind() == reflect.Struct

	seen := map[int]bool{}
	if form.values.Get(name) != "" {
		return badList(name, " is not written as NAME.member.N.")
	}

	for rest := range form.under(name + ".") {
		rest, isMember := strings.CutPrefix(rest, "member.")
		index, _, deeper := strings.Cut(rest, ".")
		n, err := strconv.Atoi(index)
		if !isMember {
			return badList(name, " is not written as NAME.member.N.")
		}
		if err != nil || n < 1 || n > maxParameters || strconv.Itoa(n) != index || deeper != structs {
			return badList(name, " has a bad index.")
		}

		seen[n] = true
		last = max(last, n)
	}

	if last != len(seen) {
		return badList(name, " has a hole in its numbering.")
	}
	if last == 0 {
		if form.values.Has(name) { // NAME= is the empty list
			v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		}
		return nil
	}

	v.Set(reflect.MakeSlice(v.Type(), last, last))

	for i := range last {
		if err := decodeParameter(form, prefix+strconv.Itoa(i+1), v.Index(i)); err != nil {
			return err
		}
	}

	return nil
}

func badParameter(name, want string) error {
	why := parameterType.With("type", want).Of(memberPath(name))
	return RefusedAs(Malformed, why, "Parameter "+plain(name)+" must be "+want+".")
}

func badList(name, fault string) error {
	return RefusedAs(Malformed, parameterList.With().Of(memberPath(name)), "List "+plain(name)+fault)
}

// answer writes the response of AWS Query. Outputs are structs for encoding/xml; lists
// have the tag NAME>member.
func (awsQuery) answer(x *exchange, c *call, out any) error {
	buf := getBuffer()
	defer putBuffer(buf)

	buf.WriteString("<" + c.op.name + `Response xmlns="` + c.api.Namespace + `">`)
	if out != nil {
		enc := xml.NewEncoder(buf)
		if err := enc.EncodeElement(out, xml.StartElement{Name: xml.Name{Local: c.op.name + "Result"}}); err != nil {
			return err
		}
	}
	buf.WriteString("<ResponseMetadata><RequestId>" + x.record.RequestID +
		"</RequestId></ResponseMetadata></" + c.op.name + "Response>")

	h := x.Header()
	h["Content-Type"] = xmlType
	h["Content-Length"] = []string{strconv.Itoa(buf.Len())}
	x.WriteHeader(http.StatusOK)
	_, _ = x.Write(buf.Bytes())

	return nil
}

func (awsQuery) refuse(x *exchange, c *call, e *Error) wireError {
	namespace := c.api.Namespace
	if namespace == "" || e.Kind == UnknownOperation {
		namespace = faultNamespace
	}

	w := translate(e, &queryWords, queryStatus, &c.api.API)
	side := "Sender"
	if w.status >= 500 {
		side = "Receiver"
	}

	buf := getBuffer()
	defer putBuffer(buf)

	buf.WriteString(`<ErrorResponse xmlns="` + namespace + `"><Error><Type>` + side + `</Type><Code>`)
	_ = xml.EscapeText(buf, []byte(w.code)) // a Buffer does not fail
	buf.WriteString(`</Code><Message>`)
	_ = xml.EscapeText(buf, []byte(w.message))
	buf.WriteString(`</Message></Error><RequestId>` + x.record.RequestID + `</RequestId></ErrorResponse>`)

	h := x.Header()
	h["Content-Type"] = xmlType
	h["Content-Length"] = []string{strconv.Itoa(buf.Len())}
	x.WriteHeader(w.status)
	_, _ = x.Write(buf.Bytes())

	return w
}
