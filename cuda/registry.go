package cuda

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/tare-go/tare/cuda/internal/driver"
	"github.com/tare-go/tare/cuda/internal/simulated"
	"github.com/tare-go/tare/device"
)

// Kind is the kind of the devices, and the part of their names before the colon.
const Kind = "cuda"

// Simulated is the name of the simulation, whose Info has the kind "sim".
const Simulated = Kind + ":sim"

func init() { device.Register(Kind, &registry{load: driver.Load}) }

// registry opens devices. The driver is loaded once one is asked for.
type registry struct {
	load  func() (driver.Table, error)
	once  sync.Once
	table driver.Table
	err   error
}

// driver is the one driver of the process.
func (r *registry) driver() (driver.Table, error) {
	r.once.Do(func() { r.table, r.err = r.load() })
	return r.table, r.err
}

// Open opens "cuda:0" and its like, "cuda", which is the first of them, or "cuda:sim".
func (r *registry) Open(name string) (device.Device, error) {
	if name == Simulated {
		return made(open(simulated.New(simulated.Options{}), 0, options{name: Simulated, kind: simKind}))
	}
	n, err := ordinal(name)
	if err != nil {
		return nil, err
	}
	name = nameOf(n)
	t, count, err := r.count(name)
	if err != nil {
		return nil, err
	}
	if n >= count {
		return nil, &device.OpenError{Name: name, Err: os.ErrNotExist, Do: there(count)}
	}
	return made(open(t, driver.Device(n), options{name: name, kind: Kind, slabs: true}))
}

// simKind is the kind of the simulation, which the choice of "auto" passes over.
const simKind = "sim"

// made is a new device as its interface.
func made(g *gpu, err error) (device.Device, error) {
	if err != nil {
		return nil, err
	}
	return g, nil
}

// count is the driver, and the number of its GPUs. Its errors are for the device of that name.
func (r *registry) count(name string) (driver.Table, int, error) {
	t, err := r.driver()
	if err != nil {
		return nil, 0, &device.OpenError{Name: name, Err: err} // which says what to do
	}
	n, err := t.DeviceCount()
	if err != nil {
		return nil, 0, notOpened(name, err)
	}
	return t, n, nil
}

// ordinal is the number in the name of a device.
func ordinal(name string) (int, error) {
	if name == Kind {
		return 0, nil
	}
	digits := strings.TrimPrefix(name, Kind+":")
	n, err := strconv.Atoi(digits)
	if err != nil || strconv.Itoa(n) != digits || n < 0 {
		return 0, &device.OpenError{Name: name, Err: errors.New("no such name"), Do: "open " + nameOf(0) + " or the like, or " + Simulated}
	}
	return n, nil
}

func nameOf(n int) string { return fmt.Sprintf("%s:%d", Kind, n) }

// there says which GPUs there are.
func there(count int) string {
	if count == 1 {
		return "there is one GPU: open " + nameOf(0)
	}
	return fmt.Sprintf("there are %d GPUs: open %s to %s", count, nameOf(0), nameOf(count-1))
}

// List has each GPU, or the reason why there is none, and the simulation.
func (r *registry) List() []device.Status {
	var all []device.Status
	t, count, err := r.count(nameOf(0))
	if err != nil {
		all = append(all, device.Status{Name: nameOf(0), Err: err})
	}
	for n := range count {
		all = append(all, status(t, driver.Device(n), nameOf(n), Kind))
	}
	return append(all, status(simulated.New(simulated.Options{}), 0, Simulated, simKind))
}

// status says whether a GPU can be used. It makes no context, which takes memory of the GPU.
func status(t driver.Table, d driver.Device, name, kind string) device.Status {
	p, err := probe(t, d, name)
	if err != nil {
		return device.Status{Name: name, Err: err}
	}
	return device.Status{Name: name, Info: p.info(name, kind)}
}
