package device

// Reporter is the MemoryReporter among a device and what it decorates, if there is one.
func Reporter(dev Device) (MemoryReporter, bool) { return reporter(dev) }
