package device

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/internal/ir"
)

// named is a device with a name and nothing else.
type named struct {
	info   Info
	closed *int
}

func (n named) Info() Info                                 { return n.info }
func (n named) Alloc(context.Context, int) (Buffer, error) { return HostBuffer(nil), nil }
func (n named) Copy(context.Context, Span, Span) error     { return nil }
func (n named) Compile(ir.Op) (Program, error)             { return nil, ErrSplit }
func (n named) Sync(context.Context) error                 { return nil }
func (n named) Close() error                               { *n.closed++; return nil }

// shelf is a driver with a list of devices, the first of which is the default.
type shelf struct {
	devices        []Status
	slow           time.Duration
	opened, closed int
}

func (s *shelf) List() []Status { return s.devices }

func (s *shelf) Open(name string) (Device, error) {
	for _, d := range s.devices {
		if d.Name == name || len(name) < len(d.Name) && d.Name[:len(name)] == name {
			s.opened++
			time.Sleep(s.slow)
			return named{d.Info, &s.closed}, d.Err
		}
	}
	return nil, errors.New("no such device")
}

func ready(name, kind string) Status { return Status{Name: name, Info: Info{Name: name, Kind: kind}} }

func TestOpenSharesOneInstance(t *testing.T) {
	r, cpu := newRegistry(), &shelf{devices: []Status{ready("cpu", "cpu")}, slow: 10 * time.Millisecond}
	r.register("cpu", cpu)
	t.Setenv(Variable, "")
	var wg sync.WaitGroup
	got := make([]*Ledgered, 8)
	for i := range got {
		wg.Go(func() { got[i], _ = r.open([]string{"cpu", ""}[i%2]) })
	}
	wg.Wait()
	for _, dev := range got {
		assert.Same(t, got[0], dev)
	}
	assert.Equal(t, 1, cpu.opened)
	require.NoError(t, got[0].Close())
	_, err := got[0].Alloc(context.Background(), 1)
	assert.NoError(t, err, "a shared device lives as long as the process")
	assert.True(t, got[0].Shared())
	assert.Zero(t, cpu.closed)
}

func TestOpenByAnotherName(t *testing.T) {
	r, cuda := newRegistry(), &shelf{devices: []Status{ready("cuda:0", "cuda"), ready("cuda:sim", "sim")}}
	r.register("cuda", cuda)
	first, err := r.open("cuda:0")
	require.NoError(t, err)
	again, err := r.open("cuda")
	require.NoError(t, err)
	assert.Same(t, first, again)
	assert.Equal(t, 1, cuda.closed, "the second instance was not kept")
	sim, err := r.open("cuda:sim")
	require.NoError(t, err)
	assert.NotSame(t, first, sim)
}

func TestOpenReadsTheEnvironment(t *testing.T) {
	r := newRegistry()
	r.register("cpu", &shelf{devices: []Status{ready("cpu", "cpu")}})
	r.register("cuda", &shelf{devices: []Status{ready("cuda:0", "cuda")}})
	t.Setenv(Variable, "cuda:0")
	dev, err := r.open("")
	require.NoError(t, err)
	assert.Equal(t, "cuda:0", dev.Info().Name)
}

func TestAutoTakesWhatWorks(t *testing.T) {
	r := newRegistry()
	cuda := &shelf{devices: []Status{ready("cuda:sim", "sim"), {Name: "cuda:0", Err: errors.New("no driver")}}}
	r.register("cpu", &shelf{devices: []Status{ready("cpu", "cpu")}})
	r.register("cuda", cuda)
	dev, err := r.open("auto")
	require.NoError(t, err)
	assert.Equal(t, "cpu", dev.Info().Name, "neither a simulation nor what does not open")
	cuda.devices[1] = ready("cuda:0", "cuda")
	dev, err = r.open("auto")
	require.NoError(t, err)
	assert.Equal(t, "cuda:0", dev.Info().Name)
}

func TestAutoWithoutAnything(t *testing.T) {
	_, err := newRegistry().open("auto")
	var open *OpenError
	require.ErrorAs(t, err, &open)
	assert.ErrorIs(t, err, ErrNotLinked)
	assert.Contains(t, err.Error(), `import _ "github.com/tare-go/tare/cpu"`)
}

func TestWhatIsNotThereSaysWhatToDo(t *testing.T) {
	r := newRegistry()
	r.register("cpu", &shelf{devices: []Status{ready("cpu", "cpu")}})
	_, err := r.open("cuda:1")
	assert.EqualError(t, err, `device cuda:1: not linked in: import _ "github.com/tare-go/tare/cuda"`)
	_, err = r.open("tpu")
	assert.EqualError(t, err, `device tpu: not linked in: there is no kind "tpu": use one of cuda, cpu, or auto`)
	_, err = r.open("cpu:7")
	var open *OpenError
	require.ErrorAs(t, err, &open, "a driver's plain error is wrapped")
	assert.EqualError(t, err, "device cpu:7: no such device")

	list := r.list()
	require.Len(t, list, 2)
	assert.Equal(t, "cuda", list[0].Name)
	assert.ErrorIs(t, list[0].Err, ErrNotLinked)
	assert.Equal(t, ready("cpu", "cpu"), list[1])
}

func TestRegisterTwicePanics(t *testing.T) {
	r := newRegistry()
	r.register("cpu", &shelf{})
	assert.Panics(t, func() { r.register("cpu", &shelf{}) })
	assert.Panics(t, func() { r.register("cuda", nil) })
}

func TestRegisteredDevicesAreOpenToAll(t *testing.T) {
	Register("shelf", &shelf{devices: []Status{ready("shelf:0", "shelf")}})
	dev, err := Open("shelf:0")
	require.NoError(t, err)
	again, err := Open("shelf")
	require.NoError(t, err)
	assert.Same(t, dev, again)
	assert.Contains(t, List(), ready("shelf:0", "shelf"))

	b, err := dev.Alloc(context.Background(), 100)
	require.NoError(t, err)
	b.Free()
	n, err := Trim(context.Background())
	require.NoError(t, err)
	assert.Equal(t, 128, n)
	none, err := Open("nothing")
	assert.Error(t, err)
	assert.Nil(t, none)
}
