// Command image normalises a picture for a neural network, and stretches its contrast: bytes of shape (height, width, 3)
// become float32 of shape (3, height, width), with the mean and deviation of each channel taken out.
//
//	image -in photo.png -out stretched.png
package main

import (
	"context"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"log"
	"math"
	"os"

	"github.com/tare-go/tare/device"
	np "github.com/tare-go/tare/tensor"
)

func main() {
	log.SetFlags(0)
	in := flag.String("in", "", "the PNG to read; without one a picture is made")
	out := flag.String("out", "stretched.png", "the PNG to write")
	flag.Parse()
	if err := run(*in, *out); err != nil {
		log.Fatal(err)
	}
}

func run(in, out string) error {
	picture, err := read(in)
	if err != nil {
		return err
	}
	ctx, ledger := device.Record(context.Background())

	planes, err := normalised(picture).Eval(ctx)
	if err != nil {
		return err
	}
	defer planes.Free()
	fmt.Printf("%v %v → %v %v\n", picture.DType(), picture.Shape(), planes.DType(), planes.Shape())

	bright, err := stretched(picture).Eval(ctx)
	if err != nil {
		return err
	}
	defer bright.Free()
	fmt.Println(ledger.Stats())
	return write(out, bright)
}

// normalised is (x/255 - mean) / std of each channel, with the channels in front. Nothing is copied to reorder it: the
// transposed picture is a view, and the evaluation writes its result in C order.
func normalised(picture *np.Tensor) *np.Expr {
	x := np.Divide(np.AsType(picture, np.Float32), 255)
	mean, std := np.Mean(x, np.Axis(0, 1)), np.Std(x, np.Axis(0, 1))
	return np.Transpose(np.Divide(np.Subtract(x, mean), std), 2, 0, 1)
}

// stretched spreads each channel over all of 0 to 255.
func stretched(picture *np.Tensor) *np.Expr {
	x := np.AsType(picture, np.Float32)
	low, high := np.Min(x, np.Axis(0, 1)), np.Max(x, np.Axis(0, 1))
	span := np.Maximum(np.Subtract(high, low), 1)
	return np.AsType(np.Rint(np.Multiply(np.Divide(np.Subtract(x, low), span), 255)), np.Uint8)
}

// read is the pixels of a file, or of a made-up one, as uint8 of shape (height, width, 3).
func read(path string) (*np.Tensor, error) {
	var img image.Image = fog(480, 640)
	if path != "" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if img, err = png.Decode(f); err != nil {
			return nil, err
		}
	}
	size := img.Bounds().Size()
	pixels := make([]uint8, 0, size.X*size.Y*3)
	for y := range size.Y {
		for x := range size.X {
			r, g, b, _ := img.At(img.Bounds().Min.X+x, img.Bounds().Min.Y+y).RGBA()
			pixels = append(pixels, uint8(r>>8), uint8(g>>8), uint8(b>>8))
		}
	}
	return np.FromSlice(pixels, size.Y, size.X, 3)
}

// fog is a picture with little contrast.
func fog(height, width int) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			wave := 20 * math.Sin(float64(x)/40) * math.Cos(float64(y)/30)
			img.Set(x, y, color.RGBA{uint8(130 + wave), uint8(140 + wave/2), uint8(150 + 15*float64(y)/float64(height)), 255})
		}
	}
	return img
}

// write makes a PNG of uint8 of shape (height, width, 3).
func write(path string, t *np.Tensor) error {
	pixels, err := np.Data[uint8](t)
	if err != nil {
		return err
	}
	height, width := t.Shape()[0], t.Shape()[1]
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range height * width {
		img.Set(i%width, i/width, color.RGBA{pixels[3*i], pixels[3*i+1], pixels[3*i+2], 255})
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := png.Encode(f, img); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
