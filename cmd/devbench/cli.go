package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/tare-go/tare/cmd/devbench/internal/nearest"
	"github.com/tare-go/tare/device"
	np "github.com/tare-go/tare/tensor"
)

// The exit codes.
const (
	exitOK         = 0
	exitFailed     = 1
	exitUsage      = 2
	exitOverBudget = 3
)

// cli is the command line.
type cli struct {
	Quick   quickCommand   `cmd:"" default:"withargs" help:"List the devices and measure the quick suite, in less than a minute; what devbench does without a command."`
	Run     runCommand     `cmd:"" help:"Measure all workloads at sizes beyond the caches, in some minutes."`
	Devices devicesCommand `cmd:"" help:"List the devices of this machine, and why others cannot be used."`
	Explain explainCommand `cmd:"" help:"Say what an expression allocates and moves, without running it."`
	Eval    evalCommand    `cmd:"" help:"Evaluate an expression on arrays from .npy files."`

	Selftest selftestCommand `cmd:"" help:"Check that a device computes what it has to, bit for bit."`
}

// streams are where commands write: out for what was asked for, err for all else.
type streams struct{ out, err io.Writer }

// usageError is a mistake on the command line that the parser could not see.
type usageError struct{ error }

// Main runs the command with the arguments that follow its name, and returns its exit code.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer) (code int) {
	defer exited(&code)
	var c cli
	parser, err := kong.New(&c,
		kong.Name("devbench"),
		kong.Description("NumPy expressions with their cost: what they allocate and move, and how fast they run."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { panic(exit(code)) }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(streams{stdout, stderr}),
	)
	if err != nil {
		panic("BUG: devbench: " + err.Error())
	}
	command, err := parser.Parse(shielded(args))
	if err != nil {
		return report(stderr, "", usageError{meant(parser, args, err)})
	}
	return report(stderr, command.Selected().Name, command.Run())
}

// shielded puts a space before an expression that begins with a minus sign, which the parser would
// take for a flag.
func shielded(args []string) []string {
	if len(args) < 2 || args[0] != "eval" && args[0] != "explain" {
		return args
	}
	if e := args[1]; len(e) < 2 || e[0] != '-' || e[1] == '-' || e == "-h" {
		return args
	}
	args = slices.Clone(args)
	args[1] = " " + args[1]
	return args
}

// meant adds to the parser's error the command that an unknown one is near to. The parser takes it
// for an argument of the command that runs without a name.
func meant(parser *kong.Kong, args []string, err error) error {
	if len(args) == 0 {
		return err
	}
	var commands []string
	for _, node := range parser.Model.Children {
		commands = append(commands, node.Name)
	}
	if slices.Contains(commands, args[0]) || strings.HasPrefix(args[0], "-") {
		return err
	}
	return fmt.Errorf("there is no command %s%s", args[0], nearest.DidYouMean(args[0], commands))
}

// exit is how the parser ends the program, after it has shown the help.
type exit int

// exited turns the parser's panic into an exit code.
func exited(code *int) {
	switch v := recover().(type) {
	case nil:
	case exit:
		*code = int(v)
	default:
		panic(v)
	}
}

// report writes an error of a command, and says which exit code it has.
func report(stderr io.Writer, command string, err error) int {
	var usage usageError
	var budget *device.BudgetError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "devbench: %v\nsee devbench --help\n", err)
		return exitUsage
	}
	fmt.Fprintln(stderr, "devbench: "+plain(command, err))
	if errors.As(err, &budget) {
		return exitOverBudget
	}
	return exitFailed
}

// plain is the text of an error for somebody who did not write a program: without places in this
// one, and with ways out that the command has.
func plain(command string, err error) string {
	text := err.Error()
	var placed *np.Error
	if errors.As(err, &placed) {
		text = strings.Replace(text, placed.Error(), placed.Err.Error(), 1)
	}
	var budget *device.BudgetError
	if errors.As(err, &budget) {
		text, _, _ = strings.Cut(text, "\n")
		text += "\nways out: " + waysOut(command, err)
	}
	return strings.ReplaceAll(text, context.Canceled.Error(), "interrupted")
}

// waysOut are what can be done about work of a command that does not fit in the budget.
func waysOut(command string, err error) string {
	var inParts *partsError
	switch command {
	case "run", "quick":
		return "a smaller --size; --workloads that need less; --dtype f32"
	case "eval", "explain":
		if errors.As(err, &inParts) {
			return "arrays in float32; a larger --budget"
		}
		return "eval with --out FILE.npy, which computes and writes a result a few rows at a time; arrays in float32; a larger --budget"
	}
	return "a machine with more memory, or a higher limit of it"
}
