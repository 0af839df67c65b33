package ptxsim_test

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/tare-go/tare/cuda/ptxsim"
)

// A kernel without the guard that keeps the last threads from the memory behind the array.
func ExampleMachine_Launch() {
	module, err := ptxsim.Parse(`
.version 6.3
.target sm_70
.address_size 64
.visible .entry double(.param .u64 px)
{
	.reg .b64 %x;
	.reg .b32 %i;
	ld.param.u64 %x, [px];
	mov.u32 %i, %tid.x;
	mad.wide.u32 %x, %i, 4, %x;
	ld.global.u32 %i, [%x];
	shl.b32 %i, %i, 1;
	st.global.u32 [%x], %i;
	ret;
}`)
	if err != nil {
		fmt.Println(err)
		return
	}
	var m ptxsim.Machine
	x, _ := m.Alloc(40)
	_ = m.Fill(x, 0, 40)
	params := binary.LittleEndian.AppendUint64(nil, x)
	one := [3]uint32{1, 1, 1}
	stats, err := m.Launch(context.Background(), module, "double", one, [3]uint32{10, 1, 1}, 0, params)
	fmt.Println(stats.LaneInstrs, err)
	_, err = m.Launch(context.Background(), module, "double", one, [3]uint32{11, 1, 1}, 0, params)
	fmt.Println(err)
	// Output:
	// 70 <nil>
	// ptxsim: out of bounds: 4 bytes at 40 of an allocation of 40 at global 0x100000028 in kernel double, line 12: ld.global.u32 %i, [%x]; (block 0,0,0 thread 10)
}
