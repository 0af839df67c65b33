package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tare-go/tare/cmd/devbench/internal/record"
	"github.com/tare-go/tare/cmd/devbench/internal/roof"
	"github.com/tare-go/tare/dtype"
)

func TestAMissingPeerIsNamedAndDoesNotFailTheRun(t *testing.T) {
	brisk(t)
	o := devbench(t, "run", "--workloads", "add", "--size", "100", "--peers", "numpy,goloop", "--python", "no-python-here")
	assert.Equal(t, exitOK, o.code, o.err)
	assert.Contains(t, o.out, "not compared: numpy is not there (no-python-here")
	assert.Contains(t, o.out, "pip install numpy")
	assert.Regexp(t, `(?m)^workload .* goloop$`, o.out)
}

// withNumPy is the arguments for a run against NumPy, if there is one.
func withNumPy(t *testing.T) {
	t.Helper()
	python := os.Getenv("TARE_PYTHON")
	if python == "" {
		python = "python3"
	}
	p, err := openPeers(context.Background(), []string{"numpy"}, python)
	require.NoError(t, err)
	defer p.close()
	if len(p.missing) > 0 {
		t.Skipf("nothing to compare with: %v", p.missing[0])
	}
}

func TestNumPyComputesTheSame(t *testing.T) {
	withNumPy(t)
	brisk(t)
	page := filepath.Join(t.TempDir(), "performance.md")
	o := devbench(t, "run", "--size", "10000", "--peers", "gonum,numpy", "--json", "-", "--markdown", page,
		"--workloads", "add,where_nan,sum*,std,chain,zscore_cols,softmax_rows,outer_add,gemm_64,gemm_skinny,gemv,batched_gemm,dot,cumsum,add_100,add_1000,chain_1000,exp_1e3")
	require.Equal(t, exitOK, o.code, o.err)
	compared := 0
	for dec := json.NewDecoder(strings.NewReader(o.out)); dec.More(); {
		var r record.Record
		require.NoError(t, dec.Decode(&r))
		if r.Impl == "numpy" {
			require.NotNil(t, r.Ratio, r.Workload)
			assert.Positive(t, *r.Ratio)
			assert.NotNil(t, r.MaxULP)
			compared++
		}
	}
	assert.Equal(t, 2*20, compared)
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	for _, want := range []string{"numpy 2", "products on", "| add | 100x100 |", "## float32", "## By size", "## Where tare is slower", "- than gonum: "} {
		assert.Contains(t, string(text), want)
	}
}

// measured is a record with a time.
func measured(impl, workload string, ratio float64) record.Record {
	r := record.Record{Workload: workload, Device: "cpu", DType: "float64", Impl: impl, Seconds: record.Seconds{Median: 1e-3}, Flops: 100_000_000, BytesMin: 10_000_000}
	if impl != "tare" {
		r.Ratio = &ratio
	}
	return r
}

func TestCrossoversAreWhereTareBeginsToWin(t *testing.T) {
	lines := func(ratios ...float64) string {
		var r results
		for i, ratio := range ratios {
			name := "add_1e" + string(rune('3'+i))
			r.records = append(r.records, measured("tare", name, 0), measured("goloop", name, ratio))
		}
		return strings.Join(r.crossovers(), "\n")
	}
	assert.Equal(t, "add in f64 is faster than a plain Go loop from 100000 elements on, and slower at 10000", lines(0.5, 0.9, 1.5, 2, 3))
	assert.Equal(t, "add in f64 is faster than a plain Go loop from 100000 elements on, and slower at 10000", lines(1.5, 0.9, 1.5, 2, 3))
	assert.Equal(t, "add in f64 is faster than a plain Go loop at every size measured", lines(1.5, 2))
	assert.Equal(t, "add in f64 is slower than a plain Go loop at every size measured, up to 10000", lines(0.5, 0.5))
}

func TestLossesAreAsPlainAsGains(t *testing.T) {
	r := results{peers: []string{"numpy", "jax"}, records: []record.Record{
		measured("tare", "add", 0), measured("numpy", "add", 0.5), measured("jax", "add", 2),
	}}
	assert.Contains(t, r.row(r.comparisons()[0]), "| **0.500×** | 2.00× |")
	losses := strings.Join(r.losses(), "\n")
	assert.Contains(t, losses, "- than numpy: add f64 (0.500×)")
	assert.Contains(t, losses, "- than jax: at nothing measured")
}

func TestTheRoofIsTheOneThatIsNearer(t *testing.T) {
	r := results{roof: roof.Roof{Copy: 20e9, FMA: map[dtype.DType]float64{dtype.Float64: 200e9}}}
	assert.Equal(t, "50 % copy", r.ofRoof(measured("tare", "add", 0)))
	product := measured("tare", "gemm_64", 0)
	assert.Equal(t, "50 % copy", r.ofRoof(product), "of both it is half a millisecond")
	product.BytesMin = 1000
	assert.Equal(t, "50 % fma", r.ofRoof(product))
}

func TestTheSameReasonIsGivenOnce(t *testing.T) {
	why := errors.New("no products")
	r := results{notes: []note{{"dot", dtype.Float32, why}, {"gemv", dtype.Float32, why}, {"dot", dtype.Float64, why}}}
	assert.Equal(t, []string{"dot, gemv: no products"}, r.remarks())
}
