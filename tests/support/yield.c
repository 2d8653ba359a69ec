/* MPICH 4.0 with UCX busy-waits and never gives up the processor, so that with more ranks than
 * cores each message waits for a time slice of the scheduler: milliseconds instead of microseconds.
 * Preloaded (LD_PRELOAD), this library yields each time UCX made no progress.
 * See docs/decisions/0003-yielding-preload.md. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

typedef unsigned (*progress_function)(void*);

unsigned ucp_worker_progress(void* worker) {
  static progress_function next = NULL;
  unsigned n_events;
  if (next == NULL) {
    /* Threads that race here all store the same value. */
    next = (progress_function)dlsym(RTLD_NEXT, "ucp_worker_progress");
    if (next == NULL) { /* OpenMPI loads UCX as a plugin, whose symbols are not global. */
      void* ucp = dlopen("libucp.so.0", RTLD_LAZY | RTLD_NOLOAD);
      if (ucp != NULL) next = (progress_function)dlsym(ucp, "ucp_worker_progress");
    }
    if (next == NULL) {
      fputs("libritz_yield: no ucp_worker_progress behind this library\n", stderr);
      abort();
    }
  }
  n_events = next(worker);
  if (n_events == 0) sched_yield();
  return n_events;
}
