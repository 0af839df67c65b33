package cpu_test

import (
	"fmt"
	"testing"

	"github.com/tare-go/tare/cpu"
	"github.com/tare-go/tare/device/devicetest"
)

func TestConformance(t *testing.T) {
	for _, workers := range []int{1, 3} {
		t.Run(fmt.Sprint(workers), func(t *testing.T) { devicetest.Run(t, cpu.New(workers)) })
	}
}
