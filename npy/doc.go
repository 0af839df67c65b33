// Package npy reads and writes .npy files, the format of numpy.save: one array, its element type,
// its shape and its order; .npz files, which hold several; and raw files, which hold elements and
// nothing else.
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
// A [Mode] makes mapped arrays writable, as the modes of numpy.memmap do, and [OpenRaw] maps files
// that do not say what is in them:
//
//	x, err := npy.OpenRaw("grid.bin", dtype.Float32, []int{1000, 50}, npy.Offset(128), npy.ReadWrite)
//
// Arrays larger than memory are written as they are computed: [Create] makes a file of elements that
// come part by part, as from np.Expr.Chunks, and its [Writer.Array] is all of them as an array to
// evaluate into. [OpenZ] and [SaveZ] are for .npz files. [Read] and [Write] do what Load and Save do,
// with streams. Below them, and without arrays, [Map], [MapRaw] and [ReadHeader] give the bytes of a
// file.
//
// Whoever makes a file shorter while it is mapped takes pages away. What then evaluates or saves an
// array of it ends with a *[LostError], and the process goes on.
package npy
