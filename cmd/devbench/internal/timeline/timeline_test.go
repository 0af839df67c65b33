package timeline

import (
	"bytes"
	"context"
	"encoding/xml"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	np "github.com/tare-go/tare/tensor"
)

func TestPictureOfAPlan(t *testing.T) {
	x, err := np.Ones([]int{500, 200})
	require.NoError(t, err)
	z := np.Divide(np.Subtract(x, np.Mean(x, np.Axis(0))), np.Std(x, np.Axis(0)))
	p, err := z.Plan()
	require.NoError(t, err)
	r := p.Report()
	points := Of(r)
	most := 0
	for _, point := range points {
		most = max(most, point.Live)
	}
	assert.Equal(t, p.PeakBytes, most)
	var svg bytes.Buffer
	require.NoError(t, WriteSVG(&svg, r))
	for _, text := range []string{"mean", "std", "divide", "peak, an operator at a time"} {
		assert.Contains(t, svg.String(), text)
	}
	for d := xml.NewDecoder(&svg); ; {
		if _, err := d.Token(); err != nil {
			require.ErrorIs(t, err, io.EOF, "it is well-formed")
			break
		}
	}
	y, err := z.Eval(context.Background())
	require.NoError(t, err)
	y.Free()
}
