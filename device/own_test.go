package device

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOpenOwn(t *testing.T) {
	_, err := OpenOwn("unheard:0")
	require.ErrorIs(t, err, ErrNotLinked)
	Register("owned", ownDriver{})
	t.Cleanup(func() { delete(devices.drivers, "owned") })
	a, err := OpenOwn("owned")
	require.NoError(t, err)
	b, err := OpenOwn("owned")
	require.NoError(t, err)
	assert.NotSame(t, a, b)
	assert.False(t, a.Shared())
	require.NoError(t, a.Close())
	_, err = a.Alloc(context.Background(), 1)
	require.ErrorIs(t, err, ErrClosed)
	require.NoError(t, b.Close())
}

// ownDriver opens a new device each time.
type ownDriver struct{}

func (ownDriver) Open(string) (Device, error) {
	return named{info: Info{Name: "owned"}, closed: new(int)}, nil
}
func (ownDriver) List() []Status { return nil }
