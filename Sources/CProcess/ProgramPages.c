#define _GNU_SOURCE
#include "CProcess.h"

#if defined(__linux__)
#include <link.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

static int drop_read_only_pages(struct dl_phdr_info *object, size_t size, void *dropped) {
    (void)size;
    const uintptr_t page = (uintptr_t)getpagesize();
    for (int index = 0; index < object->dlpi_phnum; index++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[index];
        if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W) != 0) continue;
        // Whole pages only: one that a writable segment shares is not this one's to drop.
        const uintptr_t begin = object->dlpi_addr + segment->p_vaddr;
        const uintptr_t start = (begin + page - 1) & ~(page - 1);
        const uintptr_t end = (begin + segment->p_memsz) & ~(page - 1);
        if (start < end && madvise((void *)start, end - start, MADV_DONTNEED) == 0) {
            *(long long *)dropped += (long long)(end - start);
        }
    }
    // The first object is the program itself, and the only one that is asked for.
    return 1;
}

long long glasspot_drop_read_only_pages(void) {
    long long dropped = 0;
    dl_iterate_phdr(drop_read_only_pages, &dropped);
    return dropped;
}
#else
long long glasspot_drop_read_only_pages(void) { return 0; }
#endif
