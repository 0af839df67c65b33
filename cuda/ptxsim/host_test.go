package ptxsim

import (
	"context"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// number are the element types of test arrays.
type element interface {
	~uint8 | ~uint16 | ~uint32 | ~uint64 | ~int32 | ~int64 | ~float32 | ~float64
}

func bytesOf[T element](x []T) []byte {
	if len(x) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), len(x)*int(unsafe.Sizeof(x[0])))
}

// upload allocates memory for x and copies it there.
func upload[T element](t testing.TB, m *Machine, x []T) uint64 {
	a, err := m.Alloc(len(bytesOf(x)))
	require.NoError(t, err)
	require.NoError(t, m.Write(a, bytesOf(x)))
	return a
}

// output allocates n elements that the next launch has to write once.
func output[T element](t testing.TB, m *Machine, n int) uint64 {
	size := n * len(bytesOf(make([]T, 1)))
	a, err := m.Alloc(size)
	require.NoError(t, err)
	require.NoError(t, m.WriteOnce(a, size))
	return a
}

func download[T element](t testing.TB, m *Machine, a uint64, n int) []T {
	x := make([]T, n)
	require.NoError(t, m.Read(a, bytesOf(x)))
	return x
}

// pack lays out arguments: uint64 for addresses, uint32 and int for 32 bits.
func pack(args ...any) (b []byte) {
	for _, arg := range args {
		switch v := arg.(type) {
		case uint64:
			for len(b)%8 != 0 {
				b = append(b, 0)
			}
			b = binary.LittleEndian.AppendUint64(b, v)
		case float32:
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		case int:
			b = binary.LittleEndian.AppendUint32(b, uint32(v))
		default:
			panic("BUG: pack")
		}
	}
	return b
}

func parseFile(t testing.TB, name string) *Module {
	text, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	m, err := Parse(string(text))
	require.NoError(t, err, name)
	return m
}

// launch1 runs the only kernel of a module on a row of blocks.
func launch1(m *Machine, module *Module, blocks, threads uint32, params []byte) (Stats, error) {
	return m.Launch(context.Background(), module, module.Kernels()[0], [3]uint32{blocks, 1, 1}, [3]uint32{threads, 1, 1}, 0, params)
}

// cpuTime is the time that the process has computed, so that figures do not depend on what else the machine does.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
