#ifndef GLASSPOT_PROCESS_H
#define GLASSPOT_PROCESS_H

/// The heap bytes in use as the allocator reports them, memory of its own mappings included;
/// -1 where it offers no figure (mallinfo2 came with glibc 2.33).
///
/// Takes each arena's lock for the time of walking its free lists.
long long glasspot_heap_bytes_in_use(void);

/// Drops the resident pages of the program's segments that were never writable, and returns how many bytes they span.
///
/// Nothing is lost: such a page equals the file and is mapped from it again when it is needed. 0 where the system
/// does not tell a program its segments.
long long glasspot_drop_read_only_pages(void);

#endif
