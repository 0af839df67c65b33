package cpu

import (
	"os"
	"strconv"
	"strings"
)

// memoryOfMachine is the bytes of memory that the system reports, 0 if unknown.
func memoryOfMachine() int {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) == 3 && fields[0] == "MemTotal:" && fields[2] == "kB" {
			kib, err := strconv.Atoi(fields[1])
			if err != nil {
				return 0
			}
			return kib << 10
		}
	}
	return 0
}
