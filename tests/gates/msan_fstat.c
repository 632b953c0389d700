/* clang 14 does not know that fstat() fills what it is given: since glibc 2.33 it is a function of its own. With
 * _FILE_OFFSET_BITS=64 its name is another one. */
#include <fcntl.h>
#include <sanitizer/msan_interface.h>
#include <sys/stat.h>

int fstat(int fd, struct stat *info)
{
  int rc = fstatat(fd, "", info, AT_EMPTY_PATH);

  __msan_unpoison(info, sizeof(*info));
  return rc;
}

int fstat64(int fd, struct stat64 *info)
{
  int rc = fstatat64(fd, "", info, AT_EMPTY_PATH);

  __msan_unpoison(info, sizeof(*info));
  return rc;
}
