package device_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/device/devicetest"
)

// limited is a Strict device that has only so much memory, and says so or not.
type limited struct {
	*devicetest.StrictDevice
	size, used, allocs int
	secret             bool
}

var errNoMemory = errors.New("out of memory")

func (d *limited) Info() device.Info {
	info := d.StrictDevice.Info()
	if !d.secret {
		info.Memory = d.size
	}
	return info
}

func (d *limited) Alloc(ctx context.Context, bytes int) (device.Buffer, error) {
	if d.used+bytes > d.size {
		return nil, errNoMemory
	}
	b, err := d.StrictDevice.Alloc(ctx, bytes)
	d.used += bytes
	d.allocs++
	return limitedBuffer{b, d}, err
}

type limitedBuffer struct {
	device.Buffer
	dev *limited
}

func (b limitedBuffer) Free() {
	b.dev.used -= b.Size()
	b.Buffer.Free()
}

const mib = 1 << 20

func TestPoolHandsOutFreedBuffers(t *testing.T) {
	raw := &limited{StrictDevice: devicetest.Strict(), size: 100 * mib}
	p := device.Pool(raw)
	a := mustAlloc(t, background, p, 1000)
	assert.Equal(t, 1000, a.Size(), "what was asked for")
	a.Free()
	a.Free()
	assert.Equal(t, 1024, p.CachedBytes())
	b := mustAlloc(t, background, p, 1001)
	assert.Zero(t, p.CachedBytes())
	assert.Equal(t, 1, raw.allocs, "the same class, the same memory")
	c := mustAlloc(t, background, p, 1025)
	assert.Equal(t, 2, raw.allocs, "another class")
	b.Free()
	c.Free()
	n, err := p.Trim(background)
	require.NoError(t, err)
	assert.Equal(t, 1024+1280, n)
	assert.Zero(t, raw.used)
	raw.Check(t)
}

func TestPoolKeepsAQuarterAtMostAndTheNewest(t *testing.T) {
	raw := &limited{StrictDevice: devicetest.Strict(), size: 100 * mib} // 80 to take, 20 to keep
	p := device.Pool(raw)
	small := mustAlloc(t, background, p, 2*mib)
	large := mustAlloc(t, background, p, 10*mib)
	last := mustAlloc(t, background, p, 12*mib)
	tooLarge := mustAlloc(t, background, p, 22*mib)
	tooLarge.Free()
	assert.Zero(t, p.CachedBytes(), "more than the pool may keep")
	large.Free()
	small.Free()
	assert.Equal(t, 12*mib, p.CachedBytes())
	last.Free()
	assert.Equal(t, 14*mib, p.CachedBytes(), "the oldest, of 10 MiB, had to go")
	assert.Equal(t, 14*mib, raw.used)
}

func TestPoolReleasesBeforeTheLimit(t *testing.T) {
	raw := &limited{StrictDevice: devicetest.Strict(), size: 100 * mib}
	l := device.Ledger(device.Pool(raw))
	mustAlloc(t, background, l, 18*mib).Free()
	budget, why := device.Budget(background, l)
	assert.Equal(t, 80*mib, budget, "what is kept counts as free")
	assert.Contains(t, why, "80 % of the 100 MiB")
	b := mustAlloc(t, background, l, 70*mib)
	assert.Zero(t, l.CachedBytes())
	_, err := l.Alloc(background, 12*mib)
	var over *device.BudgetError
	require.ErrorAs(t, err, &over)
	assert.Equal(t, 12*mib, over.Need)
	assert.Equal(t, 10*mib, over.Budget)
	require.Len(t, over.Holders, 1)
	assert.Equal(t, 70*mib, over.Holders[0].Bytes)
	assert.Equal(t, 70*mib, l.Stats().LiveBytes, "what failed counts nowhere")
	b.Free()
	mustAlloc(t, background, l, 80*mib).Free()
}

func TestPoolReleasesWhenTheDeviceRefuses(t *testing.T) {
	raw := &limited{StrictDevice: devicetest.Strict(), size: 100 * mib, secret: true}
	p := device.Pool(raw)
	mustAlloc(t, background, p, 30*mib).Free()
	mustAlloc(t, background, p, 40*mib).Free()
	assert.Equal(t, 70*mib, p.CachedBytes(), "no limit is known")
	b := mustAlloc(t, background, p, 50*mib)
	assert.Equal(t, 50*mib, raw.used)
	_, err := p.Alloc(background, 60*mib)
	assert.ErrorIs(t, err, errNoMemory, "nothing left to release")
	b.Free()
	_, err = p.Trim(background)
	require.NoError(t, err)
	raw.Check(t)
}

func TestPoolAndLedgerAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := &limited{StrictDevice: devicetest.Strict(), size: 1 << 16}
		l := device.Ledger(device.Pool(raw))
		var live []device.Buffer
		want := 0
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			if len(live) > 0 && rapid.Bool().Draw(t, "free") {
				i := rapid.IntRange(0, len(live)-1).Draw(t, "which")
				want -= device.SizeClass(live[i].Size())
				live[i].Free()
				live = append(live[:i], live[i+1:]...)
			} else {
				n := rapid.IntRange(0, 5000).Draw(t, "bytes")
				b, err := l.Alloc(background, n)
				if err != nil {
					require.Greater(t, want+device.SizeClass(n), 1<<16, "refused for no reason: %v", err)
					continue
				}
				want += device.SizeClass(n)
				live = append(live, b)
			}
			s := l.Stats()
			require.Equal(t, want, s.LiveBytes)
			require.Equal(t, raw.used, s.LiveBytes+s.CachedBytes, "the ledger's classes are what the pool takes")
		}
	})
}
