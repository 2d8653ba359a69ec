/* Linked into every program of the preset asan. hwloc, which MPICH uses, unloads its plug-ins at the
 * end, and what they still hold then looks like a leak of an unknown module that no line in
 * leaks.supp could name. Loaded they stay reachable. */
int dlclose(void* handle) {
  (void)handle;
  return 0;
}
