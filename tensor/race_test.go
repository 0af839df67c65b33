//go:build race

package tensor_test

func init() { raceDetector = true }
