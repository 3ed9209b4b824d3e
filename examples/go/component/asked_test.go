// The actions that ask of the host, against a stand-in of it.

package main

import (
	"testing"

	"petrel"
)

func TestItCounts(t *testing.T) {
	for _, expected := range []int64{2, 4} {
		counted, err := count(nil, Count{Key: "visits", By: 2})
		if err != nil || counted.Count != expected {
			t.Fatalf("%v, %v", counted, err)
		}
	}
}

func TestItFetches(t *testing.T) {
	petrel.Double.Fetch = func(request *petrel.Request) (*petrel.Response, error) {
		return &petrel.Response{Status: 200, Body: []byte(request.URL)}, nil
	}
	fetched, err := fetch(nil, Fetch{URL: "https://example.com/"})
	if err != nil || fetched.Body != "https://example.com/" {
		t.Fatalf("%v, %v", fetched, err)
	}
}
