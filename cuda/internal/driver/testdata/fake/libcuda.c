// A CUDA driver for tests, over the memory of the host. Its streams do nothing until something waits for them, so that
// a caller who relies on more than the order of a stream is found out. It knows the kernels of drivertest by name.
//
// With -DOLD some entry points are not there.
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


enum { DEVICES = 2, MEMORY = 512 << 20, FIRST_HANDLE = 10, SHARED = 64 << 10, ALLOWED = 48 << 10 };
enum { NOTHING = -1, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NOT_INITIALIZED = 3, INVALID_DEVICE = 101, INVALID_CONTEXT = 201,
       INVALID_PTX = 218, UNSUPPORTED_PTX = 222, INVALID_HANDLE = 400, NOT_FOUND = 500, NOT_READY = 600,
       ILLEGAL_ADDRESS = 700 };

typedef struct context context;
typedef struct block block;
typedef struct module module;
typedef struct function function;
typedef struct op op;
typedef struct stream stream;
typedef struct event event;

struct context { int retained; int sticky; size_t used; };
struct block { block *next; char *at; size_t bytes; context *owner; int host; };
struct module { context *owner; char *text; };
struct function { function *next; module *in; char name[64]; int allowed; };
struct op {
	op *next;
	enum { COPY, KERNEL, RECORD, WAIT } kind;
	void *dst; const void *src; size_t bytes;
	char name[64]; uint32_t grid[3], threads[3]; size_t shared; unsigned char params[4096]; size_t size;
	event *event; int generation;
};
struct stream { context *owner; op *first, **last; };
struct event { context *owner; int timed; int recorded, passed; stream *in; };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static __thread context *current;
static context contexts[DEVICES];
static block *blocks;
static function *functions;
static int initialised, live, visible = DEVICES;

// What the tests say must fail.
static struct { char entry[64]; int after, code; } script;

// fake_fail makes the n-th call of an entry point from now on fail, or every one if n is 0; the code NOTHING makes it
// succeed and do nothing. No entry point ends it.
void fake_fail(const char *entry, int n, int code) {
	snprintf(script.entry, sizeof script.entry, "%s", entry);
	script.after = n;
	script.code = code;
}

// fake_hide leaves the first n devices.
void fake_hide(int n) { visible = n; }

// fake_live is how many things were made and not given back.
int fake_live(void) { return live; }

static int scripted(const char *entry) {
	if (strcmp(script.entry, entry) != 0) return 0;
	if (script.after == 0) return script.code;
	return --script.after == 0 ? (script.entry[0] = 0, script.code) : 0;
}

// check is what fails before an entry point does anything.
static int check(const char *entry, int in_context) {
	int code = scripted(entry);
	if (code) return code;
	if (!initialised) return NOT_INITIALIZED;
	if (in_context && !current) return INVALID_CONTEXT;
	return in_context ? current->sticky : 0;
}

static int unlocked(int code) {
	pthread_mutex_unlock(&lock);
	return code;
}

#define ENTER(in_context) \
	pthread_mutex_lock(&lock); \
	int failed = check(__func__, in_context); \
	if (failed) return unlocked(failed == NOTHING ? 0 : failed);
#define LEAVE(code) return unlocked(code)

static block *block_of(const void *p, size_t bytes) {
	for (block *b = blocks; b; b = b->next)
		if ((const char *)p >= b->at && (const char *)p + bytes <= b->at + b->bytes) return b;
	return NULL;
}

static int on_device(const void *p, size_t bytes) {
	block *b = block_of(p, bytes);
	return b && !b->host;
}

static block *new_block(size_t bytes, int host) {
	block *b = malloc(sizeof *b);
	*b = (block){blocks, aligned_alloc(256, (bytes + 255) / 256 * 256), bytes, current, host};
	memset(b->at, 0xa5, bytes);
	blocks = b;
	live++;
	return b;
}

static int drop_block(const void *p, int host) {
	for (block **b = &blocks; *b; b = &(*b)->next)
		if ((*b)->at == p && (*b)->host == host) {
			block *gone = *b;
			*b = gone->next;
			if (!host) gone->owner->used -= gone->bytes;
			free(gone->at);
			free(gone);
			live--;
			return 0;
		}
	return INVALID_VALUE;
}

// PARAM is a parameter at its place.
#define PARAM(type, offset) (*(type *)(o->params + (offset)))

static int run_add(op *o) {
	float *x = PARAM(float *, 0), *y = PARAM(float *, 8), *out = PARAM(float *, 16);
	size_t n = PARAM(uint32_t, 24), threads = (size_t)o->grid[0] * o->threads[0];
	if (n > threads) n = threads;
	if (n && !(on_device(x, 4 * n) && on_device(y, 4 * n) && on_device(out, 4 * n))) return ILLEGAL_ADDRESS;
	for (size_t i = 0; i < n; i++) out[i] = x[i] + y[i];
	return 0;
}

static int run_parameters(op *o) {
	uint64_t *out = PARAM(uint64_t *, 0);
	if (o->size != 40 || !on_device(out, 48)) return ILLEGAL_ADDRESS;
	out[0] = PARAM(uint8_t, 8);
	out[1] = PARAM(uint16_t, 10);
	out[2] = PARAM(uint32_t, 12);
	out[3] = PARAM(uint64_t, 16);
	memcpy(out + 4, o->params + 24, 4);
	memcpy(out + 5, o->params + 32, 8);
	return 0;
}

static int run_reverse(op *o) {
	uint32_t *out = PARAM(uint32_t *, 0), n = PARAM(uint32_t, 8);
	if (!on_device(out, 4 * (size_t)n) || o->shared < 4 * (size_t)n) return ILLEGAL_ADDRESS;
	for (uint32_t i = 0; i < n; i++) out[i] = n - 1 - i;
	return 0;
}

static int run_kernel(op *o) {
	if (strcmp(o->name, "add") == 0) return run_add(o);
	if (strcmp(o->name, "parameters") == 0) return run_parameters(o);
	if (strcmp(o->name, "reverse") == 0) return run_reverse(o);
	return ILLEGAL_ADDRESS;
}

static void run_until(stream *s, event *e, int generation);

// run_one runs what is first in a stream.
static void run_one(stream *s) {
	op *o = s->first;
	s->first = o->next;
	if (!s->first) s->last = &s->first;
	int code = 0;
	if (!s->owner->sticky) switch (o->kind) {
		case COPY: memmove(o->dst, o->src, o->bytes); break;
		case KERNEL: code = run_kernel(o); break;
		case WAIT: if (o->event->passed < o->generation) run_until(o->event->in, o->event, o->generation); break;
		case RECORD: break;
	}
	if (o->kind == RECORD && o->generation > o->event->passed) o->event->passed = o->generation;
	if (code) s->owner->sticky = code;
	free(o);
}

// run_until runs a stream until an event in it has passed; without an event, to its end.
static void run_until(stream *s, event *e, int generation) {
	while (s->first && !(e && e->passed >= generation)) run_one(s);
}

static int put(stream *s, op o) {
	if (!s) return INVALID_HANDLE;
	op *made = malloc(sizeof o);
	*made = o;
	made->next = NULL;
	*s->last = made;
	s->last = &made->next;
	return 0;
}

int cuInit(unsigned flags) {
	int code = scripted(__func__);
	if (code || flags) return code ? code : INVALID_VALUE;
	initialised = 1;
	return 0;
}

int cuDriverGetVersion(int *version) { ENTER(0) *version = 12040; LEAVE(0); }

int cuGetErrorName(int code, const char **name) {
	*name = code == OUT_OF_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY" : code == 4711 ? "CUDA_ERROR_OF_THE_FUTURE" : NULL;
	return *name ? 0 : INVALID_VALUE;
}

int cuGetErrorString(int code, const char **text) {
	*text = code == OUT_OF_MEMORY ? "out of memory, says the fake" : code == 4711 ? "the future is not here" : NULL;
	return *text ? 0 : INVALID_VALUE;
}

int cuDeviceGetCount(int *count) { ENTER(0) *count = visible; LEAVE(0); }

int cuDeviceGet(int *device, int ordinal) {
	ENTER(0)
	if (ordinal < 0 || ordinal >= visible) LEAVE(INVALID_DEVICE);
	*device = FIRST_HANDLE + ordinal;
	LEAVE(0);
}

static context *context_of(int device) {
	int ordinal = device - FIRST_HANDLE;
	return ordinal < 0 || ordinal >= DEVICES ? NULL : &contexts[ordinal];
}

int cuDeviceGetName(char *name, int bytes, int device) {
	ENTER(0)
	if (!context_of(device)) LEAVE(INVALID_DEVICE);
	snprintf(name, bytes, "Fake %d", device - FIRST_HANDLE);
	LEAVE(0);
}

int cuDeviceTotalMem_v2(size_t *bytes, int device) {
	ENTER(0)
	if (!context_of(device)) LEAVE(INVALID_DEVICE);
	*bytes = MEMORY;
	LEAVE(0);
}

int cuDeviceGetAttribute(int *value, int attribute, int device) {
	ENTER(0)
	if (!context_of(device)) LEAVE(INVALID_DEVICE);
	switch (attribute) {
	case 13: *value = 1980000; break;
	case 16: *value = 4; break;
	case 20: *value = 0; break;
	case 33: case 34: *value = device; break;
	case 36: *value = 2619000; break;
	case 37: *value = 5120; break;
	case 38: *value = 1 << 20; break;
	case 41: *value = 1; break;
	case 75: *value = 7; break;
	case 76: *value = 0; break;
	case 97: *value = SHARED; break;
	default: LEAVE(INVALID_VALUE);
	}
	LEAVE(0);
}

int cuDevicePrimaryCtxRetain(context **c, int device) {
	ENTER(0)
	*c = context_of(device);
	if (!*c) LEAVE(INVALID_DEVICE);
	(*c)->retained++;
	live++;
	LEAVE(0);
}

int cuDevicePrimaryCtxRelease_v2(int device) {
	ENTER(0)
	context *c = context_of(device);
	if (!c || !c->retained) LEAVE(INVALID_CONTEXT);
	c->retained--;
	live--;
	LEAVE(0);
}

int cuCtxSetCurrent(context *c) {
	ENTER(0)
	if (c && !c->retained) LEAVE(INVALID_CONTEXT);
	current = c;
	LEAVE(0);
}

// log_line puts a message in the buffer that an option names.
static void log_line(int option, unsigned count, int *options, void **values, const char *text) {
	char *buffer = NULL;
	for (unsigned i = 0; i < count; i++)
		if (options[i] == option) buffer = values[i];
	for (unsigned i = 0; i < count; i++)
		if (options[i] == option + 1 && buffer) {
			size_t size = (unsigned)(uintptr_t)values[i];
			snprintf(buffer, size, "%s", text);
			values[i] = (void *)(uintptr_t)strlen(buffer);
		}
}

// compile says what is wrong with a module.
static int compile(const char *text, unsigned count, int *options, void **values) {
	double version;
	const char *at = strstr(text, "frobnicate");
	if (sscanf(text, ".version %lf", &version) != 1) return INVALID_PTX;
	if (version > 8.4) {
		log_line(5, count, options, values, "ptxas fatal   : Unsupported .version; current version is '8.4'\n");
		return UNSUPPORTED_PTX;
	}
	if (!at) return 0;
	int line = 1;
	for (const char *p = text; p < at; p++) line += *p == '\n';
	char message[200];
	snprintf(message, sizeof message, "ptxas application ptx input, line %d; error   : Not a name of any known instruction: 'frobnicate'\n", line);
	log_line(5, count, options, values, message);
	return INVALID_PTX;
}

int cuModuleLoadDataEx(module **m, const char *text, unsigned count, int *options, void **values) {
	ENTER(1)
	int code = compile(text, count, options, values);
	if (code) LEAVE(code);
	*m = malloc(sizeof **m);
	**m = (module){current, strdup(text)};
	live++;
	LEAVE(0);
}

int cuModuleUnload(module *m) {
	ENTER(1)
	if (!m || m->owner != current) LEAVE(INVALID_HANDLE);
	for (function **f = &functions; *f;)
		if ((*f)->in == m) {
			function *gone = *f;
			*f = gone->next;
			free(gone);
		} else
			f = &(*f)->next;
	free(m->text);
	free(m);
	live--;
	LEAVE(0);
}

int cuModuleGetFunction(function **f, module *m, const char *name) {
	ENTER(1)
	if (!m || m->owner != current) LEAVE(INVALID_HANDLE);
	char wanted[100];
	snprintf(wanted, sizeof wanted, ".entry %s(", name);
	if (!strstr(m->text, wanted)) LEAVE(NOT_FOUND);
	*f = calloc(1, sizeof **f);
	(*f)->in = m;
	(*f)->allowed = ALLOWED;
	(*f)->next = functions;
	functions = *f;
	snprintf((*f)->name, sizeof (*f)->name, "%s", name);
	LEAVE(0);
}

int cuMemAlloc_v2(void **p, size_t bytes) {
	ENTER(1)
	if (!bytes) LEAVE(INVALID_VALUE);
	if (bytes > MEMORY - current->used) LEAVE(OUT_OF_MEMORY);
	current->used += bytes;
	*p = new_block(bytes, 0)->at;
	LEAVE(0);
}

int cuMemFree_v2(void *p) {
	ENTER(1)
	LEAVE(drop_block(p, 0));
}

int cuMemGetInfo_v2(size_t *available, size_t *total) {
	ENTER(1)
	*available = MEMORY - current->used;
	*total = MEMORY;
	LEAVE(0);
}

static int copy(stream *s, void *dst, const void *src, size_t bytes) {
	if (!s || s->owner != current) return INVALID_HANDLE;
	return put(s, (op){.kind = COPY, .dst = dst, .src = src, .bytes = bytes});
}

int cuMemcpyHtoDAsync_v2(void *dst, const void *src, size_t bytes, stream *s) {
	ENTER(1)
	LEAVE(on_device(dst, bytes) ? copy(s, dst, src, bytes) : INVALID_VALUE);
}

int cuMemcpyDtoHAsync_v2(void *dst, const void *src, size_t bytes, stream *s) {
	ENTER(1)
	LEAVE(on_device(src, bytes) ? copy(s, dst, src, bytes) : INVALID_VALUE);
}

int cuMemcpyDtoDAsync_v2(void *dst, const void *src, size_t bytes, stream *s) {
	ENTER(1)
	LEAVE(on_device(src, bytes) && on_device(dst, bytes) ? copy(s, dst, src, bytes) : INVALID_VALUE);
}

int cuMemcpyPeerAsync(void *dst, context *to, const void *src, context *from, size_t bytes, stream *s) {
	ENTER(1)
	if (!on_device(src, bytes) || !on_device(dst, bytes)) LEAVE(INVALID_VALUE);
	if (block_of(src, bytes)->owner != from || block_of(dst, bytes)->owner != to) LEAVE(INVALID_CONTEXT);
	LEAVE(copy(s, dst, src, bytes));
}

int cuStreamCreate(stream **s, unsigned flags) {
	ENTER(1)
	if (flags != 1) LEAVE(INVALID_VALUE);
	*s = malloc(sizeof **s);
	**s = (stream){current, NULL, NULL};
	(*s)->last = &(*s)->first;
	live++;
	LEAVE(0);
}

int cuStreamDestroy_v2(stream *s) {
	ENTER(1)
	if (!s || s->owner != current) LEAVE(INVALID_HANDLE);
	run_until(s, NULL, 0);
	free(s);
	live--;
	LEAVE(0);
}

int cuStreamSynchronize(stream *s) {
	ENTER(1)
	if (!s || s->owner != current) LEAVE(INVALID_HANDLE);
	run_until(s, NULL, 0);
	LEAVE(current->sticky);
}

int cuStreamWaitEvent(stream *s, event *e, unsigned flags) {
	ENTER(1)
	if (!e || flags) LEAVE(INVALID_HANDLE);
	LEAVE(put(s, (op){.kind = WAIT, .event = e, .generation = e->recorded}));
}

int cuEventCreate(event **e, unsigned flags) {
	ENTER(1)
	*e = calloc(1, sizeof **e);
	(*e)->owner = current;
	(*e)->timed = !(flags & 2);
	live++;
	LEAVE(0);
}

int cuEventDestroy_v2(event *e) {
	ENTER(1)
	if (!e || e->owner != current) LEAVE(INVALID_HANDLE);
	if (e->passed < e->recorded) run_until(e->in, e, e->recorded);
	free(e);
	live--;
	LEAVE(0);
}

int cuEventRecord(event *e, stream *s) {
	ENTER(1)
	if (!e || e->owner != current) LEAVE(INVALID_HANDLE);
	e->in = s;
	LEAVE(put(s, (op){.kind = RECORD, .event = e, .generation = ++e->recorded}));
}

// cuEventQuery lets the stream go on by one step.
int cuEventQuery(event *e) {
	ENTER(1)
	if (!e) LEAVE(INVALID_HANDLE);
	if (e->passed >= e->recorded) LEAVE(0);
	run_one(e->in);
	LEAVE(current->sticky ? current->sticky : NOT_READY);
}

int cuEventSynchronize(event *e) {
	ENTER(1)
	if (!e) LEAVE(INVALID_HANDLE);
	if (e->passed < e->recorded) run_until(e->in, e, e->recorded);
	LEAVE(current->sticky);
}

int cuEventElapsedTime(float *milliseconds, event *from, event *to) {
	ENTER(1)
	if (!from->timed || !to->timed || !from->recorded || !to->recorded) LEAVE(INVALID_HANDLE);
	if (from->passed < from->recorded || to->passed < to->recorded) LEAVE(NOT_READY);
	*milliseconds = 12.5;
	LEAVE(0);
}

// pack_by_name is the parameters where they are given one by one.
static void pack_by_name(op *o, void **values) {
	static const struct { const char *name; int count, sizes[8]; } known[] = {
		{"add", 4, {8, 8, 8, 4}},
		{"parameters", 7, {8, 1, 2, 4, 8, 4, 8}},
		{"reverse", 2, {8, 4}},
		{"stray", 1, {8}},
	};
	for (unsigned k = 0; k < sizeof known / sizeof *known; k++)
		if (strcmp(o->name, known[k].name) == 0)
			for (int i = 0; i < known[k].count; i++) {
				int size = known[k].sizes[i];
				o->size = (o->size + size - 1) / size * size;
				memcpy(o->params + o->size, values[i], size);
				o->size += size;
			}
}

// pack_buffer is the parameters where they are given packed.
static int pack_buffer(op *o, void **extra) {
	void *at = NULL;
	for (; *extra; extra += 2)
		if ((uintptr_t)extra[0] == 1) at = extra[1];
		else if ((uintptr_t)extra[0] == 2) o->size = *(size_t *)extra[1];
		else return INVALID_VALUE;
	if (!at || o->size > sizeof o->params) return INVALID_VALUE;
	memcpy(o->params, at, o->size);
	return 0;
}

int cuLaunchKernel(function *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                   unsigned shared, stream *s, void **values, void **extra) {
	ENTER(1)
	if (!f || f->in->owner != current || !s || s->owner != current) LEAVE(INVALID_HANDLE);
	if (!gx || !gy || !gz || gy > 65535 || gz > 65535) LEAVE(INVALID_VALUE);
	if (!bx || !by || !bz || (size_t)bx * by * bz > 1024 || shared > (unsigned)f->allowed) LEAVE(INVALID_VALUE);
	op o = {.kind = KERNEL, .grid = {gx, gy, gz}, .threads = {bx, by, bz}, .shared = shared};
	memcpy(o.name, f->name, sizeof o.name);
	if (!values == !extra) LEAVE(INVALID_VALUE);
	if (values) pack_by_name(&o, values);
	else if (pack_buffer(&o, extra)) LEAVE(INVALID_VALUE);
	LEAVE(put(s, o));
}

#ifndef OLD

int cuFuncSetAttribute(function *f, int attribute, int value) {
	ENTER(1)
	if (!f) LEAVE(INVALID_HANDLE);
	if (attribute != 8 || value < 0 || value > SHARED) LEAVE(INVALID_VALUE);
	f->allowed = value > ALLOWED ? value : ALLOWED;
	LEAVE(0);
}

int cuMemHostAlloc(void **p, size_t bytes, unsigned flags) {
	ENTER(1)
	if (!bytes || flags != 1) LEAVE(INVALID_VALUE);
	*p = new_block(bytes, 1)->at;
	LEAVE(0);
}

int cuMemFreeHost(void *p) {
	ENTER(1)
	LEAVE(drop_block(p, 1));
}

#endif
