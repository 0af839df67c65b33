module github.com/tare-go/tare

go 1.26
