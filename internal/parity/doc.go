// Package parity holds our filters and apps against their Python originals: the
// same paste file and the same requests go to Paste Deploy under waitress and to
// ours, and status, headers and body must be the same. `make parity` runs it;
// it needs the Debian packages of the originals.
//
// A difference that is meant stands in the entry of its factory, by the words
// with which the README of the factory gives the reason.
package parity
