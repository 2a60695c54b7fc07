package launcher

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// programVariable makes the test binary one of these programs instead.
const programVariable = "WHEATPASTE_TEST_PROGRAM"

var programs = map[string]func() int{"single": singleProgram}

func TestMain(m *testing.M) {
	if program := programs[os.Getenv(programVariable)]; program != nil {
		os.Exit(program())
	}
	goleak.VerifyTestMain(m)
}
