#pragma once

/// Shows the thread sanitizer the order that `Synchronization.Mutex` makes.
///
/// A contended lock is taken and let go inside libswiftSynchronization, whose code the sanitizer does not see: to it the
/// thread that waited has never met the one that let go, and everything the mutex guards looks like a race. Linking
/// this target puts forwarders before those two functions, which tell the sanitizer. Nothing is called by name, and
/// without the thread sanitizer there is nothing in it.
