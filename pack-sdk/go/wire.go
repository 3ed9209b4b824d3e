//go:build wasip1

package petrel

import (
	"encoding/json"
	"log/slog"
	"runtime"
	"runtime/debug"
	"time"
	"unsafe"
)

// The way between actions and the host: the canonical ABI of wit/, written by hand. `petrel pack build` writes the version of the
// interface's package in place of `WIT` behind an `@`. Here is what the host calls, and what nearly every action asks for;
// wire_asked.go and wire_http.go have the rest. A function that no action calls is no import of the component.

// The memory that the host writes to, until the call ends: the collector does not see what the host refers to.
var pinned = map[uintptr][]byte{}

// The room of the adapter between WASI and Go's older one. It would take its memory where Go's heap grows to, since Go takes
// all memory behind its data for its own. So `petrel pack build` finds this room by its first bytes, and has the adapter use it.
var room = [192 << 10]byte{'p', 'e', 't', 'r', 'e', 'l', ':', 'r', 'o', 'o', 'm', '-', 'o', 'f', '-', 't', 'h', 'e', '-', 'a',
	'd', 'a', 'p', 't', 'e', 'r'}

// What keeps the linker from leaving the room out.
var roomAt = &room

// The host takes memory here for what it gives, and a component may call nothing of the host meanwhile. The collector would: it
// asks for the time. So it works only while the code of an action runs.
func init() { debug.SetGCPercent(-1) }

// withoutCollector runs a call of the host that gives texts back.
func withoutCollector(call func()) {
	// It also waits for a collection that has begun.
	percent := debug.SetGCPercent(-1)
	call()
	debug.SetGCPercent(percent)
}

// As `cabi_realloc` it would be called before the runtime of Go has started. Under these names it is not.
//
//go:wasmexport cabi_import_realloc
func importRealloc(old, oldSize, align, size uint32) uint32 {
	return exportRealloc(old, oldSize, align, size)
}

//go:wasmexport cabi_export_realloc
func exportRealloc(old, oldSize, align, size uint32) uint32 {
	if size == 0 {
		return align
	}
	block := make([]byte, size+align)
	start := uintptr(unsafe.Pointer(&block[0]))
	at := (start + uintptr(align) - 1) &^ (uintptr(align) - 1)
	if old != 0 {
		copy(block[at-start:], unsafe.Slice((*byte)(unsafe.Pointer(uintptr(old))), oldSize))
		delete(pinned, uintptr(old))
	}
	pinned[at] = block
	return uint32(at)
}

// Text as the canonical ABI lays it out.
type wireText struct{ at, length uint32 }

func (t wireText) String() string {
	if t.length == 0 {
		return ""
	}
	return string(unsafe.Slice((*byte)(unsafe.Pointer(uintptr(t.at))), t.length))
}

// taken is the text, whose memory is given back: the host has written it, and it is not read again.
func (t wireText) taken() string {
	text := t.String()
	delete(pinned, uintptr(t.at))
	return text
}

type wireOption struct {
	isSome uint32
	text   wireText
}

func (o wireOption) String() string {
	if o.isSome&0xff == 0 {
		return ""
	}
	return o.text.String()
}

// An option of a number.
type wireNumber struct {
	isSome uint8
	number uint64
}

// The error of the canonical ABI: 72 bytes, at a multiple of 8. What the kind carries is a time to wait, or a word.
type wireError struct {
	kind                uint8
	payload             wireNumber
	message             wireText
	hint, code, details wireOption
	_                   uint32
}

func (e *wireError) word() *wireText { return (*wireText)(unsafe.Pointer(&e.payload)) }

// err is the error for an action.
func (e *wireError) err() error {
	err := &Error{
		Kind:    Kind(e.kind),
		Message: e.message.String(),
		Hint:    e.hint.String(),
		Code:    e.code.String(),
	}
	switch {
	case err.Kind > Other:
		// A kind of which this version does not know is one that does not pass by itself.
		err.Kind = Permanent
	case err.Kind == Other:
		err.Word = e.word().String()
	case (err.Kind == Transient || err.Kind == RateLimited) && e.payload.isSome != 0:
		err.RetryAfter = milliseconds(e.payload.number)
	}
	if details := e.details.String(); details != "" {
		err.Details = json.RawMessage(details)
	}
	return err
}

// milliseconds is the duration, or the longest that there is.
func milliseconds(count uint64) time.Duration {
	return time.Duration(min(count, uint64(1<<63-1)/uint64(time.Millisecond))) * time.Millisecond
}

// A result with such an error: 80 bytes.
type wireAnswer struct {
	isError uint8
	err     wireError
}

// value is what a result that is no error has: it lies where the error would.
func (a *wireAnswer) value() unsafe.Pointer { return unsafe.Pointer(&a.err) }

// text is such a value that is a text.
func (a *wireAnswer) text() (string, error) {
	if a.isError != 0 {
		return "", a.err.err()
	}
	return (*wireText)(a.value()).taken(), nil
}

// The arguments of an action, 80 bytes. They are too many to be passed one by one.
type wireCall struct {
	execution, pack, action, user wireText
	attempt                       uint32
	deadlineMS                    uint64
	parent                        wireOption
	trace                         wireText
	_                             uint32
	parameters                    wireText
}

// lent is the place of a text, which the caller keeps alive until the host has read it.
func lent(text string) (at, length uint32) {
	return uint32(uintptr(unsafe.Pointer(unsafe.StringData(text)))), uint32(len(text))
}

//go:wasmimport petrel:log/log@WIT write
func hostWrite(level, at, length, isSome, fields, fieldsLength uint32)

//go:wasmimport petrel:log/log@WIT progress
func hostProgress(fraction float32, isSome, note, noteLength uint32)

//go:wasmimport petrel:config/config@WIT all
func hostConfig(config unsafe.Pointer)

func write(level slog.Level, message, fields string) {
	at, length := lent(message)
	fieldsAt, fieldsLength := lent(fields)
	isSome := uint32(0)
	if fields != "" {
		isSome = 1
	}
	// trace, debug, info, warn, error; those of slog are four apart, and info is 0.
	wire := min(max(2+int(level)/4, 0), 4)
	hostWrite(uint32(wire), at, length, isSome, fieldsAt, fieldsLength)
	runtime.KeepAlive(message)
	runtime.KeepAlive(fields)
}

func progress(fraction float32) { hostProgress(fraction, 0, 0, 0) }

func config() string {
	var text wireText
	withoutCollector(func() { hostConfig(unsafe.Pointer(&text)) })
	return text.String()
}

// What a call has answered, for as long as the host reads it.
var (
	answered wireAnswer
	given    wireText
	kept     [][]byte
)

func keep(text []byte) wireText {
	if len(text) == 0 {
		return wireText{}
	}
	kept = append(kept, text)
	return wireText{uint32(uintptr(unsafe.Pointer(&text[0]))), uint32(len(text))}
}

func keepOption(text string) wireOption {
	if text == "" {
		return wireOption{}
	}
	return wireOption{1, keep([]byte(text))}
}

// detailsOf are the details of an error as JSON. Those that cannot be written are left out.
func detailsOf(err *Error) string {
	if err.Details == nil {
		return ""
	}
	text, failed := json.Marshal(err.Details)
	if failed != nil {
		return ""
	}
	return string(text)
}

//go:wasmexport petrel:pack/action@WIT#run
func exportRun(at uint32) uint32 {
	call := (*wireCall)(unsafe.Pointer(uintptr(at)))
	ctx := &Context{
		ExecutionID: call.execution.String(),
		Pack:        call.pack.String(),
		Action:      call.action.String(),
		User:        call.user.String(),
		Attempt:     call.attempt,
		DeadlineMS:  call.deadlineMS,
		ParentID:    call.parent.String(),
		TraceID:     call.trace.String(),
	}
	if roomAt == nil {
		panic("there is no room for the adapter")
	}
	debug.SetGCPercent(100)
	result, err := run(ctx, []byte(call.parameters.String()))
	clear(pinned)
	answered = wireAnswer{}
	if err == nil {
		*(*wireText)(answered.value()) = keep(result)
	} else {
		answered.isError = 1
		answered.err.kind = uint8(err.Kind)
		answered.err.message = keep([]byte(err.Message))
		answered.err.hint = keepOption(err.Hint)
		answered.err.code = keepOption(err.Code)
		answered.err.details = keepOption(detailsOf(err))
		switch wait := err.RetryAfter.Milliseconds(); {
		case err.Kind == Other:
			*answered.err.word() = keep([]byte(err.Word))
		case (err.Kind == Transient || err.Kind == RateLimited) && wait > 0:
			answered.err.payload = wireNumber{1, uint64(wait)}
		}
	}
	return uint32(uintptr(unsafe.Pointer(&answered)))
}

//go:wasmexport petrel:pack/description@WIT#describe
func exportDescribe() uint32 {
	given = keep(describe())
	return uint32(uintptr(unsafe.Pointer(&given)))
}
