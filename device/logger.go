package device

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
)

// logger is what SetLogger set, or nil.
var logger atomic.Pointer[slog.Logger]

// SetLogger says where warnings and the transfers that a guard logs are written. Without it, and with
// nil, that is slog.Default at the time. slog.New(slog.DiscardHandler) turns them off.
func SetLogger(l *slog.Logger) { logger.Store(l) }

// Logger is where warnings are written.
func Logger() *slog.Logger {
	if l := logger.Load(); l != nil {
		return l
	}
	return slog.Default()
}

// mostWarned is how many warnings Warn remembers. It is quiet from then on.
const mostWarned = 1024

// warned is the warnings that Warn wrote, by message and call site.
var warned struct {
	mu   sync.Mutex
	seen map[warning]bool
}

type warning struct {
	text string
	site Site
}

// Warn logs a warning about a line of the user's program, once a line and message, so that a loop
// does not flood the log. The line is an attribute "site", and args are more, as slog has them.
func Warn(ctx context.Context, text string, site Site, args ...any) {
	log := Logger()
	if !log.Enabled(ctx, slog.LevelWarn) || !firstTime(warning{text, site}) {
		return
	}
	log.WarnContext(ctx, text, append([]any{slog.String("site", site.String())}, args...)...)
}

// firstTime reports whether a warning was not written before, and notes it.
func firstTime(w warning) bool {
	warned.mu.Lock()
	defer warned.mu.Unlock()
	if warned.seen[w] || len(warned.seen) >= mostWarned {
		return false
	}
	if warned.seen == nil {
		warned.seen = map[warning]bool{}
	}
	warned.seen[w] = true
	return true
}
