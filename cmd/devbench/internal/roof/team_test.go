package roof

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestATeamDoesEachTaskTogether(t *testing.T) {
	for _, n := range []int{1, 2, 5} {
		team := gather(n)
		var done [5]atomic.Int64
		for round := range int64(100) {
			team.timed(func(i int) { done[i].Add(1) })
			for i := range n {
				assert.Equal(t, round+1, done[i].Load())
			}
		}
		team.part()
	}
}
