//go:build unix && !linux && !aix && !solaris && !illumos

package cpu

// adviseHuge does nothing: the system chooses its pages itself.
func adviseHuge([]byte) {}
