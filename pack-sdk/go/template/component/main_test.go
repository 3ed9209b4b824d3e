package main

import "testing"

func TestItGreets(t *testing.T) {
	greeting, err := greet(nil, Greet{Name: "Ann", Times: 1})
	if err != nil || greeting.Text != "Hello, Ann!" {
		t.Fatalf("%v, %v", greeting, err)
	}
}
