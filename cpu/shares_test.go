package cpu

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSharesAreTakenInOrder(t *testing.T) {
	s := make(shares, 3)
	s.deal(7)
	var got []int
	for i, ok := s.take(1); ok; i, ok = s.take(1) {
		got = append(got, i)
	}
	assert.Equal(t, []int{2, 3, 4, 5, 6, 0, 1}, got)
	_, ok := s.take(0)
	assert.False(t, ok)
}

func TestSharesHandOutEachPartOnce(t *testing.T) {
	const n = 1000
	s := make(shares, 4)
	for range 20 {
		s.deal(n)
		var mu sync.Mutex
		var all sync.WaitGroup
		times := make([]int, n)
		for w := range s {
			all.Go(func() {
				for i, ok := s.take(w); ok; i, ok = s.take(w) {
					mu.Lock()
					times[i]++
					mu.Unlock()
				}
			})
		}
		all.Wait()
		for i, k := range times {
			assert.Equal(t, 1, k, "part %d", i)
		}
	}
}
