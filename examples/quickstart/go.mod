module example.com/quickstart

go 1.26

require github.com/tare-go/tare v0.0.0

replace github.com/tare-go/tare => ../..
