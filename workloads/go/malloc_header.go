//go:build go1.22

package main

// mallocHeader is what an object with pointers of more than 512 bytes has before it: the word that holds its type (malloc.go).
const mallocHeader = 8
