package device

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// residencyLimit is how many bytes of mapped pages a governed process keeps; residencyTick is how often
// that is looked at. Column sums touch a row a fault, and a fault maps 64 KiB: 50 GB/s were seen.
const (
	residencyLimit = 16 << 20
	residencyTick  = time.Millisecond
)

// Pages is memory whose pages are a file's.
type Pages interface {
	Buffer
	// Drop takes the pages that are resident out of the process. They come back from the page cache,
	// or the file, when they are touched. It is safe while others read.
	Drop()
}

// Residency keeps the resident pages of mapped memory few while work goes through it: pages that were
// used are dropped, again and again, which costs a fault if they are touched once more, and nothing
// else. Stop ends it. Where resident pages cannot be counted, it does nothing.
//
// It is for files that are larger than the memory that a process may have.
func Residency(mapped []Pages) (stop func()) {
	if len(mapped) == 0 || residentPages() == 0 {
		return func() {}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go govern(mapped, done, ended)
	var once sync.Once
	return func() {
		once.Do(func() {
			close(done)
			<-ended
		})
	}
}

// govern drops the pages when there are too many, until it is told to end.
func govern(mapped []Pages, done <-chan struct{}, ended chan<- struct{}) {
	defer close(ended)
	tick := time.NewTicker(residencyTick)
	defer tick.Stop()
	for {
		select {
		case <-done:
			dropAll(mapped)
			return
		case <-tick.C:
			if residentPages() > residencyLimit {
				dropAll(mapped)
			}
		}
	}
}

func dropAll(mapped []Pages) {
	for _, p := range mapped {
		p.Drop()
	}
}

// residentPages is the number of bytes of files that are in the process, 0 if that is unknown.
func residentPages() int {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b))
	if len(f) < 3 {
		return 0
	}
	n, _ := strconv.Atoi(f[2])
	return n * os.Getpagesize()
}
