//go:build !nocuda && (!linux || android || !(amd64 || arm64) || (gorgonia && !cgo))

package driver

const nocuda = false
