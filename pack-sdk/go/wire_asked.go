//go:build wasip1

// The functions of the host that give keys, secrets, events and runs: the canonical ABI of their WIT. `native.go` stands in for them in tests.

package petrel

import (
	"runtime"
	"time"
	"unsafe"
)

// Events, and what the operator grants by name: keys, secrets, and runs of other actions.

//go:wasmimport petrel:trigger/emit@WIT emit
func hostEmit(trigger, triggerLength, payload, payloadLength, hasParameters, parameters, parametersLength, hasKey, key,
	keyLength, hasTime uint32, time uint64, hasTag, tag, tagLength uint32, answer unsafe.Pointer)

//go:wasmimport petrel:kv/kv@WIT get
func hostKVGet(store, storeLength, key, keyLength uint32, answer unsafe.Pointer)

//go:wasmimport petrel:kv/kv@WIT set
func hostKVSet(store, storeLength, key, keyLength, value, valueLength, hasTTL uint32, ttl uint64, answer unsafe.Pointer)

//go:wasmimport petrel:kv/kv@WIT cas
func hostKVCAS(store, storeLength, key, keyLength, hasExpected, expected, expectedLength, value, valueLength, hasTTL uint32,
	ttl uint64, answer unsafe.Pointer)

//go:wasmimport petrel:kv/kv@WIT delete
func hostKVDelete(store, storeLength, key, keyLength uint32, answer unsafe.Pointer)

//go:wasmimport petrel:kv/kv@WIT list-keys
func hostKVKeys(store, storeLength, prefix, prefixLength, hasCursor, cursor, cursorLength uint32, answer unsafe.Pointer)

//go:wasmimport petrel:secrets/secrets@WIT get
func hostSecret(name, nameLength uint32, answer unsafe.Pointer)

//go:wasmimport petrel:secrets/secrets@WIT [method]secret.placeholder
func hostPlaceholder(secret uint32, placeholder unsafe.Pointer)

//go:wasmimport petrel:secrets/reveal@WIT reveal
func hostReveal(secret uint32, answer unsafe.Pointer)

//go:wasmimport petrel:actions/call@WIT run
func hostCall(action, actionLength, parameters, parametersLength uint32, answer unsafe.Pointer)

// is tells the host whether an option that is empty without a value has one.
func is(some bool) uint32 {
	if some {
		return 1
	}
	return 0
}

// asked runs a call of the host, and gives its answer. The texts are kept alive for it.
func asked(call func(answer unsafe.Pointer), texts ...string) *wireAnswer {
	answer := new(wireAnswer)
	withoutCollector(func() { call(unsafe.Pointer(answer)) })
	runtime.KeepAlive(texts)
	return answer
}

func emit(event *Event, payload, parameters string) (string, error) {
	trigger, triggerLength := lent(event.Trigger)
	payloadAt, payloadLength := lent(payload)
	parametersAt, parametersLength := lent(parameters)
	key, keyLength := lent(event.DedupKey)
	tag, tagLength := lent(event.TraceTag)
	occurred := uint64(0)
	if !event.OccurredAt.IsZero() {
		occurred = uint64(max(event.OccurredAt.UnixMilli(), 0))
	}
	answer := asked(func(answer unsafe.Pointer) {
		hostEmit(trigger, triggerLength, payloadAt, payloadLength, is(parameters != ""), parametersAt, parametersLength,
			is(keyLength > 0), key, keyLength, is(occurred > 0), occurred, is(tagLength > 0), tag, tagLength, answer)
	}, payload, parameters)
	runtime.KeepAlive(event)
	return answer.text()
}

// An option of a key: 40 bytes.
type wireEntry struct {
	isSome         uint64
	value, version wireText
	expiresAtMS    wireNumber
}

func kvGet(store, key string) (*Entry, error) {
	storeAt, storeLength := lent(store)
	keyAt, keyLength := lent(key)
	answer := asked(func(answer unsafe.Pointer) {
		hostKVGet(storeAt, storeLength, keyAt, keyLength, answer)
	}, store, key)
	if answer.isError != 0 {
		return nil, answer.err.err()
	}
	found := (*wireEntry)(answer.value())
	if found.isSome&0xff == 0 {
		return nil, nil
	}
	entry := &Entry{Value: found.value.taken(), Version: found.version.taken()}
	if found.expiresAtMS.isSome != 0 {
		entry.ExpiresAt = time.UnixMilli(int64(found.expiresAtMS.number))
	}
	return entry, nil
}

// lifetime is the time until a key expires, in milliseconds; 0 if it stays. One that is shorter than that is not 0.
func lifetime(ttl time.Duration) uint64 {
	if ttl <= 0 {
		return 0
	}
	return uint64(max(ttl.Milliseconds(), 1))
}

func kvSet(store, key, value string, ttl time.Duration) (string, error) {
	storeAt, storeLength := lent(store)
	keyAt, keyLength := lent(key)
	valueAt, valueLength := lent(value)
	return asked(func(answer unsafe.Pointer) {
		hostKVSet(storeAt, storeLength, keyAt, keyLength, valueAt, valueLength, is(ttl > 0), lifetime(ttl), answer)
	}, store, key, value).text()
}

func kvCAS(store, key, expected, value string, ttl time.Duration) (string, error) {
	storeAt, storeLength := lent(store)
	keyAt, keyLength := lent(key)
	expectedAt, expectedLength := lent(expected)
	valueAt, valueLength := lent(value)
	return asked(func(answer unsafe.Pointer) {
		hostKVCAS(storeAt, storeLength, keyAt, keyLength, is(expected != ""), expectedAt, expectedLength, valueAt, valueLength,
			is(ttl > 0), lifetime(ttl), answer)
	}, store, key, expected, value).text()
}

func kvDelete(store, key string) (bool, error) {
	storeAt, storeLength := lent(store)
	keyAt, keyLength := lent(key)
	answer := asked(func(answer unsafe.Pointer) {
		hostKVDelete(storeAt, storeLength, keyAt, keyLength, answer)
	}, store, key)
	if answer.isError != 0 {
		return false, answer.err.err()
	}
	return *(*uint8)(answer.value()) != 0, nil
}

// A page of keys: 20 bytes.
type wirePage struct {
	keys wireText
	next wireOption
}

func kvKeys(store, prefix, cursor string) (keys []string, next string, err error) {
	storeAt, storeLength := lent(store)
	prefixAt, prefixLength := lent(prefix)
	cursorAt, cursorLength := lent(cursor)
	answer := asked(func(answer unsafe.Pointer) {
		hostKVKeys(storeAt, storeLength, prefixAt, prefixLength, is(cursor != ""), cursorAt, cursorLength, answer)
	}, store, prefix, cursor)
	if answer.isError != 0 {
		return nil, "", answer.err.err()
	}
	page := (*wirePage)(answer.value())
	if page.keys.length > 0 {
		for _, key := range unsafe.Slice((*wireText)(unsafe.Pointer(uintptr(page.keys.at))), page.keys.length) {
			keys = append(keys, key.taken())
		}
		delete(pinned, uintptr(page.keys.at))
	}
	return keys, page.next.String(), nil
}

func secretGet(name string) (uint32, error) {
	at, length := lent(name)
	answer := asked(func(answer unsafe.Pointer) { hostSecret(at, length, answer) }, name)
	if answer.isError != 0 {
		return 0, answer.err.err()
	}
	return *(*uint32)(answer.value()), nil
}

func secretPlaceholder(secret *Secret) string {
	placeholder := new(wireText)
	withoutCollector(func() { hostPlaceholder(secret.handle, unsafe.Pointer(placeholder)) })
	return placeholder.taken()
}

func secretReveal(secret *Secret) (string, error) {
	return asked(func(answer unsafe.Pointer) { hostReveal(secret.handle, answer) }).text()
}

// The end of a call: its id and its result.
type wireDone struct{ executionID, output wireText }

func call(action, parameters string) (id, result string, err error) {
	at, length := lent(action)
	parametersAt, parametersLength := lent(parameters)
	answer := asked(func(answer unsafe.Pointer) {
		hostCall(at, length, parametersAt, parametersLength, answer)
	}, action, parameters)
	if answer.isError != 0 {
		return "", "", answer.err.err()
	}
	done := (*wireDone)(answer.value())
	return done.executionID.taken(), done.output.taken(), nil
}
