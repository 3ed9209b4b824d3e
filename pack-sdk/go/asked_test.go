// What actions ask of the host, against the stand-in of `native.go`.

package petrel

import (
	"errors"
	"testing"
	"time"
)

func kindOf(err error) Kind {
	var known *Error
	if !errors.As(err, &known) {
		return Other
	}
	return known.Kind
}

func TestKeysAreSetByWhatTheyAre(t *testing.T) {
	Forget()
	version, err := KV.CAS("a", "", "1", 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := KV.CAS("a", "", "2", 0); kindOf(err) != Conflict {
		t.Fatal(err)
	}
	if _, err := KV.CAS("a", version, "2", time.Minute); err != nil {
		t.Fatal(err)
	}
	var number int
	if found, err := KV.GetJSON("a", &number); !found || number != 2 || err != nil {
		t.Fatal(found, number, err)
	}
	if entry, err := Store("other").Get("a"); entry != nil || err != nil {
		t.Fatal(entry, err)
	}
	if keys, err := KV.Keys(""); len(keys) != 1 || err != nil {
		t.Fatal(keys, err)
	}
	if existed, err := KV.Delete("a"); !existed || err != nil {
		t.Fatal(existed, err)
	}
}

func TestAddressesAreTakenApart(t *testing.T) {
	for url, expected := range map[string][3]any{
		"https://a.example":          {true, "a.example", "/"},
		"http://a.example:1/b?c=d#e": {false, "a.example:1", "/b?c=d"},
		"https://[::1]:1?c":          {true, "[::1]:1", "/?c"},
		"https://a.example#/b":       {true, "a.example", "/"},
	} {
		isHTTPS, authority, path := (&Request{URL: url}).parts()
		if found := [3]any{isHTTPS, authority, path}; found != expected {
			t.Errorf("%s: %v", url, found)
		}
	}
	if _, err := Get("ftp://a.example?key=hush"); kindOf(err) != InvalidInput || err.Error() == "" {
		t.Error(err)
	}
	if _, err := Get("https://a.example"); kindOf(err) != Denied {
		t.Error(err)
	}
}

func TestAStatusIsSuccessOrAKindOfError(t *testing.T) {
	for status, expected := range map[int]Kind{
		304: Permanent, 401: Unauthenticated, 404: NotFound, 409: Conflict, 429: RateLimited, 503: Transient,
	} {
		err := (&Response{Status: status, Headers: []Header{{"Retry-After", "7"}}}).Success()
		var known *Error
		if !errors.As(err, &known) || known.Kind != expected || known.RetryAfter != 7*time.Second {
			t.Errorf("%d: %v", status, err)
		}
	}
	if err := (&Response{Status: 204}).Success(); err != nil {
		t.Error(err)
	}
}
