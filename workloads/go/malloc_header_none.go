//go:build !go1.22

package main

// mallocHeader is none: before Go 1.22 pointers are told by a bitmap of the arena.
const mallocHeader = 0
