// Requests over HTTP, and their answers. `wire_http.go` sends them in a component.

package petrel

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The largest body of an answer: the limit of the host.
const largestAnswer = 16 << 20

// Header is a header of a request or of an answer.
type Header struct{ Name, Value string }

// Request is a request. net/http would do the same with sockets, which components do not have.
type Request struct {
	// Method is GET if it is empty.
	Method string
	// URL begins with http:// or https://.
	URL     string
	Headers []Header
	Body    []byte
	// Timeout is the longest time until the head of the answer arrives. That of the host if it is 0.
	Timeout time.Duration
	// LargestAnswer is the largest body of the answer, in bytes. 16 MiB if it is 0.
	LargestAnswer int
}

// With adds a header.
func (r *Request) With(name, value string) *Request {
	r.Headers = append(r.Headers, Header{name, value})
	return r
}

// JSON sets the body, and says in a header that it is JSON.
func (r *Request) JSON(body any) (*Request, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	r.Body = text
	return r.With("content-type", "application/json"), nil
}

// Response is an answer.
type Response struct {
	Status  int
	Headers []Header
	Body    []byte
}

// Header gives the value of a header. Empty if there is none.
func (r *Response) Header(name string) string {
	for _, header := range r.Headers {
		if strings.EqualFold(header.Name, name) {
			return header.Value
		}
	}
	return ""
}

// Text gives the body as text.
func (r *Response) Text() (string, error) {
	if !utf8.Valid(r.Body) {
		return "", &Error{Kind: Permanent, Message: "the body of the answer is not UTF-8", Code: "http.text"}
	}
	return string(r.Body), nil
}

// JSON reads the body.
func (r *Response) JSON(into any) error { return json.Unmarshal(r.Body, into) }

// Success gives the error that follows from a status which is none of success, with the time of Retry-After.
func (r *Response) Success() error {
	if r.Status >= 200 && r.Status < 300 {
		return nil
	}
	kind := Permanent
	switch {
	case r.Status == 401 || r.Status == 403:
		kind = Unauthenticated
	case r.Status == 404 || r.Status == 410:
		kind = NotFound
	case r.Status == 409 || r.Status == 412:
		kind = Conflict
	case r.Status == 429:
		kind = RateLimited
	case r.Status == 408 || r.Status == 425 || r.Status >= 500:
		kind = Transient
	}
	failure := &Error{
		Kind:    kind,
		Message: fmt.Sprintf("the server answered with the status %d", r.Status),
		Code:    fmt.Sprintf("http.%d", r.Status),
	}
	// A date is left out: the time is in seconds nearly always.
	if seconds, err := strconv.ParseUint(r.Header("retry-after"), 10, 20); err == nil {
		failure.RetryAfter = time.Duration(seconds) * time.Second
	}
	return failure
}

// Get reads an address.
func Get(url string) (*Response, error) { return Fetch(&Request{URL: url}) }

// Fetch makes a request, and reads its answer, which may have any status. Redirects are not followed. An address that is not
// granted is an error of the kind [Denied]; the execution says which command grants it.
func Fetch(request *Request) (*Response, error) {
	if request.Method == "" {
		request.Method = "GET"
	}
	if !strings.HasPrefix(request.URL, "http://") && !strings.HasPrefix(request.URL, "https://") {
		return nil, request.invalid("its address does not begin with https:// or http://")
	}
	return fetch(request)
}

// named is the request in messages: without its query, which may be secret.
func (r *Request) named() string {
	address, _, _ := strings.Cut(r.URL, "#")
	address, _, _ = strings.Cut(address, "?")
	return r.Method + " " + address
}

func (r *Request) invalid(why string) error {
	return &Error{
		Kind:    InvalidInput,
		Message: fmt.Sprintf("the request %s cannot be made: %s", r.named(), why),
		Code:    "http.request",
	}
}

func (r *Request) failed(why string) error {
	return &Error{Kind: Transient, Message: fmt.Sprintf("%s failed: %s", r.named(), why), Code: "http.failed"}
}

func (r *Request) tooLarge() error {
	return &Error{
		Kind:    Permanent,
		Message: fmt.Sprintf("the body of the answer is larger than %d bytes", r.largest()),
		Code:    "http.too_large",
		Hint:    "ask for less",
	}
}

func (r *Request) largest() int {
	if r.LargestAnswer > 0 {
		return r.LargestAnswer
	}
	return largestAnswer
}

// parts are those of the address. A fragment is not sent.
func (r *Request) parts() (isHTTPS bool, authority, path string) {
	address, _, _ := strings.Cut(r.URL, "#")
	scheme, rest, _ := strings.Cut(address, "://")
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	authority, path = rest[:end], rest[end:]
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return scheme == "https", authority, path
}
