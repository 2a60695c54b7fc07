package scoreboard

// The layout of the memory, in words of 8 bytes, all of which are read and
// written atomically. It begins with a header of one page; the regions follow,
// all of one size: the dead, the master, the workers. Who changes any of this,
// or what a family's entries hold, changes layoutVersion.
const (
	layoutMagic   = 0x77_68_65_61_74_70_73_62 // wheatpsb
	layoutVersion = 2

	headerWords = 512    // a page
	regionWords = 131072 // 1 MB, of which only touched pages cost anything

	// MaxWorkers is how many regions can be claimed at a time.
	MaxWorkers = 4096

	regionDead   = 0
	regionMaster = 1
	firstWorker  = 2
	maxRegions   = firstWorker + MaxWorkers
	totalBytes   = int64(8) * (headerWords + maxRegions*regionWords)
)

// Words of the header.
const (
	headMagic   = iota
	headVersion // and the sizes, see layoutSignature
	headFolds   // the sequence lock: odd while the master moves counts
	headPlea    // until when a reader asks the master not to move any
	headUsed    // regions that have ever been claimed; readers look no further
)

// layoutSignature is what the word headVersion holds.
const layoutSignature = layoutVersion<<48 | maxRegions<<32 | regionWords

// Words of a region. The entries follow the fixed ones.
const (
	wordState      = 0 // stateFree or stateLive, stored last by Claim
	wordSlot       = 1
	wordGeneration = 2
	wordEnd        = 3 // of the published entries, stored last by whoever appends
	wordReserved   = 4 // of what was written, published or not
	wordServerLen  = 5 // bytes
	wordServer     = 8
	serverWords    = 32
	wordProcess    = wordServer + serverWords
	processWords   = 24 // of which Process has 14 or so
	wordEntries    = wordProcess + processWords
)

const (
	stateFree = 0
	stateLive = 1
)
