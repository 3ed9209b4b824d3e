module hello_go

go 1.24

require petrel v0.0.0

// The library of the program that builds the pack: `petrel pack build` lays it out.
replace petrel => ./build/petrel/sdk/go
