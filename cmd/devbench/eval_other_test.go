//go:build !linux && !darwin

package main

// bounded has no limit to take over.
func bounded() {}
