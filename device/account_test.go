package device_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/device/devicetest"
	"github.com/tare-go/tare/dtype"
	"github.com/tare-go/tare/internal/ir"
	"github.com/tare-go/tare/internal/op"
)

// byOp is an account by operator.
func byOp(ops []device.OpStats) map[string]device.Stats {
	m := map[string]device.Stats{}
	for _, o := range ops {
		m[o.Op] = o.Stats
	}
	return m
}

func TestAccountByOperator(t *testing.T) {
	l := device.Ledger(device.Pool(devicetest.Null()))
	ctx, rec := device.Record(background)
	mustAlloc(t, device.WithOp(ctx, "mean"), l, 64).Free()
	b := mustAlloc(t, device.WithOp(ctx, "mean"), l, 128)
	p, err := device.Compile(device.WithOp(ctx, "subtract"), l, identity(64))
	require.NoError(t, err)
	args := []device.Arg{{Buffer: b}, {Buffer: b}}
	require.NoError(t, p.Run(ctx, args, device.Span{}))
	require.NoError(t, p.Run(device.WithSite(ctx, 7), args, device.Span{}))
	require.NoError(t, p.Run(device.WithOp(ctx, "part of subtract"), args, device.Span{}))

	for _, ops := range [][]device.OpStats{l.Ops(), rec.Ops()} {
		at := byOp(ops)
		require.Len(t, at, 3)
		assert.Equal(t, []int{192, 128, 128}, []int{at["mean"].AllocBytes, at["mean"].LiveBytes, at["mean"].PeakBytes})
		assert.Equal(t, []int{2, 1}, []int{at["subtract"].Launches, at["subtract"].Compiles}, "a program keeps its operator")
		assert.Equal(t, 1, at["part of subtract"].Launches, "unless the context has one")
	}
	assert.Equal(t, "mean", device.OpOf(device.WithOp(background, "mean")))
	assert.Contains(t, device.OpTable(l.Ops()), "  part of subtract\n")
}

func TestProgramsWithoutAnOperatorAreNamedAfterTheOperation(t *testing.T) {
	none := [3]int{-1, -1, -1}
	o := ir.Operand{Type: dtype.Float64, Strides: []int{8, 8}}
	code := []ir.Inst{{Kind: ir.Load, Type: dtype.Float64, Args: none}}
	for _, c := range []op.Code{op.Exp, op.Sqrt, op.Exp, op.Tanh, op.Log, op.Sin} {
		code = append(code, ir.Inst{Kind: ir.Apply, Code: c, Type: dtype.Float64, Args: [3]int{len(code) - 1, -1, -1}})
	}
	store := func(code []ir.Inst) []ir.Inst {
		return append(code[:len(code):len(code)], ir.Inst{Kind: ir.Store, Type: dtype.Float64, Args: [3]int{len(code) - 1, -1, -1}})
	}
	kernel := func(code []ir.Inst) ir.Op {
		return &ir.Kernel{Space: []int{2, 2}, Lo: 2, Hi: 2, In: []ir.Operand{o}, Out: []ir.Operand{o}, Code: store(code)}
	}
	tests := []struct {
		op   ir.Op
		want string
	}{
		{identity(8), "copy"},
		{kernel(code[:4]), "exp, sqrt"},
		{kernel(code), "exp, sqrt, tanh, log, …"},
		{&ir.MatMul{Type: dtype.Float64, M: 2, N: 2, K: 2, A: o, B: o, To: o}, "matmul"},
		{&ir.MatMul{Type: dtype.Float64, M: 2, N: 2, K: 2, A: o, B: o, Then: kernel(code[:4]).(*ir.Kernel)}, "matmul, exp, sqrt"},
	}
	for _, test := range tests {
		l := device.Ledger(devicetest.Null())
		_, err := l.Compile(test.op)
		require.NoError(t, err)
		assert.Equal(t, 1, byOp(l.Ops())[test.want].Compiles, "%s: %v", test.want, l.Ops())
	}
}

// The peak of a line or an operator is its own, over all with which it was together.
func TestPeaksOfSites(t *testing.T) {
	l := device.Ledger(devicetest.Null())
	line := device.WithSite(background, 8)
	a := mustAlloc(t, device.WithOp(line, "exp"), l, 640)
	mustAlloc(t, device.WithOp(line, "log"), l, 320).Free()
	a.Free()
	mustAlloc(t, device.WithOp(device.WithSite(background, 9), "exp"), l, 128)
	require.Len(t, l.Sites(), 2)
	for _, s := range l.Sites() {
		want := map[device.Site]int{8: 960, 9: 128}[s.Site]
		assert.Equal(t, want, s.PeakBytes)
	}
	assert.Equal(t, 640, byOp(l.Ops())["exp"].PeakBytes)
	assert.Equal(t, 320, byOp(l.Ops())["log"].PeakBytes)
}

// Calls on one line are one account, with one peak.
func TestCallsOfOneLineAreOneSite(t *testing.T) {
	l := device.Ledger(devicetest.Null())
	first, second := site(), site()
	require.NotEqual(t, first, second)
	require.Equal(t, first.String(), second.String())
	a := mustAlloc(t, device.WithSite(background, uintptr(first)), l, 640)
	b := mustAlloc(t, device.WithSite(background, uintptr(second)), l, 320)
	a.Free()
	b.Free()
	require.Len(t, l.Sites(), 1)
	s := l.Sites()[0]
	assert.Equal(t, first.String(), s.Site.String())
	assert.Equal(t, []int{2, 960, 960}, []int{s.Allocs, s.AllocBytes, s.PeakBytes})
}

// site is the call of its caller's.
//
//go:noinline
func site() device.Site {
	var pc [1]uintptr
	runtime.Callers(2, pc[:])
	return device.Site(pc[0])
}

func TestWatch(t *testing.T) {
	l := device.Ledger(device.Pool(devicetest.Null()))
	before := mustAlloc(t, background, l, 640)
	rec, stop := device.Watch(l)
	second, stopSecond := device.Watch(l)
	ctx, scope := device.Record(background)
	during := mustAlloc(t, ctx, l, 128)
	before.Free()
	p, err := l.Compile(identity(64))
	require.NoError(t, err)
	require.NoError(t, p.Run(background, []device.Arg{{Buffer: during}, {Buffer: during}}, device.Span{}))
	stop()
	stop()
	mustAlloc(t, background, l, 64)
	stopSecond()

	s := rec.Stats()
	assert.Equal(t, []int{1, 128, 128, 1, 1, 1}, []int{s.Allocs, s.LiveBytes, s.PeakBytes, s.Launches, s.Compiles, s.Programs})
	assert.Equal(t, 192, second.Stats().LiveBytes)
	assert.Equal(t, 128, scope.Stats().LiveBytes)
	during.Free()
	require.NoError(t, p.Close())
	assert.Zero(t, rec.Stats().LiveBytes+rec.Stats().Programs, "what was counted is until its end")
	assert.Equal(t, 64, second.Stats().LiveBytes)
}

func TestWatchUnderConcurrency(t *testing.T) {
	l := device.Ledger(device.Pool(devicetest.Null()))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				rec, stop := device.Watch(l)
				b, err := l.Alloc(background, 64)
				stop()
				if assert.NoError(t, err) {
					b.Free()
				}
				s := rec.Stats()
				assert.LessOrEqual(t, 1, s.Allocs)
			}
		})
	}
	wg.Wait()
	assert.Zero(t, l.Stats().LiveBytes)
	_, stop := device.Watch(l)
	stop()
}

// Any sequence of allocations and frees is counted as a slow ledger would.
func TestAccountsAgreeWithASlowLedger(t *testing.T) {
	type live struct {
		device.Buffer
		site, op, class int
	}
	rapid.Check(t, func(t *rapid.T) {
		l := device.Ledger(device.Pool(devicetest.Null()))
		ctx, rec := device.Record(background)
		var held []live
		var now, peak, allocs, sum int
		sites := map[device.Site]*device.Stats{}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			if len(held) > 0 && rapid.Bool().Draw(t, "free") {
				i := rapid.IntRange(0, len(held)-1).Draw(t, "which")
				held[i].Free()
				now -= held[i].class
				sites[device.Site(held[i].site)].LiveBytes -= held[i].class
				held = append(held[:i], held[i+1:]...)
				continue
			}
			x := live{site: rapid.IntRange(1, 40).Draw(t, "site"), op: rapid.IntRange(0, 3).Draw(t, "op")}
			bytes := rapid.IntRange(0, 5000).Draw(t, "bytes")
			x.class = device.SizeClass(bytes)
			var err error
			x.Buffer, err = l.Alloc(device.WithOp(device.WithSite(ctx, uintptr(x.site)), []string{"", "a", "b", "cc"}[x.op]), bytes)
			require.NoError(t, err)
			held = append(held, x)
			now += x.class
			peak, allocs, sum = max(peak, now), allocs+1, sum+x.class
			s := sites[device.Site(x.site)]
			if s == nil {
				s = new(device.Stats)
				sites[device.Site(x.site)] = s
			}
			s.Allocs++
			s.LiveBytes += x.class
			s.PeakBytes = max(s.PeakBytes, s.LiveBytes)
		}
		for _, s := range []device.Stats{l.Stats(), rec.Stats()} {
			assert.Equal(t, []int{allocs, sum, len(held), now, peak}, []int{s.Allocs, s.AllocBytes, s.Buffers, s.LiveBytes, s.PeakBytes})
		}
		require.Len(t, rec.Sites(), len(sites))
		for _, s := range rec.Sites() {
			want := sites[s.Site]
			assert.Equal(t, []int{want.Allocs, want.LiveBytes, want.PeakBytes}, []int{s.Allocs, s.LiveBytes, s.PeakBytes})
		}
	})
}

type testKey struct{}

// A tagged context is a context as any other.
func TestTagsAndOtherContexts(t *testing.T) {
	l := device.Ledger(devicetest.Null())
	ctx, cancel := context.WithCancelCause(context.WithValue(background, testKey{}, "value"))
	ctx, rec := device.Record(device.WithSite(ctx, 5))
	ctx, stop := context.WithTimeout(ctx, time.Hour)
	defer stop()
	ctx = device.WithOp(device.WithPurpose(ctx, device.Result), "exp")
	assert.Equal(t, "value", ctx.Value(testKey{}))
	assert.Equal(t, device.Site(5), device.SiteOf(ctx))
	mustAlloc(t, ctx, l, 64)
	assert.Equal(t, 64, rec.Stats().ResultBytes)
	assert.Equal(t, device.Site(5), rec.Sites()[0].Site)
	cancel(assert.AnError)
	_, err := l.Alloc(ctx, 64)
	assert.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, assert.AnError, context.Cause(ctx))
	assert.Equal(t, device.Site(6), device.SiteOf(device.WithSite(ctx, 6)), "the innermost tag counts")
	assert.Equal(t, "exp", device.OpOf(device.WithSite(ctx, 6)), "and the others stay")
}

// A run allocates nothing for the ledger, and an allocation what its buffer takes.
func TestEventsAllocateNothing(t *testing.T) {
	l := device.Ledger(device.Pool(devicetest.Null()))
	ctx, _ := device.Record(device.WithSite(background, 1))
	p, err := device.Compile(ctx, l, identity(64))
	require.NoError(t, err)
	b := mustAlloc(t, ctx, l, 64)
	args := []device.Arg{{Buffer: b}, {Buffer: b}}
	run := func() {
		if err := p.Run(ctx, args, device.Span{}); err != nil {
			t.Fatal(err)
		}
	}
	run()
	assert.Zero(t, testing.AllocsPerRun(100, run))
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		if err := l.Sync(ctx); err != nil {
			t.Fatal(err)
		}
	}))
	assert.LessOrEqual(t, testing.AllocsPerRun(100, func() { mustAlloc(t, ctx, l, 64).Free() }), 1.0, "the wrapping of ledger and pool")
}

// Runs of one program at the same time have arguments of their own.
func TestRunsAtTheSameTime(t *testing.T) {
	l := device.Ledger(device.Pool(devicetest.Strict()))
	p, err := l.Compile(identity(64))
	require.NoError(t, err)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			in, out, host := mustAlloc(t, background, l, 64), mustAlloc(t, background, l, 64), make([]byte, 64)
			host[0] = byte(g)
			assert.NoError(t, l.Copy(background, device.Span{Buffer: in, Len: 64}, device.HostSpan(host)))
			for range 50 {
				assert.NoError(t, p.Run(background, []device.Arg{{Buffer: in}, {Buffer: out}}, device.Span{}))
			}
			host[0] = 99
			assert.NoError(t, l.Copy(background, device.HostSpan(host), device.Span{Buffer: out, Len: 64}))
			assert.EqualValues(t, g, host[0])
		})
	}
	wg.Wait()
	assert.Equal(t, 200, l.Stats().Launches)
}
