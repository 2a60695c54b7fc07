// Package paste loads Paste Deploy files: it reads the ini dialect, resolves
// use, set, get, filter-with, pipelines and references to other files into
// contexts, and finds the registered Go factories that build them.
//
// # Resolving
//
// Load resolves one object of a file into a Context: which factory to call,
// with which global and local options, around which other objects. Nothing is
// built, so that no factory needs to be registered. AppConfig gives just the
// options. Every Value knows where it was written.
//
// Resolution follows Paste Deploy 3 in everything that can be observed. The
// comments name the rules by their ids (INI-31, USE-05, ...) from the project's
// rule book of Paste Deploy's behaviour.
//
// # Errors
//
// Errors are collected: what Load returns is of type Errors and holds every
// problem that was found, the first one being the one that Paste Deploy stops
// at. Each Error has a place and is one of the Err values for errors.Is.
//
// # Registering
//
// RegisterApp, RegisterComposite, RegisterFilter, RegisterFilterApp and
// RegisterServer are called from init functions. They take the names under
// which files refer to the factory, and a struct that declares its options:
//
//	type Options struct {
//		Max paste.Size `paste:"max_request_body_size" help:"largest request body"`
//	}
//
// The tag gives the option's name and flags: required, global (falls back to
// the global option of that name), secret (never shown), rest (a *Conf that
// collects all other options). A name that ends in * is a *Conf of the options
// that begin so. The tag old lists deprecated names, the tag help says in one
// line what the option is for. The value that is registered holds the defaults.
//
// Fields can be strings, booleans, integers, float64, time.Duration, lists and
// pointers of these, and everything that unmarshals from text.
package paste
