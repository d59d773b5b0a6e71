#include "CProcess.h"

#if defined(__linux__)
#include <features.h>
#endif

// The sanitizers bring their own heap, and glibc's is not even set up then.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define GLASSPOT_HAS_OTHER_HEAP 1
#endif
#endif

#if defined(__GLIBC__) && (__GLIBC__ > 2 || (__GLIBC__ == 2 && __GLIBC_MINOR__ >= 33)) && !defined(GLASSPOT_HAS_OTHER_HEAP)
#include <malloc.h>

long long glasspot_heap_bytes_in_use(void) {
    struct mallinfo2 info = mallinfo2();
    return (long long)info.uordblks + (long long)info.hblkhd;
}
#else
long long glasspot_heap_bytes_in_use(void) { return -1; }
#endif
