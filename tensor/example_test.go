package tensor_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/tare-go/tare/device"
	np "github.com/tare-go/tare/tensor"
)

// A chain of functions is one pass over memory, with no array but the result.
func Example() {
	ctx := context.Background()
	x, err := np.FromSlice([]float64{1, 2, 3, 4, 5, 6}, 2, 3)
	if err != nil {
		fmt.Println(err)
		return
	}
	y, err := np.Sqrt(np.Add(np.Multiply(x, x), 1)).Eval(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(y)
	// Output:
	// [[1.41421356 2.23606798 3.16227766]
	//  [4.12310563 5.09901951 6.08276253]]
}

// A plan says what an evaluation allocates before it does. Row means are part of the same pass.
func ExampleExpr_Plan() {
	x, _ := np.Arange(0, 12, 1)
	m, _ := x.Reshape(3, 4)
	centred := np.Subtract(m, np.Mean(m, np.Axis(1), np.KeepDims))
	plan, err := centred.Plan()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(plan.ResultBytes, "bytes of result,", plan.IntermediateBytes, "of intermediates,", plan.Launches(), "launch")

	stepwise, _ := centred.Plan(np.Stepwise)
	fmt.Println(stepwise.IntermediateBytes, "bytes of intermediates step by step")
	y, _ := centred.Eval(context.Background())
	fmt.Println(y)
	// Output:
	// 128 bytes of result, 0 of intermediates, 1 launch
	// 128 bytes of intermediates step by step
	// [[-1.5 -0.5  0.5  1.5]
	//  [-1.5 -0.5  0.5  1.5]
	//  [-1.5 -0.5  0.5  1.5]]
}

// Mistakes stick to the expression, with the place of the call, and come out of Eval.
func ExampleExpr_Err() {
	x, _ := np.Ones([]int{2, 3})
	wrong := np.Subtract(x, np.Mean(x, np.Axis(1)))
	_, err := np.Sqrt(wrong).Eval(context.Background())
	var e *np.Error
	fmt.Println(errors.As(err, &e), e.Op)
	fmt.Println(e.Err)
	// Output:
	// true subtract
	// shapes (2,3) and (2,) do not broadcast: axis 1 is 3 against 2; did you mean (2,1), by KeepDims or ExpandDims, in place of (2,)?
}

// What several expressions share is computed once.
func ExampleEvalAll() {
	x, _ := np.FromSlice([]float32{1, 2, 3, 4})
	rs, err := np.EvalAll(context.Background(), []*np.Expr{np.Mean(x), np.Std(x), np.Max(x)})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range rs {
		v, _ := np.Item[float32](r)
		fmt.Println(v)
	}
	// Output:
	// 2.5
	// 1.118034
	// 4
}

// A prepared expression is compiled once, and evaluated with other operands and other numbers.
func ExamplePrepare() {
	ctx := context.Background()
	x, _ := np.FromSlice([]float64{1, 2, 3})
	rate := np.Scalar(0.5)
	step, err := np.Prepare(np.Multiply(x, rate))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer step.Close()
	a, _ := step.Eval(ctx)
	b, _ := step.Eval(ctx, np.Set(rate, 2.0))
	other, _ := np.FromSlice([]float64{10, 20, 30})
	c, _ := step.Eval(ctx, np.Set(rate, 2.0), np.Bind(x, other))
	fmt.Println(a, b, c)
	// Output: [0.5 1.  1.5] [2. 4. 6.] [20. 40. 60.]
}

// Out writes into an array that exists, here an operand: no array is allocated.
func ExampleOut() {
	ctx, rec := device.Record(context.Background())
	x, _ := np.FromSlice([]float64{1, 2, 3, 4})
	if _, err := np.Multiply(x, 10).Eval(ctx, np.Out(x)); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(x, rec.Stats().ResultBytes, rec.Stats().IntermediateBytes)
	// Output: [10. 20. 30. 40.] 0 0
}

// WhereMask leaves the other elements of Out as they are. In a reduction they are absent.
func ExampleWhereMask() {
	ctx := context.Background()
	x, _ := np.FromSlice([]float64{4, -1, 9, -16})
	positive := np.Greater(x, 0)
	sum, _ := np.Sum(x, np.WhereMask(positive)).Eval(ctx)
	if _, err := np.Sqrt(x).Eval(ctx, np.Out(x), np.WhereMask(positive)); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(sum, x)
	// Output: 13.0 [  2.  -1.   3. -16.]
}

// What does not fit the budget is an error before anything is allocated.
func ExampleBudget() {
	x, _ := np.Zeros([]int{1000, 1000})
	_, err := np.Add(x, 1).Eval(context.Background(), np.Budget(1<<20))
	var over *device.BudgetError
	if errors.As(err, &over) {
		fmt.Println(over.Op, "needs more than", over.Budget, "bytes:", over.Need > 8_000_000)
	}
	// Output: add needs more than 1048576 bytes: true
}

// To is explicit: on its own device an array is itself, and nothing moves.
func ExampleTensor_To() {
	ctx, rec := device.Record(context.Background())
	x, _ := np.Ones([]int{3})
	y, err := x.To(ctx, x.Device())
	fmt.Println(x == y, err, rec.MaxTransfers(0))
	// Output: true <nil> <nil>
}

// Views share memory: they cost nothing, and what is written through one is seen in all.
func ExampleTensor_Slice() {
	x, _ := np.Arange(0, 12, 1)
	m, _ := x.Reshape(3, 4)
	corner, _ := m.Slice(np.From(1), np.RangeStep(3, 0, -2)) // m[1:, 3:0:-2]
	fmt.Println(corner, corner.Strides(), corner.Base() == x)
	if err := np.Assign(context.Background(), corner, 0); err != nil {
		fmt.Println(err)
	}
	fmt.Println(m)
	// Output:
	// [[ 7  5]
	//  [11  9]] [32 -16] true
	// [[ 0  1  2  3]
	//  [ 4  0  6  0]
	//  [ 8  0 10  0]]
}

// A reshape that would have to copy says so.
func ExampleTensor_Reshape() {
	x, _ := np.Zeros([]int{2, 3})
	t, _ := x.Transpose()
	_, err := t.Reshape(6)
	fmt.Println(errors.Unwrap(err))
	// Output: shape (3,2) cannot become (6,) without a copy, its strides being (8,24): Copy it first, and reshape the copy
}

// Lists of lists become arrays; a wrong one is named.
func ExampleFromSlice() {
	x, _ := np.FromSlice([][]int32{{1, 2}, {3, 4}})
	fmt.Println(x.Repr(np.DefaultPrint()))
	_, err := np.FromSlice([][]int32{{1, 2}, {3}})
	fmt.Println(errors.Unwrap(err))
	// Output:
	// array([[1, 2],
	//        [3, 4]], dtype=int32)
	// element [1] has 1 elements, and the ones before have 2
}

// Data is the memory itself, ToSlice a copy in C order.
func ExampleData() {
	x, _ := np.Zeros([]int{2, 2})
	data, err := np.Data[float64](x)
	if err != nil {
		fmt.Println(err)
		return
	}
	data[1] = 7
	t, _ := x.Transpose()
	values, _ := np.ToSlice[float64](t)
	fmt.Println(x, values)
	// Output:
	// [[0. 7.]
	//  [0. 0.]] [0 0 7 0]
}

// Arrays in the host's memory, or in files, are computed through a device that has no room for them, a few rows at a time.
func ExampleThrough() {
	ctx := context.Background()
	gpu, err := device.Open("cuda:sim") // with _ "github.com/tare-go/tare/cuda" imported
	if err != nil {
		fmt.Println(err)
		return
	}
	x, _ := np.Ones([]int{1000, 250}) // 2 MB
	defer x.Free()
	e := np.Subtract(x, np.Mean(x, np.Axis(1), np.KeepDims))
	plan, err := e.Plan(np.Through(gpu), np.Budget(1<<20))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(plan.Chunks.Chunks, "chunks,", plan.PeakBytes, "bytes of the device at most")
	fmt.Println(plan.H2D.Bytes, "bytes there and", plan.D2H.Bytes, "back")
	y, err := e.Eval(ctx, np.Through(gpu), np.Budget(1<<20))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer y.Free()
	fmt.Println("on", y.Device().Info().Name)
	// Output:
	// 8 chunks, 1048576 bytes of the device at most
	// 2000000 bytes there and 2000000 back
	// on cpu
}
