// For dladdr.
#define _GNU_SOURCE

#include "CMallocProbe.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define MALLOC_PROBE_SANITIZED 1
#endif
#endif

#if defined(__linux__)
#include <features.h>
#endif

#if defined(__GLIBC__) && !defined(MALLOC_PROBE_SANITIZED)

#include <dlfcn.h>
#include <errno.h>
#include <unwind.h>

// glibc's own allocator under the names that nobody replaces.
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

enum mode { mode_off, mode_counting, mode_tracing };

// In an executable these are found at a fixed distance from the thread pointer: reading them allocates nothing.
static __thread enum mode mode;
static __thread malloc_probe_counts counts;

static malloc_probe_trace traces[MALLOC_PROBE_TRACES_MAX];
static size_t trace_count;

static _Unwind_Reason_Code add_frame(struct _Unwind_Context *context, void *argument) {
    malloc_probe_trace *trace = argument;
    if (trace->depth == MALLOC_PROBE_DEPTH_MAX) { return _URC_END_OF_STACK; }
    trace->frames[trace->depth++] = (void *)_Unwind_GetIP(context);
    return _URC_NO_REASON;
}

// Always inlined, so that a trace begins with the replaced function.
static inline __attribute__((always_inline)) void note(size_t bytes) {
    if (mode == mode_off) { return; }
    counts.allocations += 1;
    counts.bytes += (int64_t)bytes;
    if (mode != mode_tracing || trace_count == MALLOC_PROBE_TRACES_MAX) { return; }
    // Unwinding may allocate; that is not what is being counted.
    mode = mode_off;
    malloc_probe_trace *trace = &traces[trace_count++];
    trace->bytes = bytes;
    trace->depth = 0;
    _Unwind_Backtrace(add_frame, trace);
    mode = mode_tracing;
}

void *malloc(size_t bytes) {
    note(bytes);
    return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes) {
    note(count * bytes);
    return __libc_calloc(count, bytes);
}

void *realloc(void *block, size_t bytes) {
    note(bytes);
    return __libc_realloc(block, bytes);
}

int posix_memalign(void **block, size_t alignment, size_t bytes) {
    note(bytes);
    if (alignment < sizeof(void *) || (alignment & (alignment - 1)) != 0) { return EINVAL; }
    void *made = __libc_memalign(alignment, bytes);
    if (made == NULL) { return ENOMEM; }
    *block = made;
    return 0;
}

void *aligned_alloc(size_t alignment, size_t bytes) {
    note(bytes);
    return __libc_memalign(alignment, bytes);
}

void free(void *block) {
    if (mode != mode_off && block != NULL) { counts.frees += 1; }
    __libc_free(block);
}

bool malloc_probe_is_active(void) { return true; }

void malloc_probe_begin(void) {
    counts = (malloc_probe_counts){0, 0, 0};
    mode = mode_counting;
}

void malloc_probe_begin_tracing(void) {
    trace_count = 0;
    counts = (malloc_probe_counts){0, 0, 0};
    mode = mode_tracing;
}

malloc_probe_counts malloc_probe_end(void) {
    mode = mode_off;
    return counts;
}

const malloc_probe_trace *malloc_probe_traces(size_t *count) {
    *count = trace_count;
    return traces;
}

const char *malloc_probe_locate(const void *address, uintptr_t *offset) {
    Dl_info info;
    if (dladdr(address, &info) == 0 || info.dli_fname == NULL) { return NULL; }
    *offset = (uintptr_t)address - (uintptr_t)info.dli_fbase;
    return info.dli_fname;
}

#else

static const malloc_probe_trace nothing;

bool malloc_probe_is_active(void) { return false; }

void malloc_probe_begin(void) {}

void malloc_probe_begin_tracing(void) {}

malloc_probe_counts malloc_probe_end(void) { return (malloc_probe_counts){0, 0, 0}; }

const malloc_probe_trace *malloc_probe_traces(size_t *count) {
    *count = 0;
    return &nothing;
}

const char *malloc_probe_locate(const void *address, uintptr_t *offset) {
    (void)address;
    *offset = 0;
    return NULL;
}

#endif
