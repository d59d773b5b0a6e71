#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Counts the heap allocations of one thread between two points.
///
/// Linking this target replaces `malloc`, `calloc`, `realloc`, `posix_memalign`, `aligned_alloc` and `free` of the
/// whole process by forwarders to glibc's own. Each thread counts for itself, so other threads never disturb.
/// Under a sanitizer, which brings an allocator of its own, and without glibc nothing is replaced and nothing counted.

/// How many return addresses of a call site are kept.
#define MALLOC_PROBE_DEPTH_MAX 48
/// How many allocations are kept between `malloc_probe_trace` and `malloc_probe_end`; later ones are only counted.
#define MALLOC_PROBE_TRACES_MAX 4096

/// What a thread did between `malloc_probe_begin` and `malloc_probe_end`.
typedef struct {
    /// Blocks asked for; a `realloc` of a block counts as one.
    int64_t allocations;
    /// Blocks given back.
    int64_t frees;
    /// Bytes asked for.
    int64_t bytes;
} malloc_probe_counts;

/// One allocation: its size and the return addresses that led to it, innermost first.
typedef struct {
    /// Bytes asked for.
    size_t bytes;
    /// How many of `frames` are set.
    size_t depth;
    /// Return addresses.
    void *_Nullable frames[MALLOC_PROBE_DEPTH_MAX];
} malloc_probe_trace;

/// Whether this process counts at all.
bool malloc_probe_is_active(void);

/// Starts counting on the calling thread, from zero.
void malloc_probe_begin(void);

/// Starts counting on the calling thread and keeps every call site; one thread of the process at a time.
void malloc_probe_begin_tracing(void);

/// Stops counting on the calling thread.
malloc_probe_counts malloc_probe_end(void);

/// The call sites kept since `malloc_probe_begin_tracing`, valid until it is called again.
const malloc_probe_trace *_Nonnull malloc_probe_traces(size_t *_Nonnull count);

/// The file a return address lies in and its offset there, for a symbolizer; NULL when no file is mapped there.
const char *_Nullable malloc_probe_locate(const void *_Nullable address, uintptr_t *_Nonnull offset);
