//go:build linux && !android && (amd64 || arm64) && !nocuda && (!gorgonia || cgo)

package driver

import (
	"bytes"
	"strings"
	"unsafe"
)

// terminated is a text as C has it.
func terminated(text string) []byte { return append([]byte(text), 0) }

// textOf is what is in a buffer before the first zero byte, without space around it.
func textOf(buffer []byte) string {
	text, _, _ := bytes.Cut(buffer, []byte{0})
	return strings.TrimSpace(string(text))
}

// textAt is a text of C; nil is none.
func textAt(p unsafe.Pointer) string {
	if p == nil {
		return ""
	}
	length := 0
	for *(*byte)(unsafe.Add(p, length)) != 0 {
		length++
	}
	return string(unsafe.Slice((*byte)(p), length))
}
