// Package npy reads and writes .npy files, the format of numpy.save: one array, its element type,
// its shape and its order.
//
// Versions 1.0, 2.0 and 3.0 of the format are read, in both byte orders and both C and Fortran
// order; files are written as NumPy writes them, to the byte. The element types are tare's. A file
// of others (Python objects, complex numbers, half precision, dates, text, records) is a
// *[DTypeError] that says how to save it instead. A file that is not sound is a *[FormatError] with
// the byte that is wrong. Nothing in a file is executed, and no file, however it was made, takes
// more memory than twice its own bytes.
//
// [Create] makes a file from elements that come bit by bit, and [Map] and [ReadHeader] give the
// bytes of one; neither needs tensors.
package npy
