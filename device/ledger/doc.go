// Package ledger writes what the ledger of package device counted for people and for other tools: as a
// table, as JSON, as a trace for Perfetto or Chrome, as a profile for pprof, and as a variable for
// expvar. It counts nothing itself. It is a package of its own so that programs that do not export
// do not carry what exporting needs.
package ledger

import "github.com/tare-go/tare/device"

// Account is what can be written: a *device.Ledgered, which device.LedgerOf finds of a device, or a
// *device.Recorder, which device.Record opens.
type Account interface {
	Stats() device.Stats
	Sites() []device.SiteStats
	Ops() []device.OpStats
}

// info describes the device of an account; it is empty for a scope.
func info(a Account) device.Info {
	if dev, ok := a.(interface{ Info() device.Info }); ok {
		return dev.Info()
	}
	return device.Info{}
}
