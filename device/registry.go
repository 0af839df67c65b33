package device

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
)

// Driver opens the devices of one kind. A package that has one registers it in an init function, so
// that importing the package is enough.
type Driver interface {
	// Open opens a device by its full name, "cuda:1", or by its kind alone, "cuda", which means the
	// first. The Name of its Info is its full name. An error says why not and what to do, if it
	// can as an *OpenError.
	Open(name string) (Device, error)
	// List says what Open would find, and what it would not and why.
	List() []Status
}

// Status is a device that can be opened, or what stands in the way.
type Status struct {
	Name string
	Info Info  // known if Err is nil
	Err  error // usually an *OpenError
}

// OpenError is a device that cannot be opened.
type OpenError struct {
	Name string // as asked for: "cuda:0"
	Err  error  // why
	Do   string // what to do about it, "" if unknown
}

// Error says why, and what to do.
func (e *OpenError) Error() string {
	text := fmt.Sprintf("device %s: %v", e.Name, e.Err)
	if e.Do != "" {
		text += ": " + e.Do
	}
	return text
}

// Unwrap is the reason.
func (e *OpenError) Unwrap() error { return e.Err }

// ErrNotLinked is the reason for a device whose package the program does not import, or whose kind
// nobody knows.
var ErrNotLinked = errors.New("not linked in")

// Default is the name of the device that Open("") opens without the environment variable.
const Default = "cpu"

// Variable is the environment variable that names the device of Open("").
const Variable = "TARE_DEVICE"

// homes are the kinds of device that are part of tare, and the packages to import for them.
var homes = map[string]string{
	"cpu":  "github.com/tare-go/tare/cpu",
	"cuda": "github.com/tare-go/tare/cuda",
}

// registry is a set of drivers and of the devices opened by them.
type registry struct {
	mu      sync.RWMutex
	drivers map[string]Driver
	opened  map[string]*Ledgered // by full name, and by the other names that were asked for
	opening sync.Mutex           // held while a driver opens, which can take long
}

func newRegistry() *registry {
	return &registry{drivers: map[string]Driver{}, opened: map[string]*Ledgered{}}
}

var devices = newRegistry()

// Register makes a kind of device known: the part of its names before the colon. It panics if the
// kind is taken or the driver is nil, since both are mistakes of an init function.
func Register(kind string, driver Driver) { devices.register(kind, driver) }

// Open opens a device by name: "cpu", "cuda:0", "cuda:sim"; "auto" is the first that is not a
// simulation and opens, with the CPU as the last; "" is what the environment variable TARE_DEVICE
// names, or the CPU. An error is an *OpenError.
//
// There is one instance for each name, with its pool and its ledger, and it lives as long as the
// process, so that arrays on it are always on the same device: Close releases what its pool keeps
// and nothing else.
func Open(name string) (Device, error) {
	dev, err := devices.open(name)
	if err != nil {
		return nil, err
	}
	return dev, nil
}

// List says of each device of each kind whether it can be opened and, if not, why and what to do.
// The CPU comes last, like in the choice of "auto".
func List() []Status { return devices.list() }

func (r *registry) register(kind string, driver Driver) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if driver == nil || r.drivers[kind] != nil {
		panic(fmt.Sprintf("BUG: device: Register(%q) of no driver, or twice", kind))
	}
	r.drivers[kind] = driver
}

// open finds a device that is open, or opens it.
func (r *registry) open(name string) (*Ledgered, error) {
	if name == "" {
		name = cmp.Or(os.Getenv(Variable), Default)
	}
	if name == "auto" {
		return r.auto()
	}
	if dev := r.find(name); dev != nil {
		return dev, nil
	}
	r.opening.Lock()
	defer r.opening.Unlock()
	if dev := r.find(name); dev != nil {
		return dev, nil
	}
	raw, err := r.drive(name)
	if err != nil {
		return nil, err
	}
	return r.adopt(name, raw)
}

func (r *registry) find(name string) *Ledgered {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.opened[name]
}

// drive asks the driver of the name's kind.
func (r *registry) drive(name string) (Device, error) {
	kind, _, _ := strings.Cut(name, ":")
	r.mu.RLock()
	driver := r.drivers[kind]
	r.mu.RUnlock()
	if driver == nil {
		return nil, r.notLinked(kind, name)
	}
	dev, err := driver.Open(name)
	var typed *OpenError
	if err != nil && !errors.As(err, &typed) {
		return nil, &OpenError{Name: name, Err: err}
	}
	return dev, err
}

// adopt decorates a new device and keeps it, also under the name that was asked for. If the device
// is open under its full name already, that one stays.
func (r *registry) adopt(name string, raw Device) (*Ledgered, error) {
	full := raw.Info().Name
	dev := r.find(full)
	if dev != nil {
		if err := raw.Close(); err != nil {
			return nil, &OpenError{Name: name, Err: err}
		}
	} else {
		dev = Ledger(Pool(raw))
		dev.shared = true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.opened[full], r.opened[name] = dev, dev
	return dev, nil
}

// auto opens the first device that works. A simulation computes, but nobody wants to wait for it.
func (r *registry) auto() (*Ledgered, error) {
	var why []error
	for _, s := range r.list() {
		if s.Err == nil && s.Info.Kind == "sim" {
			continue
		}
		dev, err := r.open(s.Name)
		if err == nil {
			return dev, nil
		}
		why = append(why, err)
	}
	return nil, &OpenError{Name: "auto", Err: errors.Join(why...)}
}

// list asks every driver, and names the kinds that are not linked in.
func (r *registry) list() []Status {
	r.mu.RLock()
	drivers := maps.Clone(r.drivers)
	r.mu.RUnlock()
	var all []Status
	for _, kind := range kinds(drivers) {
		if d := drivers[kind]; d != nil {
			all = append(all, d.List()...)
		} else {
			all = append(all, Status{Name: kind, Err: r.notLinked(kind, kind)})
		}
	}
	return all
}

// kinds is the kinds that are registered or known, in order, the CPU last.
func kinds(drivers map[string]Driver) []string {
	set := map[string]bool{}
	for kind := range drivers {
		set[kind] = true
	}
	for kind := range homes {
		set[kind] = true
	}
	delete(set, Default)
	return append(slices.Sorted(maps.Keys(set)), Default)
}

// notLinked is the error for a kind that nobody registered.
func (r *registry) notLinked(kind, name string) error {
	if home := homes[kind]; home != "" {
		return &OpenError{Name: name, Err: ErrNotLinked, Do: fmt.Sprintf("import _ %q", home)}
	}
	return &OpenError{Name: name, Err: ErrNotLinked, Do: fmt.Sprintf(
		"there is no kind %q: use one of %s, or auto", kind, strings.Join(r.known(), ", "))}
}

// known is the kinds that can be asked for.
func (r *registry) known() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return kinds(r.drivers)
}

// Opened is the devices that Open has opened, by name.
func Opened() []*Ledgered { return devices.all() }

// all is the devices that are open, each once.
func (r *registry) all() []*Ledgered {
	r.mu.RLock()
	defer r.mu.RUnlock()
	list := slices.Collect(maps.Values(r.opened))
	slices.SortFunc(list, func(a, b *Ledgered) int { return strings.Compare(a.name, b.name) })
	return slices.Compact(list)
}

// Trim releases what the pools of all open devices keep, and returns the number of bytes released.
func Trim(ctx context.Context) (int, error) {
	total := 0
	for _, dev := range devices.all() {
		n, err := dev.Trim(ctx)
		if err != nil {
			return total, err
		}
		total += n
	}
	return total, nil
}
