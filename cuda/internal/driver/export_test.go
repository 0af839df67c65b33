//go:build linux && !android && (amd64 || arm64) && !nocuda && !gorgonia

package driver

// EntryNames is the names of all entry points.
func EntryNames() []string { return entryNames[:] }
