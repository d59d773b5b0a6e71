#define _GNU_SOURCE
#include "CSanitizer.h"

#if defined(__has_feature) && defined(__linux__)
#if __has_feature(thread_sanitizer)
#define HAS_THREAD_SANITIZER 1
#endif
#endif

#if HAS_THREAD_SANITIZER
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

// Of the library's stable interface: `_MutexHandle._lockSlow(_: UInt32)` with the caller's thread id, and
// `_MutexHandle._unlockSlow()`. `self` is the word of the futex, on which the inlined fast paths work with atomics that
// the sanitizer does see.
#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

// Of the sanitizer's runtime (LLVM's tsan_interface.h): what was released at an address happened before what follows an
// acquire there.
void __tsan_acquire(void *address);
void __tsan_release(void *address);

typedef __attribute__((swiftcall)) void (*lock_function)(uint32_t, __attribute__((swift_context)) void *);
typedef __attribute__((swiftcall)) void (*unlock_function)(__attribute__((swift_context)) void *);

__attribute__((swiftcall)) void sanitizer_lock_slow(uint32_t thread, __attribute__((swift_context)) void *mutex)
    __asm__(LOCK_SLOW);
__attribute__((swiftcall)) void sanitizer_unlock_slow(__attribute__((swift_context)) void *mutex)
    __asm__(UNLOCK_SLOW);

/// The library's own function of a name, looked up once.
static void *library_function(_Atomic(void *) *found, const char *name) {
    void *function = atomic_load_explicit(found, memory_order_relaxed);
    if (function == NULL) {
        function = dlsym(RTLD_NEXT, name);
        if (function == NULL) abort();
        atomic_store_explicit(found, function, memory_order_relaxed);
    }
    return function;
}

__attribute__((swiftcall)) void sanitizer_lock_slow(uint32_t thread, __attribute__((swift_context)) void *mutex) {
    static _Atomic(void *) library;
    ((lock_function)library_function(&library, LOCK_SLOW))(thread, mutex);
    __tsan_acquire(mutex);
}

__attribute__((swiftcall)) void sanitizer_unlock_slow(__attribute__((swift_context)) void *mutex) {
    static _Atomic(void *) library;
    unlock_function unlock = (unlock_function)library_function(&library, UNLOCK_SLOW);
    __tsan_release(mutex);
    unlock(mutex);
}
#endif
