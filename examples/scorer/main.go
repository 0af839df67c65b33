// Command scorer is a web service that scores feature vectors: a client posts a matrix as an .npy file, and gets the score
// of each row. Each request has a budget of memory: one that needs more is refused before anything is allocated, and the
// others go on.
//
//	scorer -address :8080 -budget 1048576
//
// Without an address it serves itself a few requests, shows the answers and ends.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/tare-go/tare/device"
	"github.com/tare-go/tare/npy"
	np "github.com/tare-go/tare/tensor"
)

const (
	features = 16
	largest  = 64 << 20 // bytes of a request
)

func main() {
	log.SetFlags(0)
	address := flag.String("address", "", "where to listen; without it the program tries itself")
	budget := flag.Int("budget", 1<<20, "bytes that scoring a request may take, beside the request itself")
	flag.Parse()
	s, err := newScorer(*budget)
	if err != nil {
		log.Fatal(err)
	}
	if *address != "" {
		log.Fatal(http.ListenAndServe(*address, s))
	}
	if err := try(s); err != nil {
		log.Fatal(err)
	}
}

// scorer is a small model: standardised features, a hidden layer, a score between 0 and 1.
type scorer struct {
	budget                    int
	mean, scale, hidden, last *np.Tensor
}

func newScorer(budget int) (*scorer, error) {
	s := &scorer{budget: budget}
	weights := func(shape ...int) (*np.Tensor, error) {
		return np.FromFunc(shape, func(ix []int) float32 {
			n := 0
			for _, i := range ix {
				n = n*37 + i*11 + 1
			}
			return float32(n%41)/20 - 1
		})
	}
	var errs [4]error
	s.mean, errs[0] = weights(features)
	s.scale, errs[1] = np.Full([]int{features}, float32(2))
	s.hidden, errs[2] = weights(features, 32)
	s.last, errs[3] = weights(32, 1)
	return s, errors.Join(errs[:]...)
}

// score is the expression for a matrix of (rows, features).
func (s *scorer) score(x *np.Tensor) *np.Expr {
	h := np.Tanh(np.MatMul(np.Divide(np.Subtract(x, s.mean), s.scale), s.hidden))
	return np.Divide(1, np.Add(1, np.Exp(np.Negative(np.MatMul(h, s.last)))))
}

// ServeHTTP answers with the scores and what they cost, as JSON.
func (s *scorer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x, err := npy.Read(http.MaxBytesReader(w, r.Body, largest))
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	defer x.Free()
	if shape := x.Shape(); len(shape) != 2 || shape[1] != features || x.DType() != np.Float32 {
		refuse(w, http.StatusBadRequest, fmt.Errorf("a float32 matrix of %d columns is wanted, and this is %v %v", features, x.DType(), shape))
		return
	}
	ctx, ledger := device.Record(r.Context()) // a client that goes away ends the evaluation
	scores, err := s.evaluate(ctx, x)
	var over *device.BudgetError
	switch {
	case errors.As(err, &over):
		refuse(w, http.StatusRequestEntityTooLarge, err)
	case err != nil:
		refuse(w, http.StatusInternalServerError, err)
	default:
		stats := ledger.Stats()
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"scores": scores, "peak_bytes": stats.PeakBytes, "launches": stats.Launches})
	}
}

// evaluate computes the scores within the budget, a few rows at a time where they do not fit at once.
func (s *scorer) evaluate(ctx context.Context, x *np.Tensor) ([]float32, error) {
	y, err := np.Reshape(s.score(x), -1).Eval(ctx, np.Budget(s.budget))
	if err != nil {
		return nil, err
	}
	defer y.Free()
	return np.ToSlice[float32](y)
}

func refuse(w http.ResponseWriter, status int, err error) { http.Error(w, err.Error(), status) }

// try posts matrices of several sizes: one that fits, one that is cut into chunks, one that is too large, and one that
// is none.
func try(s *scorer) error {
	server := httptest.NewServer(s)
	defer server.Close()
	for _, rows := range []int{3, 12_000, 300_000} {
		var body bytes.Buffer
		x, err := np.FromFunc([]int{rows, features}, func(ix []int) float32 { return float32((ix[0]+ix[1])%7) - 3 })
		if err != nil {
			return err
		}
		if err := npy.Write(&body, x); err != nil {
			return err
		}
		if err := post(server.URL, fmt.Sprintf("%d rows", rows), &body); err != nil {
			return err
		}
	}
	return post(server.URL, "no array", strings.NewReader("hello"))
}

func post(url, what string, body io.Reader) error {
	answer, err := http.Post(url, "application/octet-stream", body)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if len(text) > 200 {
		text = append(append(text[:60:60], " … "...), text[len(text)-60:]...)
	}
	fmt.Printf("%s: %s\n  %s\n", what, answer.Status, strings.TrimSpace(string(text)))
	return nil
}
