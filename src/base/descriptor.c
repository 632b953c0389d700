#include "base/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "fcgiproxy/error.h"

#define PATH_CAP 3072u /* of a stack that may be small */
#define NAME_PATTERN "/fcgiproxy-XXXXXX"

int fcgip__descriptor_copy(int fd, int *copy, uint64_t *size)
{
  struct stat info;

  if (fd < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size < 0)
    return FCGIP_EFILE;
  *copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (*copy < 0)
    return FCGIP_EFILE;
  *size = (uint64_t)info.st_size;
  return FCGIP_OK;
}

int fcgip__descriptor_read_at(int fd, uint64_t offset, void *buffer, size_t cap, size_t *n)
{
  ssize_t got;

  *n = 0;
  if (offset > INT64_MAX || (uint64_t)(off_t)offset != offset)
    return FCGIP_EFILE;
  do {
    got = pread(fd, buffer, cap, (off_t)offset);
  } while (got < 0 && errno == EINTR);
  if (got < 0)
    return FCGIP_EFILE;
  *n = (size_t)got;
  return FCGIP_OK;
}

int fcgip__descriptor_temporary(const char *directory, int *fd)
{
  char path[PATH_CAP];
  size_t len = strlen(directory);

  if (len + sizeof(NAME_PATTERN) > sizeof(path))
    return FCGIP_EINVAL;
  memcpy(path, directory, len);
  memcpy(path + len, NAME_PATTERN, sizeof(NAME_PATTERN));
  *fd = mkstemp(path);
  if (*fd < 0)
    return FCGIP_EFILE;
  if (unlink(path) < 0 || fcntl(*fd, F_SETFD, FD_CLOEXEC) < 0) {
    close(*fd);
    return FCGIP_EFILE;
  }
  return FCGIP_OK;
}

int fcgip__descriptor_append(int fd, const void *data, size_t len)
{
  const uint8_t *at = data;

  while (len > 0) {
    ssize_t n = write(fd, at, len);

    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return FCGIP_EFILE;
    at += n;
    len -= (size_t)n;
  }
  return FCGIP_OK;
}

void fcgip__descriptor_close(int fd)
{
  if (fd >= 0)
    (void)close(fd);
}
