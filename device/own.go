package device

// OpenOwn opens a device by its name, as Open does, for the caller alone: it shares neither pool nor ledger with what
// Open returns, arrays on the two are not on the same device, and Close closes it. It is for tests of devices.
func OpenOwn(name string) (*Ledgered, error) {
	raw, err := devices.drive(name)
	if err != nil {
		return nil, err
	}
	return Ledger(Pool(raw)), nil
}
