#ifndef GLASSPOT_HEAP_INFO_H
#define GLASSPOT_HEAP_INFO_H

/// The heap bytes in use as the allocator reports them, memory of its own mappings included;
/// -1 where it offers no figure (mallinfo2 came with glibc 2.33).
///
/// Takes each arena's lock for the time of walking its free lists.
long long glasspot_heap_bytes_in_use(void);

#endif
