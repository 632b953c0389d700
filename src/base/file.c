#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "fcgiproxy/error.h"

/* What read(2) does with more than SSIZE_MAX is up to the system. */
#define LONGEST_READ ((size_t)1 << 30)

/* O_NOCTTY: a path that names a terminal must not change the process. -1 if it cannot be opened. */
static int open_for_reading(const char *path)
{
  int fd;

  do {
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

/* FCGIP_OK with *n, 0 at the end of the file; FCGIP_EFILE. */
static int read_some(int fd, void *data, size_t len, size_t *n)
{
  ssize_t got;

  do {
    got = read(fd, data, len < LONGEST_READ ? len : LONGEST_READ);
  } while (got < 0 && errno == EINTR);
  if (got < 0)
    return FCGIP_EFILE;
  *n = (size_t)got;
  return FCGIP_OK;
}

/* Makes room for all of a regular file at once. Its size is only a hint: other kinds have none,
 * those under /proc have 0, and any can grow or shrink while it is read. */
static int reserve_by_size(fcgip__buffer *out, int fd)
{
  struct stat info;

  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size <= 0)
    return FCGIP_OK;
  if ((uintmax_t)info.st_size > out->limit)
    return FCGIP_ETOOLARGE; /* and it may be more than a size_t holds */
  return fcgip__buffer_reserve(out, (size_t)info.st_size);
}

/* 1 if something came, 0 at the end. With no room left a single byte is asked for, so that neither
 * finding the end nor filling the buffer to its very limit takes more memory than the file has
 * bytes. */
static int read_more(fcgip__buffer *out, int fd)
{
  size_t room = out->cap > 0 ? out->cap - out->len - 1 : 0;
  size_t n;
  uint8_t byte;
  int rc;

  if (room == 0) {
    rc = read_some(fd, &byte, 1, &n);
    if (rc == FCGIP_OK && n > 0)
      rc = fcgip__buffer_add_byte(out, byte);
  } else {
    rc = read_some(fd, out->data + out->len, room, &n);
    if (rc == FCGIP_OK)
      out->len += n;
  }
  if (rc < 0)
    return rc;
  return n > 0;
}

int fcgip__file_read(fcgip__buffer *out, const char *path)
{
  size_t before = out->len;
  int fd = open_for_reading(path);
  int rc;

  if (fd < 0)
    return FCGIP_EFILE;
  rc = reserve_by_size(out, fd);
  if (rc == FCGIP_OK) {
    do {
      rc = read_more(out, fd);
    } while (rc > 0);
  }
  /* Nothing was written, so there is nothing that a failure of close could mean. */
  close(fd);

  if (rc < 0)
    out->len = before;
  if (out->data != NULL)
    out->data[out->len] = '\0';
  return rc;
}
