//go:build wasip1

// The functions of `wasi:http`: the canonical ABI of the part of it in `wit/deps/http` beside the library.

package petrel

import (
	"fmt"
	"runtime"
	"unsafe"
)

// Requests, over wasi:http: the canonical ABI of the part of it in wit/deps/http beside the library.

// So many bytes are written at once: the host takes no more.
const piece = 4096

// So many bytes are asked for at once.
const largestPiece = 64 << 10

// The cases of error-code that are told apart.
const (
	destinationProhibited = 4
	connectionTimeout     = 8
	requestDenied         = 15
	responseTimeout       = 33
	internalError         = 38
)

//go:wasmimport wasi:http/types@0.2.12 [static]fields.from-list
func httpFields(headers, count uint32, fields unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.12 [method]fields.entries
func httpEntries(fields uint32, entries unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.12 [resource-drop]fields
func httpDropFields(fields uint32)

//go:wasmimport wasi:http/types@0.2.12 [constructor]outgoing-request
func httpRequest(fields uint32) uint32

//go:wasmimport wasi:http/types@0.2.12 [method]outgoing-request.set-method
func httpSetMethod(request, method, other, length uint32) uint32

//go:wasmimport wasi:http/types@0.2.12 [method]outgoing-request.set-scheme
func httpSetScheme(request, isSome, scheme, other, length uint32) uint32

//go:wasmimport wasi:http/types@0.2.12 [method]outgoing-request.set-authority
func httpSetAuthority(request, isSome, authority, length uint32) uint32

//go:wasmimport wasi:http/types@0.2.12 [method]outgoing-request.set-path-with-query
func httpSetPath(request, isSome, path, length uint32) uint32

//go:wasmimport wasi:http/types@0.2.12 [method]outgoing-request.body
func httpBody(request uint32, body unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.12 [resource-drop]outgoing-request
func httpDropRequest(request uint32)

//go:wasmimport wasi:http/types@0.2.12 [method]outgoing-body.write
func httpWrite(body uint32, stream unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.12 [static]outgoing-body.finish
func httpFinish(body, hasTrailers, trailers uint32, answer unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.12 [resource-drop]outgoing-body
func httpDropBody(body uint32)

//go:wasmimport wasi:http/types@0.2.12 [constructor]request-options
func httpOptions() uint32

//go:wasmimport wasi:http/types@0.2.12 [method]request-options.set-first-byte-timeout
func httpSetTimeout(options, isSome uint32, nanoseconds uint64) uint32

//go:wasmimport wasi:http/outgoing-handler@0.2.12 handle
func httpHandle(request, hasOptions, options uint32, future unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.12 [method]future-incoming-response.subscribe
func httpSubscribe(future uint32) uint32

//go:wasmimport wasi:http/types@0.2.12 [method]future-incoming-response.get
func httpGet(future uint32, came unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.12 [resource-drop]future-incoming-response
func httpDropFuture(future uint32)

//go:wasmimport wasi:io/poll@0.2.12 [method]pollable.block
func httpBlock(pollable uint32)

//go:wasmimport wasi:io/poll@0.2.12 [resource-drop]pollable
func httpDropPollable(pollable uint32)

//go:wasmimport wasi:http/types@0.2.12 [method]incoming-response.status
func httpStatus(response uint32) uint32

//go:wasmimport wasi:http/types@0.2.12 [method]incoming-response.headers
func httpHeaders(response uint32) uint32

//go:wasmimport wasi:http/types@0.2.12 [method]incoming-response.consume
func httpConsume(response uint32, body unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.12 [resource-drop]incoming-response
func httpDropResponse(response uint32)

//go:wasmimport wasi:http/types@0.2.12 [method]incoming-body.stream
func httpStream(body uint32, stream unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.12 [resource-drop]incoming-body
func httpDropIncoming(body uint32)

//go:wasmimport wasi:io/streams@0.2.12 [method]input-stream.blocking-read
func ioRead(stream uint32, most uint64, read unsafe.Pointer)

//go:wasmimport wasi:io/error@0.2.12 [method]error.to-debug-string
func ioWhy(failure uint32, why unsafe.Pointer)

//go:wasmimport wasi:io/streams@0.2.12 [resource-drop]input-stream
func ioDropInput(stream uint32)

//go:wasmimport wasi:io/streams@0.2.12 [method]output-stream.blocking-write-and-flush
func ioWrite(stream, at, length uint32, written unsafe.Pointer)

//go:wasmimport wasi:io/streams@0.2.12 [resource-drop]output-stream
func ioDropOutput(stream uint32)

// A result with a handle, or an error that is not looked at.
type wireHandle struct {
	isError uint32
	handle  uint32
}

func (h *wireHandle) isValid() bool { return h.isError&0xff == 0 }

// error-code: what a case carries is read of internal-error alone.
type wireCode struct {
	code uint64
	why  wireOption
	_    [3]uint32
}

// A result with a handle, or an error-code.
type wireSent struct {
	isError uint64
	code    wireCode
}

func (s *wireSent) isValid() bool { return s.isError&0xff == 0 }

// handle lies where the error would.
func (s *wireSent) handle() uint32 { return *(*uint32)(unsafe.Pointer(&s.code)) }

// What a request in the future has come to: an option of a result, whose error says that it was asked for before.
type wireCame struct {
	isSome  uint64
	isError uint64
	sent    wireSent
}

// A result with bytes, or the error of a stream: its last operation failed, with a handle, or it is closed.
type wireRead struct {
	isError uint32
	bytes   wireText
}

// isClosed looks at the case of the error, which lies where the bytes would. The handle of a failure is behind it.
func (r *wireRead) isClosed() bool { return r.bytes.at&0xff == 1 }

// failure is the error of a request without an answer. A denial has no code, so that the host says its own, with the remedy.
func (r *Request) failure(code *wireCode) error {
	names := []string{
		"DNS-timeout", "DNS-error", "destination-not-found", "destination-unavailable", "", "destination-IP-unroutable",
		"connection-refused", "connection-terminated", "", "connection-read-timeout", "connection-write-timeout",
		"connection-limit-reached", "TLS-protocol-error", "TLS-certificate-error", "TLS-alert-received",
	}
	switch which := int(code.code & 0xff); {
	case which == destinationProhibited || which == requestDenied:
		return &Error{Kind: Denied, Message: r.named() + " is not allowed"}
	case which == connectionTimeout || which == responseTimeout:
		return &Error{Kind: Timeout, Message: r.named() + " took too long", Code: "http.timeout"}
	case which == internalError && code.why.String() != "":
		return r.failed(code.why.String())
	case which < len(names):
		return r.failed(names[which])
	default:
		return r.failed(fmt.Sprintf("the host says error-code %d of wasi:http", which))
	}
}

func fetch(request *Request) (*Response, error) {
	answered, err := request.send()
	if err != nil {
		return nil, err
	}
	defer httpDropResponse(answered)
	response := &Response{Status: int(httpStatus(answered)), Headers: headersOf(httpHeaders(answered))}
	var body, stream wireHandle
	if httpConsume(answered, unsafe.Pointer(&body)); !body.isValid() {
		return nil, request.failed("its answer has no body")
	}
	defer httpDropIncoming(body.handle)
	if httpStream(body.handle, unsafe.Pointer(&stream)); !stream.isValid() {
		return nil, request.failed("its answer has no body")
	}
	defer ioDropInput(stream.handle)
	response.Body, err = request.read(stream.handle)
	return response, err
}

// send makes the request, and gives the handle of its answer.
func (r *Request) send() (uint32, error) {
	outgoing, err := r.outgoing()
	if err != nil {
		return 0, err
	}
	var body wireHandle
	if httpBody(outgoing, unsafe.Pointer(&body)); !body.isValid() {
		return 0, r.invalid("its body cannot be written")
	}
	options := uint32(0)
	if r.Timeout > 0 {
		options = httpOptions()
		// A host that cannot keep to it has a limit of its own.
		httpSetTimeout(options, 1, uint64(r.Timeout))
	}
	future := new(wireSent)
	withoutCollector(func() { httpHandle(outgoing, is(r.Timeout > 0), options, unsafe.Pointer(future)) })
	if !future.isValid() {
		httpDropBody(body.handle)
		return 0, r.failure(&future.code)
	}
	isWritten := r.write(body.handle)
	pollable := httpSubscribe(future.handle())
	httpBlock(pollable)
	httpDropPollable(pollable)
	came := new(wireCame)
	withoutCollector(func() { httpGet(future.handle(), unsafe.Pointer(came)) })
	httpDropFuture(future.handle())
	switch {
	case came.isSome&0xff == 0 || came.isError&0xff != 0:
		return 0, r.failed("the host gave no answer")
	case !came.sent.isValid():
		// A request that was not sent is not written, either; the answer says why.
		return 0, r.failure(&came.sent.code)
	case !isWritten:
		httpDropResponse(came.sent.handle())
		return 0, r.failed("its body was not taken")
	}
	return came.sent.handle(), nil
}

func (r *Request) outgoing() (uint32, error) {
	headers := make([]struct{ name, value wireText }, len(r.Headers)+1)
	for index, header := range r.Headers {
		headers[index].name.at, headers[index].name.length = lent(header.Name)
		headers[index].value.at, headers[index].value.length = lent(header.Value)
	}
	fields := new(wireHandle)
	httpFields(uint32(uintptr(unsafe.Pointer(&headers[0]))), uint32(len(r.Headers)), unsafe.Pointer(fields))
	runtime.KeepAlive(headers)
	if !fields.isValid() {
		return 0, r.invalid("a header cannot be sent")
	}
	outgoing := httpRequest(fields.handle)
	isHTTPS, authority, path := r.parts()
	method := uint32(0)
	for _, known := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"} {
		if known == r.Method {
			break
		}
		method++
	}
	methodAt, methodLength := lent(r.Method)
	authorityAt, authorityLength := lent(authority)
	pathAt, pathLength := lent(path)
	refused := httpSetMethod(outgoing, method, methodAt, methodLength) |
		httpSetScheme(outgoing, 1, is(isHTTPS), 0, 0) |
		httpSetAuthority(outgoing, 1, authorityAt, authorityLength) |
		httpSetPath(outgoing, 1, pathAt, pathLength)
	runtime.KeepAlive(r)
	runtime.KeepAlive(path)
	if refused != 0 {
		httpDropRequest(outgoing)
		return 0, r.invalid("its method or address is not valid")
	}
	return outgoing, nil
}

// write writes the body, and says whether the host has taken it.
func (r *Request) write(body uint32) bool {
	isWritten := true
	if len(r.Body) > 0 {
		stream := new(wireHandle)
		httpWrite(body, unsafe.Pointer(stream))
		isWritten = stream.isValid()
		for rest := r.Body; isWritten && len(rest) > 0; {
			part := rest[:min(len(rest), piece)]
			written := new(wireRead)
			ioWrite(stream.handle, uint32(uintptr(unsafe.Pointer(&part[0]))), uint32(len(part)), unsafe.Pointer(written))
			isWritten = written.isError&0xff == 0
			rest = rest[len(part):]
		}
		if stream.isValid() {
			ioDropOutput(stream.handle)
		}
	}
	finished := new(wireSent)
	withoutCollector(func() { httpFinish(body, 0, 0, unsafe.Pointer(finished)) })
	return isWritten && finished.isValid()
}

func headersOf(fields uint32) []Header {
	entries := new(wireText)
	withoutCollector(func() { httpEntries(fields, unsafe.Pointer(entries)) })
	httpDropFields(fields)
	headers := make([]Header, 0, entries.length)
	if entries.length > 0 {
		at := unsafe.Pointer(uintptr(entries.at))
		for _, entry := range unsafe.Slice((*struct{ name, value wireText })(at), entries.length) {
			headers = append(headers, Header{entry.name.taken(), entry.value.taken()})
		}
		delete(pinned, uintptr(entries.at))
	}
	return headers
}

// read reads the whole body.
func (r *Request) read(stream uint32) ([]byte, error) {
	var body []byte
	for {
		read := new(wireRead)
		withoutCollector(func() { ioRead(stream, largestPiece, unsafe.Pointer(read)) })
		if read.isError&0xff != 0 {
			if read.isClosed() {
				return body, nil
			}
			why := new(wireText)
			withoutCollector(func() { ioWhy(read.bytes.length, unsafe.Pointer(why)) })
			return nil, r.failed("its answer has broken off: " + why.taken())
		}
		if int(read.bytes.length) > r.largest()-len(body) {
			return nil, r.tooLarge()
		}
		body = append(body, read.bytes.taken()...)
	}
}
