package device

import (
	"bytes"
	"context"
	"os"
	"strconv"
	"sync/atomic"
)

// residencyLimit is how many bytes of mapped pages a governed process keeps.
const residencyLimit = 16 << 20

// Pages is memory whose pages are a file's.
type Pages interface {
	Buffer
	// Drop takes the pages that are resident out of the process. They come back from the page cache,
	// or the file, when they are touched. It is safe while others read.
	Drop()
	// Intact is nil, or the error of a file that was made shorter since it was mapped.
	Intact() error
}

// Governor keeps the resident pages of mapped memory few while work goes through it: pages that were used
// are dropped, again and again, which costs a fault if they are touched once more, and nothing else.
//
// It is for files that are larger than the memory that a process may have.
type Governor struct {
	mapped []Pages
	statm  *os.File
	limit  int // bytes of resident pages of files, those of the program included
	busy   atomic.Bool
}

type governorKey struct{}

// Governed is a context in which devices call Check as work goes on, and with it the end of that. Where
// resident pages cannot be counted, nothing happens.
func Governed(ctx context.Context, mapped []Pages) (governed context.Context, stop func()) {
	f, err := os.Open("/proc/self/statm")
	if err != nil || len(mapped) == 0 {
		return ctx, func() {}
	}
	g := &Governor{mapped: mapped, statm: f}
	g.limit = g.resident() + residencyLimit
	return context.WithValue(ctx, governorKey{}, g), func() {
		g.drop()
		f.Close()
	}
}

// GovernorOf is the context's, or nil.
func GovernorOf(ctx context.Context) *Governor {
	g, _ := ctx.Value(governorKey{}).(*Governor)
	return g
}

// Check drops the pages if there are too many. Who touches pages calls it every few hundred microseconds.
func (g *Governor) Check() {
	if g.resident() > g.limit && g.busy.CompareAndSwap(false, true) {
		g.drop()
		g.busy.Store(false)
	}
}

func (g *Governor) drop() {
	for _, p := range g.mapped {
		p.Drop()
	}
}

// resident is the number of bytes of files that are in the process, 0 if that is unknown.
func (g *Governor) resident() int {
	var b [128]byte
	n, _ := g.statm.ReadAt(b[:], 0)
	f := bytes.Fields(b[:n])
	if len(f) < 3 {
		return 0
	}
	pages, _ := strconv.Atoi(string(f[2]))
	return pages * os.Getpagesize()
}
