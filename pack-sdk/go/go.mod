module petrel

go 1.24
