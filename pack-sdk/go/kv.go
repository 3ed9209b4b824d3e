// Keys that outlast a call, in the datastore of the host.

package petrel

import (
	"encoding/json"
	"time"
)

// Store is a store of keys that outlast a call, in the datastore of the host, by the label that pack.yaml asks for:
// petrel.KV for the keys of the pack, petrel.Store("system") for those that all share.
type Store string

// KV has the keys of the pack.
const KV Store = "pack"

// Entry is a key as it is.
type Entry struct {
	// Value is the text.
	Value string
	// Version is a mark of this state of the key, for [Store.CAS].
	Version string
	// ExpiresAt is the time from which on there is no such key. Zero if it stays.
	ExpiresAt time.Time
}

// Get gives a key, and nil if there is none.
func (s Store) Get(key string) (*Entry, error) { return kvGet(string(s), key) }

// GetJSON reads the value of a key as JSON, and says whether there is such a key.
func (s Store) GetJSON(key string, into any) (bool, error) {
	entry, err := s.Get(key)
	if err != nil || entry == nil {
		return false, err
	}
	return true, json.Unmarshal([]byte(entry.Value), into)
}

// Set sets a key, which expires after ttl unless that is 0. It gives the new version once it is stored.
func (s Store) Set(key, value string, ttl time.Duration) (string, error) {
	return kvSet(string(s), key, value, ttl)
}

// SetJSON is as [Store.Set], with a value that is written as JSON.
func (s Store) SetJSON(key string, value any, ttl time.Duration) (string, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return "", err
	}
	return s.Set(key, string(text), ttl)
}

// CAS is as [Store.Set], if the key has the version expected; empty says that there must be no such key. If it is otherwise,
// that is an error of the kind [Conflict].
func (s Store) CAS(key, expected, value string, ttl time.Duration) (string, error) {
	return kvCAS(string(s), key, expected, value, ttl)
}

// Delete deletes a key, and says whether there was one.
func (s Store) Delete(key string) (bool, error) { return kvDelete(string(s), key) }

// Keys gives all keys that begin with prefix, in order.
func (s Store) Keys(prefix string) ([]string, error) {
	keys, cursor := []string{}, ""
	for {
		page, next, err := kvKeys(string(s), prefix, cursor)
		if err != nil {
			return nil, err
		}
		keys = append(keys, page...)
		if next == "" {
			return keys, nil
		}
		cursor = next
	}
}
