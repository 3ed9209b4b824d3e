//go:build !wasip1

package petrel

import (
	"fmt"
	"log/slog"
	"sort"
	"strconv"
	"strings"
	"time"
)

// The stand-ins for the host in tests, which run natively: messages are printed, there is no configuration, events have no id,
// keys are kept until [Forget], and what else is asked for is as [Double] says.

// Double stands in for what the host would do in a test. What is left out is denied.
var Double struct {
	// Secrets are the texts of secrets, by their names.
	Secrets map[string]string
	// Fetch answers requests.
	Fetch func(*Request) (*Response, error)
	// Call runs actions: it gives the result, as JSON.
	Call func(action, parameters string) (string, error)
}

var keys = map[string]Entry{}

// Forget forgets all keys that a test has set.
func Forget() { clear(keys) }

func denied(what string) error {
	return &Error{Kind: Denied, Message: "the test has not said what becomes of " + what, Hint: "set petrel.Double"}
}

func write(level slog.Level, message, fields string) { fmt.Println(level, message, fields) }

func progress(fraction float32) { fmt.Println("progress", fraction) }

func config() string { return "{}" }

func emit(event *Event, payload, _ string) (string, error) {
	fmt.Println("emitted", event.Trigger, payload)
	return "", nil
}

func kvGet(store, key string) (*Entry, error) {
	entry, isKnown := keys[store+":"+key]
	if !isKnown {
		return nil, nil
	}
	return &entry, nil
}

func kvSet(store, key, value string, ttl time.Duration) (string, error) {
	before, _ := strconv.Atoi(keys[store+":"+key].Version)
	entry := Entry{Value: value, Version: strconv.Itoa(before + 1)}
	if ttl > 0 {
		entry.ExpiresAt = time.Now().Add(ttl)
	}
	keys[store+":"+key] = entry
	return entry.Version, nil
}

func kvCAS(store, key, expected, value string, ttl time.Duration) (string, error) {
	if keys[store+":"+key].Version != expected {
		return "", &Error{Kind: Conflict, Message: "the key " + key + " has changed meanwhile"}
	}
	return kvSet(store, key, value, ttl)
}

func kvDelete(store, key string) (bool, error) {
	_, isKnown := keys[store+":"+key]
	delete(keys, store+":"+key)
	return isKnown, nil
}

func kvKeys(store, prefix, _ string) ([]string, string, error) {
	var found []string
	for key := range keys {
		if name, isOfStore := strings.CutPrefix(key, store+":"); isOfStore && strings.HasPrefix(name, prefix) {
			found = append(found, name)
		}
	}
	sort.Strings(found)
	return found, "", nil
}

func secretGet(name string) (uint32, error) {
	if _, isKnown := Double.Secrets[name]; !isKnown {
		return 0, denied("the secret " + name)
	}
	return 0, nil
}

func secretPlaceholder(secret *Secret) string { return "petrel-secret-" + secret.name }

func secretReveal(secret *Secret) (string, error) { return Double.Secrets[secret.name], nil }

func call(action, parameters string) (id, result string, err error) {
	if Double.Call == nil {
		return "", "", denied("the action " + action)
	}
	result, err = Double.Call(action, parameters)
	return "", result, err
}

func fetch(request *Request) (*Response, error) {
	if Double.Fetch == nil {
		return nil, denied(request.named())
	}
	return Double.Fetch(request)
}
