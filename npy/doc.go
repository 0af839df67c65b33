// Package npy reads and writes .npy files, the format of numpy.save: one array, its element type,
// its shape and its order.
//
// Versions 1.0, 2.0 and 3.0 of the format are read, in both byte orders and both C and Fortran
// order; files are written as NumPy writes them, to the byte. The element types are tare's. A file
// of others (Python objects, complex numbers, half precision, dates, text, records) is a
// *[DTypeError] that says how to save it instead. A file that is not sound is a *[FormatError] with
// the byte that is wrong. Nothing in a file is executed, and memory is taken for the bytes that are
// there, whatever a header announces.
//
//	x, err := npy.Open("features.npy") // mapped: read page by page as it is used, read-only
//	x, err := npy.Load("features.npy") // in memory
//	err = npy.Save("result.npy", y)    // appears when it is whole, or not at all
//
// [Read] and [Write] do the same with streams. Below them, and without arrays, [Create] makes a file
// of elements that come part by part, and [Map] and [ReadHeader] give the bytes of one.
package npy
