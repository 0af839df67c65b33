// Package importorder has no code to import. Its test holds the order of the module's packages, and
// fails on an import that goes against it.
package importorder
