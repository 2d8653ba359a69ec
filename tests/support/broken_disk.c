/* A disk or MPI-IO driver that does not do what it should, for the files whose path holds the text
 * in RITZ_BROKEN_PATH. Preloaded (LD_PRELOAD); RITZ_BROKEN_WAY says how:
 *   damage  one bit of every larger piece is wrong
 *   refuse  no larger piece is taken (EIO)
 *   hang    writing a larger piece takes for ever
 * Larger: 4 KiB and more, so that the small entries of a file are there. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef ssize_t (*write_function)(int, const void*, size_t, off_t);

static int is_meant(int file) {
  const char* part = getenv("RITZ_BROKEN_PATH");
  char link[64], path[4096];
  if (part == NULL) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  const ssize_t n = readlink(link, path, sizeof path - 1);
  if (n < 0) return 0;
  path[n] = '\0';
  return strstr(path, part) != NULL;
}

static ssize_t write_badly(write_function next, int file, const void* data, size_t size, off_t at) {
  const char* way = getenv("RITZ_BROKEN_WAY");
  if (way == NULL || size < 4096 || !is_meant(file)) return next(file, data, size, at);
  if (strcmp(way, "refuse") == 0) {
    errno = EIO;
    return -1;
  }
  if (strcmp(way, "hang") == 0) {
    while (1) pause();
  }
  char* copy = malloc(size);
  if (copy == NULL) return -1;
  memcpy(copy, data, size);
  copy[size / 2] ^= 1;
  const ssize_t n = next(file, copy, size, at);
  free(copy);
  return n;
}

ssize_t pwrite(int file, const void* data, size_t size, off_t at) {
  return write_badly((write_function)dlsym(RTLD_NEXT, "pwrite"), file, data, size, at);
}
ssize_t pwrite64(int file, const void* data, size_t size, off_t at) {
  return write_badly((write_function)dlsym(RTLD_NEXT, "pwrite64"), file, data, size, at);
}
